/**
 * A reader for DER (X.690), as much of it as keys and certificates need: definite lengths in their shortest form, tags
 * of one byte. Like `ByteReader` it never throws: what does not fit yields `null`.
 */

/** Identifier octets (X.690 §8.1.2) of the types we read and write. */
export const DER = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  /** Context-specific, constructed: `[0]`, `[1]` … are `context + 0`, `context + 1` … */
  context: 0xa0,
} as const;

/** Bound: nothing we read is longer than a certificate message of TLS, 2^24 - 1 bytes, so three length octets do. */
const MAX_LENGTH_OCTETS = 3;

/** One element: its identifier octet, its contents, and all of its bytes. Views, not copies. */
export type DerElement = { readonly tag: number; readonly content: Uint8Array; readonly whole: Uint8Array };

/** Reads the elements of one constructed encoding, one after the other. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** The tag of the next element; -1 at the end. */
  get nextTag(): number {
    return this.#bytes[this.#offset] ?? -1;
  }

  /** The next element of whatever type, or `null` when there is no whole one in DER. */
  element(): DerElement | null {
    const bytes = this.#bytes;
    const start = this.#offset;
    if (bytes.length - start < 2) return null;
    const tag = bytes[start]!;
    if ((tag & 0x1f) === 0x1f) return null; // a tag number above 30 (X.690 §8.1.2.4): nothing here has one
    let at = start + 1;
    let length = bytes[at++]!;
    if (length >= 0x80) {
      const octets = length & 0x7f;
      if (octets === 0 || octets > MAX_LENGTH_OCTETS || octets > bytes.length - at) return null;
      length = 0;
      for (let i = 0; i < octets; i++) length = (length << 8) | bytes[at++]!;
      if (length < 0x80 || length >>> (8 * (octets - 1)) === 0) return null; // X.690 §10.1: the shortest form only
    }
    if (length > bytes.length - at) return null;
    this.#offset = at + length;
    return { tag, content: bytes.subarray(at, at + length), whole: bytes.subarray(start, at + length) };
  }

  /** The contents of the next element, which must have this tag; else `null`, and the reader stays where it is. */
  read(tag: number): Uint8Array | null {
    return this.nextTag === tag ? (this.element()?.content ?? null) : null;
  }

  /** A reader of the next element's contents, which must be a SEQUENCE. */
  sequence(): DerReader | null {
    const content = this.read(DER.sequence);
    return content === null ? null : new DerReader(content);
  }

  /** An INTEGER ≥ 0 as big-endian bytes without leading zeros; zero is empty. */
  unsigned(): Uint8Array | null {
    const content = this.read(DER.integer);
    if (content === null || content.length === 0 || content[0]! >= 0x80) return null;
    if (content[0] !== 0) return content;
    if (content.length > 1 && content[1]! < 0x80) return null; // X.690 §8.3.2: a needless leading zero
    return content.subarray(1);
  }

  /** A BIT STRING of whole bytes. */
  bits(): Uint8Array | null {
    const content = this.read(DER.bitString);
    return content === null || content[0] !== 0 ? null : content.subarray(1);
  }
}

/** One element: `tag` around the parts, one after the other. */
export function encodeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const lengthOctets = length < 0x80 ? 0 : length < 0x100 ? 1 : length < 0x1_0000 ? 2 : 3;
  if (length >= 0x100_0000) throw new RangeError(`${length} bytes are too many for one DER element here`);
  const whole = new Uint8Array(2 + lengthOctets + length);
  let at = 0;
  whole[at++] = tag;
  whole[at++] = lengthOctets === 0 ? length : 0x80 | lengthOctets;
  for (let i = lengthOctets - 1; i >= 0; i--) whole[at++] = length >>> (8 * i);
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
