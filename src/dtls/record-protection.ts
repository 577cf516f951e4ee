/**
 * The keys of one epoch in one direction: AEAD protection of records (RFC 5246 §6.2.3.3, RFC 6347 §4.1.2.1).
 *
 *     additional_data = epoch || sequence_number || type || version || length of the plaintext
 *     AES-GCM nonce   = 4 bytes of the key block || 8 bytes that stand before the ciphertext (RFC 5288 §3)
 *     ChaCha20 nonce  = 12 bytes of the key block XOR (0^32 || epoch || sequence_number)     (RFC 7905 §2)
 *
 * The 8 explicit bytes are epoch || sequence_number: a counter cannot repeat, random numbers do (RFC 9325 §7.2.1).
 */
import { setU16 } from '../binary/bytes.ts';
import { AEAD_TAG_LENGTH, type AeadKey, type CryptoProvider } from '../crypto/provider.ts';
import type { CipherSuite } from './cipher-suites.ts';
import { RECORD_HEADER_LENGTH, writeRecordHeader } from './record.ts';

const EXPLICIT_NONCE_LENGTH = 8;
const NONCE_LENGTH = 12;
/** Offset of epoch || sequence_number, 8 bytes, in a record header and of the length behind it in `additional_data`. */
const HEADER_EPOCH = 3;
const AAD = { epoch: 0, type: 8, version: 9, length: 11, size: 13 } as const;

/** Bytes a record may need before its payload: its header and the explicit nonce of AES-GCM. */
export const MAX_RECORD_HEADROOM: number = RECORD_HEADER_LENGTH + EXPLICIT_NONCE_LENGTH;
/** Bytes a record may need after its payload: the AEAD's tag. */
export const MAX_RECORD_TAILROOM: number = AEAD_TAG_LENGTH;

export class RecordProtection {
  /** Bytes before the payload: header and explicit nonce. */
  readonly headroom: number;
  readonly #key: AeadKey;
  readonly #explicitNonceLength: number;
  /** The nonce's constant part: copied (AES-GCM) or exclusive-ored (ChaCha20) into it. */
  readonly #fixedIv: Uint8Array;
  /** Scratch, filled anew for each record: the AEAD does not keep them. */
  readonly #nonce = new Uint8Array(NONCE_LENGTH);
  readonly #additionalData = new Uint8Array(AAD.size);

  constructor(crypto: CryptoProvider, suite: CipherSuite, key: Uint8Array, fixedIv: Uint8Array) {
    this.#key = crypto.aead(suite.aead, key);
    this.#explicitNonceLength = NONCE_LENGTH - suite.fixedIvLength;
    this.headroom = RECORD_HEADER_LENGTH + this.#explicitNonceLength;
    this.#fixedIv = fixedIv;
    this.#nonce.set(fixedIv);
  }

  /** Bytes a record is longer than its payload. */
  get overhead(): number {
    return this.headroom + AEAD_TAG_LENGTH;
  }

  /**
   * Makes `datagram[start, end)` the payload of a record: header and nonce are written before it, the tag behind it.
   * @returns where the record ends; it begins at `start - headroom`
   */
  seal(
    datagram: Uint8Array,
    start: number,
    end: number,
    type: number,
    version: number,
    epoch: number,
    sequenceNumber: number,
  ): number {
    const header = start - this.headroom;
    const length = this.#explicitNonceLength + (end - start) + AEAD_TAG_LENGTH;
    writeRecordHeader(datagram, header, type, version, epoch, sequenceNumber, length);
    for (let i = 0; i < this.#explicitNonceLength; i++) {
      datagram[header + RECORD_HEADER_LENGTH + i] = datagram[header + HEADER_EPOCH + i]!;
    }
    this.#prepare(datagram, header, end - start);
    this.#key.seal(this.#nonce, this.#additionalData, datagram, start, end);
    return end + AEAD_TAG_LENGTH;
  }

  /** The plaintext of the record that fills `datagram[start, end)`, or `null` when it is not authentic. */
  open(datagram: Uint8Array, start: number, end: number): Uint8Array | null {
    const payload = start + this.headroom;
    const length = end - AEAD_TAG_LENGTH - payload;
    if (length < 0) return null;
    this.#prepare(datagram, start, length);
    return this.#key.open(this.#nonce, this.#additionalData, datagram, payload, end);
  }

  /** Fills the scratch arrays for the record at `header`. */
  #prepare(datagram: Uint8Array, header: number, plaintextLength: number): void {
    const additionalData = this.#additionalData;
    for (let i = 0; i < 8; i++) additionalData[AAD.epoch + i] = datagram[header + HEADER_EPOCH + i]!;
    for (let i = 0; i < 3; i++) additionalData[AAD.type + i] = datagram[header + i]!; // type and version
    setU16(additionalData, AAD.length, plaintextLength);
    const nonce = this.#nonce;
    if (this.#explicitNonceLength > 0) {
      // The peer's explicit nonce is its own choice, so it is read from the record, not derived.
      for (let i = 0; i < 8; i++) nonce[4 + i] = datagram[header + RECORD_HEADER_LENGTH + i]!;
    } else {
      for (let i = 0; i < 8; i++) nonce[4 + i] = this.#fixedIv[4 + i]! ^ datagram[header + HEADER_EPOCH + i]!;
    }
  }
}
