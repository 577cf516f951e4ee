/** What each protection profile consists of (RFC 5764 §4.1.2, RFC 7714 §14.2). */
import { AEAD_TAG_LENGTH, type AeadName } from '../crypto/provider.ts';
import type { SrtpProfile } from '../dtls/srtp-profiles.ts';

/** Lengths in bytes. */
export type ProfileParameters = {
  /** Of master key and session encryption key. */
  readonly keyLength: number;
  /** Of master salt and session salt. */
  readonly saltLength: number;
  /** Of the session key of HMAC-SHA1; 0 where the cipher authenticates. */
  readonly authKeyLength: number;
  readonly rtpTagLength: number;
  readonly rtcpTagLength: number;
  /** `null`: AES-CM and HMAC-SHA1. */
  readonly aead: AeadName | null;
};

const AES_128_CM = { keyLength: 16, saltLength: 14, authKeyLength: 20, rtcpTagLength: 10, aead: null } as const;
const GCM = {
  saltLength: 12,
  authKeyLength: 0,
  rtpTagLength: AEAD_TAG_LENGTH,
  rtcpTagLength: AEAD_TAG_LENGTH,
} as const;

export const PROFILE_PARAMETERS: Readonly<Record<SrtpProfile, ProfileParameters>> = {
  SRTP_AES128_CM_HMAC_SHA1_80: { ...AES_128_CM, rtpTagLength: 10 },
  // "RTCP auth_tag_length: 80": only RTP is given the short tag.
  SRTP_AES128_CM_HMAC_SHA1_32: { ...AES_128_CM, rtpTagLength: 4 },
  SRTP_AEAD_AES_128_GCM: { ...GCM, keyLength: 16, aead: 'aes-128-gcm' },
  SRTP_AEAD_AES_256_GCM: { ...GCM, keyLength: 32, aead: 'aes-256-gcm' },
};

/** Bytes of the word of E flag and index that every SRTCP packet carries (RFC 3711 §3.4). */
export const SRTCP_INDEX_LENGTH = 4;

/** Most bytes that protection adds behind an RTP packet, whatever the profile. */
export const SRTP_MAX_OVERHEAD: number = AEAD_TAG_LENGTH;
/** Most bytes that protection adds behind an RTCP packet, whatever the profile. */
export const SRTCP_MAX_OVERHEAD: number = AEAD_TAG_LENGTH + SRTCP_INDEX_LENGTH;
