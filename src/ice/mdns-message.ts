/**
 * mDNS messages (RFC 6762, in the format of RFC 1035 §4.1), as much as `.local` candidates need: questions for, and
 * records of, the IPv4 and IPv6 addresses of a host name.
 *
 * ```text
 *    0  1  2  3  4  5  6  7  8  9  0  1  2  3  4  5
 *  +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
 *  |                      ID                       |
 *  |QR|   Opcode  |AA|TC|RD|RA|   Z    |   RCODE   |
 *  |                    QDCOUNT                    |
 *  |                    ANCOUNT                    |
 *  |                    NSCOUNT                    |
 *  |                    ARCOUNT                    |
 *  +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
 * ```
 */
import { u16, u32 } from '../binary/bytes.ts';
import { ByteWriter } from '../binary/writer.ts';
import { formatAddress, parseAddress } from './address.ts';

const HEADER = { id: 0, flags: 2, questions: 4, answers: 6, authorities: 8, additionals: 10, size: 12 } as const;
const FLAG_RESPONSE = 0x8000;
const FLAG_AUTHORITATIVE = 0x0400; // RFC 6762 §18.4: set in responses
const OPCODE_AND_RCODE = 0x780f; // RFC 6762 §18.3, §18.11: messages with other than zero are ignored

const TYPE_A = 1;
const TYPE_AAAA = 28;
const TYPE_ANY = 255;
const CLASS_IN = 1;
/** In a question: "a unicast response is fine" (RFC 6762 §5.4). In a record: "this is all there is" (§10.2). */
const TOP_BIT = 0x8000;
const POINTER = 0xc0;

/** Bound: records and questions looked at in one message; a message of 9000 bytes (RFC 6762 §17) has no use for more. */
const MAX_ENTRIES = 64;
/** RFC 1035 §2.3.4. */
const MAX_NAME_LENGTH = 255;
const MAX_LABEL_LENGTH = 63;

/** RFC 6762 §10: host records are good for 120 seconds. */
export const MDNS_TTL_SECONDS = 120;

export type MdnsQuestion = { readonly name: string; readonly family: 4 | 6 | 'any'; readonly unicastResponse: boolean };
export type MdnsRecord = { readonly name: string; readonly address: string; readonly ttlSeconds: number };

export type MdnsMessage = {
  readonly id: number;
  readonly isResponse: boolean;
  readonly questions: readonly MdnsQuestion[];
  /** Address records of the answer and additional sections. Names are in lower case. */
  readonly records: readonly MdnsRecord[];
};

/** A query for both address families of `name`: two questions in one message (RFC 6762 §5.3). */
export function encodeMdnsQuery(name: string, unicastResponse: boolean): Uint8Array {
  const writer = new ByteWriter(64).u16(0).u16(0).u16(2).u16(0).u16(0).u16(0);
  for (const type of [TYPE_A, TYPE_AAAA]) {
    writeName(writer, name);
    writer.u16(type).u16(CLASS_IN | (unicastResponse ? TOP_BIT : 0));
  }
  return writer.finish();
}

/** A response with the addresses of `name`. `id` is zero for multicast, the query's for a legacy asker (§6.7, §18.1). */
export function encodeMdnsResponse(name: string, addresses: readonly string[], id = 0): Uint8Array {
  const writer = new ByteWriter(96).u16(id).u16(FLAG_RESPONSE | FLAG_AUTHORITATIVE);
  writer.u16(0).u16(addresses.length).u16(0).u16(0);
  for (const address of addresses) {
    const bytes = parseAddress(address);
    if (bytes === null) throw new TypeError(`an IP literal is needed, got '${address}'`);
    writeName(writer, name);
    writer.u16(bytes.length === 4 ? TYPE_A : TYPE_AAAA).u16(CLASS_IN | TOP_BIT);
    writer.u32(MDNS_TTL_SECONDS).u16(bytes.length).bytes(bytes);
  }
  return writer.finish();
}

/** `null` for anything malformed, and for opcodes and response codes other than zero. */
export function parseMdnsMessage(bytes: Uint8Array): MdnsMessage | null {
  if (bytes.length < HEADER.size) return null;
  const flags = u16(bytes, HEADER.flags);
  if ((flags & OPCODE_AND_RCODE) !== 0) return null;
  const questionCount = u16(bytes, HEADER.questions);
  const recordCount = u16(bytes, HEADER.answers) + u16(bytes, HEADER.authorities) + u16(bytes, HEADER.additionals);
  if (questionCount + recordCount > MAX_ENTRIES) return null;
  const questions: MdnsQuestion[] = [];
  const records: MdnsRecord[] = [];
  let at: number = HEADER.size;
  for (let i = 0; i < questionCount + recordCount; i++) {
    const name = readName(bytes, at);
    if (name === null) return null;
    at = name.end;
    if (at + 4 > bytes.length) return null;
    const type = u16(bytes, at);
    const classAndTop = u16(bytes, at + 2);
    at += 4;
    const isInternet = (classAndTop & ~TOP_BIT) === CLASS_IN || (classAndTop & ~TOP_BIT) === TYPE_ANY;
    if (i < questionCount) {
      const family = type === TYPE_A ? 4 : type === TYPE_AAAA ? 6 : type === TYPE_ANY ? 'any' : null;
      if (isInternet && family !== null) {
        questions.push({ name: name.text, family, unicastResponse: (classAndTop & TOP_BIT) !== 0 });
      }
      continue;
    }
    if (at + 6 > bytes.length) return null;
    const ttlSeconds = u32(bytes, at);
    const length = u16(bytes, at + 4);
    at += 6;
    if (at + length > bytes.length) return null;
    if (isInternet && length === (type === TYPE_A ? 4 : type === TYPE_AAAA ? 16 : -1)) {
      records.push({ name: name.text, address: formatAddress(bytes.subarray(at, at + length)), ttlSeconds });
    }
    at += length;
  }
  return { id: u16(bytes, HEADER.id), isResponse: (flags & FLAG_RESPONSE) !== 0, questions, records };
}

/** Whether a candidate's address is one mDNS can look up: `label.local`, and nothing deeper (RFC 6762 §3). */
export function isMdnsName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && /^[a-z0-9-]{1,63}\.local$/i.test(name);
}

function writeName(writer: ByteWriter, name: string): void {
  for (const label of name.split('.')) {
    const bytes = new TextEncoder().encode(label);
    if (bytes.length === 0 || bytes.length > MAX_LABEL_LENGTH) throw new TypeError(`not a host name: '${name}'`);
    writer.u8(bytes.length).bytes(bytes);
  }
  writer.u8(0);
}

/**
 * A name, its pointers followed (RFC 1035 §4.1.4). Each pointer has to go further back than the one before, so that
 * none can run in a circle.
 */
function readName(bytes: Uint8Array, start: number): { readonly text: string; readonly end: number } | null {
  const labels: string[] = [];
  let at = start;
  let end = -1;
  let earliest = start;
  let length = 0;
  for (;;) {
    const size = bytes[at];
    if (size === undefined) return null;
    if ((size & POINTER) === POINTER) {
      if (at + 2 > bytes.length) return null;
      if (end < 0) end = at + 2;
      at = u16(bytes, at) & 0x3fff;
      if (at >= earliest) return null;
      earliest = at;
      continue;
    }
    if (size > MAX_LABEL_LENGTH || at + 1 + size > bytes.length) return null;
    at += 1;
    if (size === 0) return { text: labels.join('.').toLowerCase(), end: end < 0 ? at : end };
    length += size + 1;
    if (length > MAX_NAME_LENGTH) return null;
    labels.push(new TextDecoder().decode(bytes.subarray(at, at + size)));
    at += size;
  }
}
