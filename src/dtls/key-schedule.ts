/**
 * From the premaster secret to everything else (RFC 5246 §5, §6.3, §8.1; RFC 7627; RFC 5705).
 *
 *     premaster ──"extended master secret", session hash──►  master ──"key expansion"──►  keys of epoch 1
 *                                                             ├──────"client finished" …►  verify_data
 *                                                             └──────exporter labels────►  SRTP keys and others
 */
import { concatBytes, setU16 } from '../binary/bytes.ts';
import type { CryptoProvider, HmacKey } from '../crypto/provider.ts';
import type { CipherSuite } from './cipher-suites.ts';
import { RecordProtection } from './record-protection.ts';

const MASTER_SECRET_LENGTH = 48; // RFC 5246 §8.1
const VERIFY_DATA_LENGTH = 12; // RFC 5246 §7.4.9

/** RFC 5705 §4: labels of TLS itself, which an exporter must not use. */
const RESERVED_LABELS: readonly string[] = [
  'client finished',
  'server finished',
  'master secret',
  'extended master secret',
  'key expansion',
];

export type Randoms = { readonly client: Uint8Array; readonly server: Uint8Array };

/** The master secret of a connection, keyed once into the HMAC that everything is derived with. */
export class MasterSecret {
  readonly #crypto: CryptoProvider;
  readonly #suite: CipherSuite;
  readonly #randoms: Randoms;
  readonly #hmac: HmacKey;
  /** For the key log only. */
  readonly bytes: Uint8Array;

  /** @param sessionHash of the transcript up to the ClientKeyExchange (RFC 7627 §3); without it, the secret of 1999 */
  constructor(
    crypto: CryptoProvider,
    suite: CipherSuite,
    premaster: Uint8Array,
    randoms: Randoms,
    sessionHash: Uint8Array | null,
  ) {
    const hmac = crypto.hmac(suite.hash, premaster);
    this.#crypto = crypto;
    this.#suite = suite;
    this.#randoms = randoms;
    this.bytes = sessionHash
      ? prf(hmac, 'extended master secret', sessionHash, MASTER_SECRET_LENGTH)
      : prf(hmac, 'master secret', concatBytes(randoms.client, randoms.server), MASTER_SECRET_LENGTH);
    this.#hmac = crypto.hmac(suite.hash, this.bytes);
  }

  /** RFC 5246 §6.3: the key block in its order; AEADs have no MAC keys (RFC 5288 §3). */
  deriveKeys(): { readonly client: RecordProtection; readonly server: RecordProtection } {
    const { keyLength, fixedIvLength } = this.#suite;
    const seed = concatBytes(this.#randoms.server, this.#randoms.client); // the other way round than everywhere else
    const block = prf(this.#hmac, 'key expansion', seed, 2 * (keyLength + fixedIvLength));
    const ivs = 2 * keyLength;
    return {
      client: this.#protection(block.subarray(0, keyLength), block.subarray(ivs, ivs + fixedIvLength)),
      server: this.#protection(block.subarray(keyLength, ivs), block.subarray(ivs + fixedIvLength)),
    };
  }

  /** RFC 5246 §7.4.9, of the side whose Finished it is. */
  verifyData(sender: 'client' | 'server', transcriptHash: Uint8Array): Uint8Array {
    return prf(this.#hmac, `${sender} finished`, transcriptHash, VERIFY_DATA_LENGTH);
  }

  /**
   * RFC 5705 §4. An absent context and an empty one give different keys.
   * @throws RangeError for a label TLS itself uses, or a context longer than 65,535 bytes
   */
  export(label: string, length: number, context?: Uint8Array): Uint8Array {
    if (RESERVED_LABELS.includes(label))
      throw new RangeError(`the label "${label}" belongs to TLS itself: take another`);
    const { client, server } = this.#randoms;
    if (context === undefined) return prf(this.#hmac, label, concatBytes(client, server), length);
    if (context.length > 0xffff) throw new RangeError(`a context has at most 65535 bytes, this one ${context.length}`);
    const contextLength = new Uint8Array(2);
    setU16(contextLength, 0, context.length);
    return prf(this.#hmac, label, concatBytes(client, server, contextLength, context), length);
  }

  #protection(key: Uint8Array, fixedIv: Uint8Array): RecordProtection {
    return new RecordProtection(this.#crypto, this.#suite, key, fixedIv.slice());
  }
}

/**
 * RFC 5246 §5: `P_hash(secret, label + seed)`, where
 *
 *     A(0) = label + seed      A(i) = HMAC(secret, A(i-1))
 *     P_hash = HMAC(secret, A(1) + label + seed) + HMAC(secret, A(2) + label + seed) + …
 *
 * @param hmac keyed with the secret
 */
export function prf(hmac: HmacKey, label: string, seed: Uint8Array, length: number): Uint8Array {
  const labelAndSeed = concatBytes(new TextEncoder().encode(label), seed);
  const output = new Uint8Array(length);
  let a = labelAndSeed;
  for (let at = 0; at < length; at += hmac.size) {
    a = hmac.sign(a);
    output.set(hmac.sign(a, labelAndSeed).subarray(0, length - at), at);
  }
  return output;
}
