/**
 * Answers for our own `.local` names (RFC 6762 §6): random names stand for our addresses in candidates, so that a page
 * or a peer that sees them learns nothing unless it is on the same link (draft-ietf-mmusic-mdns-ice-candidates §3.1).
 *
 * A name is ours alone without probing (§8.1), for it holds 122 random bits. It is not announced either (§8.3): nobody
 * can have anything older in a cache, and those who are to know it are told by signalling, and ask.
 */

import { toHex } from '../binary/bytes.ts';
import { type RandomSource, randomBytes } from '../machine.ts';
import type { SocketAddress } from './address.ts';
import {
  addressType,
  DNS_TYPE,
  encodeMdnsResponse,
  MDNS_PORT,
  MDNS_TTL_SECONDS,
  type MdnsData,
  type MdnsMessage,
  type MdnsRecord,
  parseMdnsMessage,
} from './mdns-message.ts';

/** Bound: names registered at one time; past it there is none. One per address and connection is usual. */
const MAX_NAMES = 1024;
/**
 * RFC 6762 §6: a record "MUST NOT" be multicast again within a second, but for probes. Questions that come sooner have
 * just heard the answer.
 */
const MULTICAST_INTERVAL_MS = 1000;
/** RFC 6762 §6: the same where a probe has to be answered before it claims the name. */
const PROBE_INTERVAL_MS = 250;
/** RFC 6762 §5.4: a record that was multicast "within one quarter of its TTL" may be told to one asker alone. */
const RECENT_MS = (MDNS_TTL_SECONDS * 1000) / 4;

export type MdnsResponderSink = {
  /** Sends to the group when `to` is null, else to that asker alone. */
  transmit(message: Uint8Array, to: SocketAddress | null): void;
};

type Name = { readonly address: string; multicastAt: number };

export class MdnsResponder {
  readonly #random: RandomSource;
  readonly #sink: MdnsResponderSink;
  readonly #names = new Map<string, Name>();

  constructor(random: RandomSource, sink: MdnsResponderSink) {
    this.#random = random;
    this.#sink = sink;
  }

  get size(): number {
    return this.#names.size;
  }

  /**
   * A fresh name for `address`: a version 4 UUID under `.local` (draft §3.1.1).
   * @returns `null` when too many names are registered
   */
  register(address: string): string | null {
    if (this.#names.size >= MAX_NAMES) return null;
    const name = `${randomUuid(this.#random)}.local`;
    this.#names.set(name, { address, multicastAt: -Infinity });
    return name;
  }

  release(name: string): void {
    this.#names.delete(name);
  }

  /** Takes a message from the group. Anything but a question for one of our names has no effect. */
  handlePacket(packet: Uint8Array, from: SocketAddress, now: number): void {
    const message = parseMdnsMessage(packet);
    if (message === null || message.isResponse) return;
    for (const name of new Set(message.questions.map((question) => question.name))) {
      const entry = this.#names.get(name);
      if (entry !== undefined) this.#answer(name, entry, message, from, now);
    }
  }

  #answer(name: string, entry: Name, message: MdnsMessage, from: SocketAddress, now: number): void {
    const questions = message.questions.filter((question) => question.name === name);
    const type = addressType(entry.address);
    const address = { kind: 'address', address: entry.address } as const;
    const types = { kind: 'types', types: [type] } as const;
    const isOurs = (asked: number): boolean => asked === type || asked === DNS_TYPE.any;
    const isAsked = questions.some((question) => isOurs(question.type));
    if (from.port !== MDNS_PORT) {
      // §6.7: as "a conventional Unicast DNS server" would, which says nothing where there is nothing.
      const legacy = { id: message.id, questions };
      this.#sink.transmit(encodeMdnsResponse({ name, answers: isAsked ? [address] : [], legacy }), from);
      return;
    }
    const isKnown = message.answers.some((known) => isSameAddress(known, name, entry.address));
    const isOtherAsked = questions.some((question) => !isOurs(question.type));
    if (isKnown && !isOtherAsked) return;
    // What is not asked for goes along, so that whoever asks for it next need not (§6.1, §6.2).
    const records: MdnsData[] = isAsked && !isKnown ? [address, types] : [types, address];
    const count = Number(isAsked && !isKnown) + Number(isOtherAsked);
    const response = { name, answers: records.slice(0, count), additionals: records.slice(count) };
    const isUnicastFine = questions.every(({ unicastResponse }) => unicastResponse);
    const quiet = now - entry.multicastAt;
    if (isUnicastFine && (message.isProbe || quiet < RECENT_MS)) {
      this.#sink.transmit(encodeMdnsResponse(response), from);
    } else if (quiet >= (message.isProbe ? PROBE_INTERVAL_MS : MULTICAST_INTERVAL_MS)) {
      entry.multicastAt = now;
      this.#sink.transmit(encodeMdnsResponse(response), null);
    }
  }
}

/** §7.1: "MUST NOT answer … if the answer … is already included … with an RR TTL at least half the correct value". */
function isSameAddress(known: MdnsRecord, name: string, address: string): boolean {
  return known.name === name && known.address === address && known.ttlSeconds >= MDNS_TTL_SECONDS / 2;
}

/** RFC 9562 §5.4. */
function randomUuid(random: RandomSource): string {
  const bytes = randomBytes(random, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = toHex(bytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
