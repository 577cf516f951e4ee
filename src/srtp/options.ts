/** What a context is made of. */
import type { CryptoProvider } from '../crypto/provider.ts';
import type { SrtpProfile } from '../dtls/srtp-profiles.ts';
import { deriveSessionKeys, type SrtpMasterKeys } from './keys.ts';
import type { SourceIndices } from './sources.ts';
import { createTransform, type SrtpTransform } from './transform.ts';

/** The highest index of every source, by SSRC: roll-over counter and sequence number in one. */
export type SrtpIndices = { readonly rtp: SourceIndices; readonly rtcp: SourceIndices };

export type SrtpOptions = SrtpMasterKeys & {
  readonly crypto: CryptoProvider;
  readonly profile: SrtpProfile;
  /**
   * `indices` of an earlier context with the same keys, to go on where it stopped (RFC 3711 §3.3.1: "Receivers joining an
   * on-going session MUST be given the current ROC value"). Without them, keys that were used before must not be used.
   */
  readonly indices?: SrtpIndices;
};

/**
 * Packets behind the newest one of a source that are told from replays, a multiple of 32. RFC 3711 §3.3.2 asks for 64.
 * A packet sent again because it was lost comes a round trip late, 2048 packets are 0.8 s of 25 Mbit/s.
 */
export const RTP_WINDOW_SIZE = 2048;
/** RTCP comes a few packets a second, each once. */
export const RTCP_WINDOW_SIZE = 128;

export function transformOf({ crypto, profile, masterKey, masterSalt }: SrtpOptions): SrtpTransform {
  return createTransform(crypto, profile, deriveSessionKeys(crypto, profile, { masterKey, masterSalt }));
}
