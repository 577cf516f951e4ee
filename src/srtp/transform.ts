/**
 * How packets are encrypted and authenticated under session keys (RFC 3711 §4, RFC 7714), in place. A transform knows the
 * formats; of sources, replays and limits it knows nothing. Lengths and headers are checked before it is called.
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import type { SrtpProfile } from '../dtls/srtp-profiles.ts';
import { AeadTransform } from './aead-transform.ts';
import { AesCmTransform } from './aes-cm-transform.ts';
import type { SessionKeys } from './keys.ts';
import { PROFILE_PARAMETERS } from './profiles.ts';

export interface SrtpTransform {
  /** Bytes an SRTP packet is longer than its RTP packet. */
  readonly rtpOverhead: number;
  /** Bytes an SRTCP packet is longer than its RTCP packet. */
  readonly rtcpOverhead: number;
  /** How many bytes before the end of an SRTCP packet the word of E flag and index begins. */
  readonly rtcpIndexDistance: number;

  /** Protects the RTP packet in `packet[start, end)`, whose payload begins at `payload`; writes `rtpOverhead` bytes at `end`. */
  protectRtp(packet: Uint8Array, start: number, payload: number, end: number, ssrc: number, index: number): void;
  /** Whether the SRTP packet that fills `packet` is authentic. If so, it is decrypted, up to `rtpOverhead` before its end. */
  unprotectRtp(packet: Uint8Array, payload: number, ssrc: number, index: number): boolean;
  /** Protects the RTCP packet in `packet[start, end)`, always encrypted; writes `rtcpOverhead` bytes at `end`. */
  protectRtcp(packet: Uint8Array, start: number, end: number, ssrc: number, index: number): void;
  /** Whether the SRTCP packet that fills `packet` is authentic. If so, it is decrypted, up to `rtcpOverhead` before its end. */
  unprotectRtcp(packet: Uint8Array, ssrc: number, index: number): boolean;
}

export function createTransform(
  crypto: CryptoProvider,
  profile: SrtpProfile,
  keys: { readonly rtp: SessionKeys; readonly rtcp: SessionKeys },
): SrtpTransform {
  const { aead, rtpTagLength, rtcpTagLength } = PROFILE_PARAMETERS[profile];
  return aead !== null
    ? new AeadTransform(crypto, aead, keys.rtp, keys.rtcp)
    : new AesCmTransform(crypto, keys.rtp, keys.rtcp, rtpTagLength, rtcpTagLength);
}
