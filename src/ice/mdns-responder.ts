/**
 * Answers for our own `.local` names (RFC 6762 §6): random names stand for our addresses in candidates, so that a page
 * or a peer that sees them learns nothing unless it is on the same link (draft-ietf-mmusic-mdns-ice-candidates §3.1).
 */

import { toHex } from '../binary/bytes.ts';
import { type RandomSource, randomBytes } from '../machine.ts';
import type { SocketAddress } from './address.ts';
import { encodeMdnsResponse, type MdnsQuestion, parseMdnsMessage } from './mdns-message.ts';

/** RFC 6762 §6.7: an asker from another port is an ordinary resolver that wants its answer by unicast. */
const MDNS_PORT = 5353;
/** Bound: names registered at one time. One per address and connection is usual. */
const MAX_NAMES = 1024;
/**
 * RFC 6762 §6: a record "MUST NOT" be multicast again within a second, but for probes. Questions that come sooner have
 * just heard the answer.
 */
const MULTICAST_INTERVAL_MS = 1000;

export type MdnsResponderSink = {
  /** Sends to the group when `to` is null, else to that asker alone. */
  transmit(message: Uint8Array, to: SocketAddress | null): void;
};

export class MdnsResponder {
  readonly #random: RandomSource;
  readonly #sink: MdnsResponderSink;
  readonly #names = new Map<string, { readonly address: string; multicastAt: number }>();

  constructor(random: RandomSource, sink: MdnsResponderSink) {
    this.#random = random;
    this.#sink = sink;
  }

  get size(): number {
    return this.#names.size;
  }

  /**
   * A fresh name for `address`: a version 4 UUID under `.local` (draft §3.1.1).
   * @throws RangeError when too many names are registered
   */
  register(address: string): string {
    if (this.#names.size >= MAX_NAMES) throw new RangeError(`at most ${MAX_NAMES} mDNS names, release some`);
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
    const answered = new Set<string>();
    for (const question of message.questions) {
      if (answered.has(question.name)) continue;
      answered.add(question.name);
      this.#answer(question, message.id, from, now);
    }
  }

  #answer({ name, unicastResponse }: MdnsQuestion, id: number, from: SocketAddress, now: number): void {
    const entry = this.#names.get(name);
    if (entry === undefined) return;
    if (from.port !== MDNS_PORT) {
      this.#sink.transmit(encodeMdnsResponse(name, [entry.address], id), from);
    } else if (unicastResponse) {
      this.#sink.transmit(encodeMdnsResponse(name, [entry.address]), from);
    } else if (now - entry.multicastAt >= MULTICAST_INTERVAL_MS) {
      entry.multicastAt = now;
      this.#sink.transmit(encodeMdnsResponse(name, [entry.address]), null);
    }
  }
}

/** RFC 9562 §5.4. */
function randomUuid(random: RandomSource): string {
  const bytes = randomBytes(random, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = toHex(bytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
