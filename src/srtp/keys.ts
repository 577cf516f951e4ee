/**
 * From the DTLS handshake to the keys of packets, in two steps: keying material → master keys (RFC 5764 §4.2) →
 * session keys (RFC 3711 §4.3). The key derivation rate is 0 (RFC 5764 §4.1.2): session keys are made once.
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import type { SrtpProfile } from '../dtls/srtp-profiles.ts';
import { PROFILE_PARAMETERS } from './profiles.ts';

/** RFC 5764 §4.2: what to ask the DTLS exporter for, with no context value. */
export const SRTP_EXPORTER_LABEL = 'EXTRACTOR-dtls_srtp';

/** What one direction is keyed with. */
export type SrtpMasterKeys = {
  /** 16 bytes, 32 for SRTP_AEAD_AES_256_GCM. */
  readonly masterKey: Uint8Array;
  /** 14 bytes, 12 for the AEAD profiles. */
  readonly masterSalt: Uint8Array;
};

/** Bytes to ask the exporter for. */
export function srtpKeyingMaterialLength(profile: SrtpProfile): number {
  const { keyLength, saltLength } = PROFILE_PARAMETERS[profile];
  return 2 * (keyLength + saltLength);
}

/**
 * The master keys of what we send (`local`) and of what the peer sends (`remote`), cut from the exporter's output:
 * client key, server key, client salt, server salt (RFC 5764 §4.2).
 * @param dtlsRole ours
 * @throws RangeError when the material has not `srtpKeyingMaterialLength(profile)` bytes
 */
export function deriveSrtpKeys(
  profile: SrtpProfile,
  dtlsRole: 'client' | 'server',
  keyingMaterial: Uint8Array,
): { local: SrtpMasterKeys; remote: SrtpMasterKeys } {
  const { keyLength, saltLength } = PROFILE_PARAMETERS[profile];
  const expected = srtpKeyingMaterialLength(profile);
  if (keyingMaterial.length !== expected) {
    throw new RangeError(`${profile} takes ${expected} bytes of keying material, these are ${keyingMaterial.length}`);
  }
  const salts = 2 * keyLength;
  const client = {
    masterKey: keyingMaterial.slice(0, keyLength),
    masterSalt: keyingMaterial.slice(salts, salts + saltLength),
  };
  const server = {
    masterKey: keyingMaterial.slice(keyLength, salts),
    masterSalt: keyingMaterial.slice(salts + saltLength),
  };
  return dtlsRole === 'client' ? { local: client, remote: server } : { local: server, remote: client };
}

/** RFC 3711 §4.3.1 and §4.3.2: the label of what is derived. */
const LABELS = {
  rtp: { encryption: 0x00, authentication: 0x01, salt: 0x02 },
  rtcp: { encryption: 0x03, authentication: 0x04, salt: 0x05 },
} as const;

/** Byte of the salt that meets the label: 48 bits of (index DIV rate), all zero, stand behind it. */
const LABEL_OFFSET = 7;
const COUNTER_LENGTH = 16;

/** The keys of one direction's RTP, or of its RTCP. */
export type SessionKeys = {
  readonly encryption: Uint8Array;
  /** Empty where the cipher authenticates. */
  readonly authentication: Uint8Array;
  readonly salt: Uint8Array;
};

/**
 * @throws RangeError when a key's length is not the profile's
 */
export function deriveSessionKeys(
  crypto: CryptoProvider,
  profile: SrtpProfile,
  { masterKey, masterSalt }: SrtpMasterKeys,
): { rtp: SessionKeys; rtcp: SessionKeys } {
  const { keyLength, saltLength, authKeyLength } = PROFILE_PARAMETERS[profile];
  if (masterKey.length !== keyLength || masterSalt.length !== saltLength) {
    throw new RangeError(
      `${profile} takes a key of ${keyLength} and a salt of ${saltLength} bytes, ` +
        `these have ${masterKey.length} and ${masterSalt.length}`,
    );
  }
  const cipher = crypto.aesCm(masterKey);
  // §4.3.3: AES-CM from x · 2^16. A salt of 96 bits has another 16 zeros behind it.
  const derive = (label: number, length: number): Uint8Array => {
    const counter = new Uint8Array(COUNTER_LENGTH);
    counter.set(masterSalt);
    counter[LABEL_OFFSET]! ^= label;
    const key = new Uint8Array(length);
    cipher.apply(counter, key, 0, length);
    return key;
  };
  const deriveAll = (labels: (typeof LABELS)[keyof typeof LABELS]): SessionKeys => ({
    encryption: derive(labels.encryption, keyLength),
    authentication: derive(labels.authentication, authKeyLength),
    salt: derive(labels.salt, saltLength),
  });
  return { rtp: deriveAll(LABELS.rtp), rtcp: deriveAll(LABELS.rtcp) };
}
