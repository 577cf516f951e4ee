/**
 * The two CRCs of WebRTC, both reflected: CRC-32 (ISO 3309) for STUN FINGERPRINT and CRC32c (Castagnoli) for SCTP.
 *
 * A CRC is linear, so eight bytes can be looked up independently in eight tables and the results combined
 * ("slicing by 8"): about six times the speed of the byte-wise loop, which stands as the slow twin in the tests.
 */

const CRC32_POLYNOMIAL = 0xedb8_8320; // ISO 3309, bits reflected
const CRC32C_POLYNOMIAL = 0x82f6_3b78; // RFC 9260 Appendix A, bits reflected

const SLICES = 8;

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
  for (const last = end - SLICES; i <= last; i += SLICES) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc =
      tables[0x700 | (crc & 0xff)]! ^
      tables[0x600 | ((crc >>> 8) & 0xff)]! ^
      tables[0x500 | ((crc >>> 16) & 0xff)]! ^
      tables[0x400 | (crc >>> 24)]! ^
      tables[0x300 | bytes[i + 4]!]! ^
      tables[0x200 | bytes[i + 5]!]! ^
      tables[0x100 | bytes[i + 6]!]! ^
      tables[bytes[i + 7]!]!;
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ tables[(crc ^ bytes[i]!) & 0xff]!;
  return crc;
}
