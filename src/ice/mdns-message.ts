/**
 * mDNS messages (RFC 6762, in the format of RFC 1035 §4.1), as much as `.local` candidates need: questions for, and
 * records of, the IPv4 and IPv6 addresses of a host name, and the news that it has none of a kind.
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

/** RFC 6762 §3: where everyone asks and answers. */
export const MDNS_PORT = 5353;

/** Resource record types (RFC 1035 §3.2.2, RFC 3596 §2.1, RFC 4034 §4). */
export const DNS_TYPE = { a: 1, aaaa: 28, nsec: 47, any: 255 } as const;
const CLASS_IN = 1;
const CLASS_ANY = 255;
/** In a question: "a unicast response is fine" (RFC 6762 §5.4). In a record: "this is all there is" (§10.2). */
const TOP_BIT = 0x8000;
const POINTER = 0xc0;

/** Bound: records and questions looked at in one message; a message of 9000 bytes (RFC 6762 §17) has no use for more. */
const MAX_ENTRIES = 64;
/** RFC 1035 §2.3.4. */
const MAX_NAME_LENGTH = 255;
const MAX_LABEL_LENGTH = 63;

/** RFC 6762 §10: host records are good for 120 seconds. §6.1: so is the news that there is none. */
export const MDNS_TTL_SECONDS = 120;
/** RFC 6762 §6.7: "SHOULD NOT be greater than ten seconds", for nobody tells a simple resolver when it changes. */
const LEGACY_TTL_SECONDS = 10;

export type MdnsQuestion = {
  readonly name: string;
  /** Of `DNS_TYPE`, or any other. */
  readonly type: number;
  readonly unicastResponse: boolean;
};
export type MdnsRecord = { readonly name: string; readonly address: string; readonly ttlSeconds: number };

/** Names are in lower case. Of records, only addresses are told. */
export type MdnsMessage = {
  readonly id: number;
  readonly isResponse: boolean;
  /** RFC 6762 §6: a query with the records it is about to claim in its authority section. */
  readonly isProbe: boolean;
  readonly questions: readonly MdnsQuestion[];
  /** In a query: what the asker knows already (§7.1). */
  readonly answers: readonly MdnsRecord[];
  readonly additionals: readonly MdnsRecord[];
};

/** A query for both address families of `name`: two questions in one message (RFC 6762 §5.3). */
export function encodeMdnsQuery(
  name: string,
  unicastResponse = false,
  types: readonly number[] = [DNS_TYPE.a, DNS_TYPE.aaaa],
): Uint8Array {
  const writer = new ByteWriter(64).u16(0).u16(0).u16(types.length).u16(0).u16(0).u16(0);
  for (const type of types) {
    writeName(writer, name);
    writer.u16(type).u16(CLASS_IN | (unicastResponse ? TOP_BIT : 0));
  }
  return writer.finish();
}

/** What a response says about a name: one of its addresses, or the types of records it has, and so which it lacks. */
export type MdnsData =
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'types'; readonly types: readonly number[] };

export type MdnsResponse = {
  readonly name: string;
  readonly answers: readonly MdnsData[];
  readonly additionals?: readonly MdnsData[];
  /** For a simple resolver (RFC 6762 §6.7): its id and question, short lives, and no bit that it does not know. */
  readonly legacy?: { readonly id: number; readonly questions: readonly MdnsQuestion[] };
};

/** A response about one name. The name is written once; all else points to it. */
export function encodeMdnsResponse({ name, answers, additionals = [], legacy }: MdnsResponse): Uint8Array {
  const questions = legacy?.questions ?? [];
  const writer = new ByteWriter(128).u16(legacy?.id ?? 0).u16(FLAG_RESPONSE | FLAG_AUTHORITATIVE);
  writer.u16(questions.length).u16(answers.length).u16(0).u16(additionals.length);
  const owner = (): void => {
    if (writer.length === HEADER.size) writeName(writer, name);
    else writer.u16((POINTER << 8) | HEADER.size);
  };
  for (const { type, unicastResponse } of questions) {
    owner();
    writer.u16(type).u16(CLASS_IN | (unicastResponse ? TOP_BIT : 0));
  }
  for (const data of [...answers, ...additionals]) {
    owner();
    const { type, bytes } = encodeData(data);
    writer.u16(type).u16(CLASS_IN | (legacy ? 0 : TOP_BIT));
    writer.u32(legacy ? LEGACY_TTL_SECONDS : MDNS_TTL_SECONDS);
    writer.u16(bytes.length).bytes(bytes);
  }
  return writer.finish();
}

function encodeData(data: MdnsData): { readonly type: number; readonly bytes: Uint8Array } {
  if (data.kind === 'types') {
    // NSEC in the form of RFC 6762 §6.1: its own name, block 0, and a bit for every type there is.
    const bitmap = new Uint8Array((Math.max(...data.types) >> 3) + 1);
    for (const type of data.types) bitmap[type >> 3]! |= 0x80 >> (type & 7);
    return { type: DNS_TYPE.nsec, bytes: Uint8Array.of(POINTER, HEADER.size, 0, bitmap.length, ...bitmap) };
  }
  const bytes = parseAddress(data.address);
  if (bytes === null) throw new TypeError(`an IP literal is needed, got '${data.address}'`);
  return { type: addressType(data.address), bytes };
}

/** The type of the record that holds an address. */
export function addressType(address: string): number {
  return address.includes(':') ? DNS_TYPE.aaaa : DNS_TYPE.a;
}

/** `null` for anything malformed, and for opcodes and response codes other than zero. */
export function parseMdnsMessage(bytes: Uint8Array): MdnsMessage | null {
  if (bytes.length < HEADER.size) return null;
  const flags = u16(bytes, HEADER.flags);
  if ((flags & OPCODE_AND_RCODE) !== 0) return null;
  const counts = [HEADER.questions, HEADER.answers, HEADER.authorities, HEADER.additionals].map((at) => u16(bytes, at));
  if (counts.reduce((sum, count) => sum + count) > MAX_ENTRIES) return null;
  const questions: MdnsQuestion[] = [];
  const sections: MdnsRecord[][] = [];
  let at: number = HEADER.size;
  for (let i = 0; i < counts[0]!; i++) {
    const head = readHead(bytes, at);
    if (head === null) return null;
    const { name, type, isInternet, hasTopBit } = head;
    if (isInternet) questions.push({ name, type, unicastResponse: hasTopBit });
    at = head.end;
  }
  for (const count of counts.slice(1)) {
    const records: MdnsRecord[] = [];
    sections.push(records);
    for (let i = 0; i < count; i++) {
      const head = readHead(bytes, at);
      if (head === null || head.end + 6 > bytes.length) return null;
      const { name, type, isInternet } = head;
      const ttlSeconds = u32(bytes, head.end);
      const start = head.end + 6;
      at = start + u16(bytes, head.end + 4);
      if (at > bytes.length) return null;
      if (!isInternet || at - start !== addressLength(type)) continue;
      records.push({ name, address: formatAddress(bytes.subarray(start, at)), ttlSeconds });
    }
  }
  const isResponse = (flags & FLAG_RESPONSE) !== 0;
  const [answers, , additionals] = sections as [MdnsRecord[], MdnsRecord[], MdnsRecord[]];
  const isProbe = !isResponse && counts[2]! > 0;
  return { id: u16(bytes, HEADER.id), isResponse, isProbe, questions, answers, additionals };
}

function addressLength(type: number): number {
  return type === DNS_TYPE.a ? 4 : type === DNS_TYPE.aaaa ? 16 : -1;
}

/** Whether a candidate's address is one mDNS can look up: `label.local`, and nothing deeper (RFC 6762 §3). */
export function isMdnsName(name: string): boolean {
  return name.length <= MAX_NAME_LENGTH && /^[a-z0-9-]{1,63}\.local$/i.test(name);
}

/** What questions and records begin with. */
function readHead(bytes: Uint8Array, start: number) {
  const name = readName(bytes, start);
  if (name === null || name.end + 4 > bytes.length) return null;
  const classAndTop = u16(bytes, name.end + 2);
  const itsClass = classAndTop & ~TOP_BIT;
  return {
    name: name.text,
    type: u16(bytes, name.end),
    isInternet: itsClass === CLASS_IN || itsClass === CLASS_ANY,
    hasTopBit: (classAndTop & TOP_BIT) !== 0,
    end: name.end + 4,
  };
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
 * none can run in a circle. A dot within a label, as service names have it, is no end of the label and gets a backslash
 * (RFC 6763 §4.3).
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
    labels.push(new TextDecoder().decode(bytes.subarray(at, at + size)).replace(/[.\\]/g, '\\$&'));
    at += size;
  }
}
