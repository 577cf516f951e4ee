/**
 * The two CRCs of WebRTC, both reflected: CRC-32 (ISO 3309) for STUN FINGERPRINT and CRC32c (Castagnoli) for SCTP.
 *
 * A CRC is linear, so sixteen bytes can be looked up independently in sixteen tables and the results combined
 * ("slicing by 16"), four bytes to a load through a view of 32-bit words: about ten times the speed of the byte-wise
 * loop, which finishes the odd bytes here and stands as the slow twin in the tests. It pays: of what SCTP alone costs,
 * a third is this loop.
 */

const CRC32_POLYNOMIAL = 0xedb8_8320; // ISO 3309, bits reflected
const CRC32C_POLYNOMIAL = 0x82f6_3b78; // RFC 9260 Appendix A, bits reflected

const SLICES = 16;
/** Below this many bytes, the view of words costs more than it saves. */
const MIN_BYTES_FOR_WORDS = 64;
/** The tables take a word's first byte from its lowest bits. */
const IS_LITTLE_ENDIAN: boolean = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

function makeTables(polynomial: number): Int32Array {
  const tables = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const previous = tables[i - 256]!;
    tables[i] = (previous >>> 8) ^ tables[previous & 0xff]!;
  }
  return tables;
}

let crc32Tables: Int32Array | undefined;
let crc32cTables: Int32Array | undefined;

/** CRC-32 of bytes[start, end). */
export function crc32(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  crc32Tables ??= makeTables(CRC32_POLYNOMIAL);
  return ~update(crc32Tables, ~0, bytes, start, end) >>> 0;
}

/** CRC32c of bytes[start, end). */
export function crc32c(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  crc32cTables ??= makeTables(CRC32C_POLYNOMIAL);
  return ~update(crc32cTables, ~0, bytes, start, end) >>> 0;
}

function update(tables: Int32Array, seed: number, bytes: Uint8Array, start: number, end: number): number {
  let crc = seed;
  let i = start;
  if (IS_LITTLE_ENDIAN && end - start >= MIN_BYTES_FOR_WORDS) {
    for (; ((bytes.byteOffset + i) & 3) !== 0; i++) crc = (crc >>> 8) ^ tables[(crc ^ bytes[i]!) & 0xff]!;
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + i, (end - i) >> 2);
    let word = 0;
    for (const last = words.length - 4; word <= last; word += 4) {
      const a = words[word]! ^ crc;
      const b = words[word + 1]!;
      const c = words[word + 2]!;
      const d = words[word + 3]!;
      crc =
        tables[0xf00 | (a & 0xff)]! ^
        tables[0xe00 | ((a >>> 8) & 0xff)]! ^
        tables[0xd00 | ((a >>> 16) & 0xff)]! ^
        tables[0xc00 | (a >>> 24)]! ^
        tables[0xb00 | (b & 0xff)]! ^
        tables[0xa00 | ((b >>> 8) & 0xff)]! ^
        tables[0x900 | ((b >>> 16) & 0xff)]! ^
        tables[0x800 | (b >>> 24)]! ^
        tables[0x700 | (c & 0xff)]! ^
        tables[0x600 | ((c >>> 8) & 0xff)]! ^
        tables[0x500 | ((c >>> 16) & 0xff)]! ^
        tables[0x400 | (c >>> 24)]! ^
        tables[0x300 | (d & 0xff)]! ^
        tables[0x200 | ((d >>> 8) & 0xff)]! ^
        tables[0x100 | ((d >>> 16) & 0xff)]! ^
        tables[d >>> 24]!;
    }
    i += 4 * word;
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ tables[(crc ^ bytes[i]!) & 0xff]!;
  return crc;
}
