/**
 * Looks up the `.local` names that browsers put in place of addresses (RFC 6762, draft-ietf-mmusic-mdns-ice-candidates):
 * a machine; the caller joins the group and carries the messages.
 */
import type { SocketAddress } from './address.ts';
import { encodeMdnsQuery, isMdnsName, MDNS_PORT, parseMdnsMessage } from './mdns-message.ts';

/**
 * When a question is asked again, after the first time. RFC 6762 §5.2 wants at least a second between the first two and
 * doubling from there; a browser's responder answers within milliseconds unless a message was lost.
 */
const RETRY_AFTER_MS = [1000, 2000] as const;
/** After the last question. A name that nobody has answered by then is not on this link. */
const GIVE_UP_AFTER_MS = 2000;

/** Bound: names asked for at one time; further ones fail at once. A peer sends a few, one per interface. */
const MAX_PENDING_NAMES = 64;
/** Bound: answers remembered; the oldest is forgotten first. */
const MAX_CACHED_NAMES = 64;
/** Bound on the TTL a record may ask for. RFC 6762 §10 recommends 120 s for host names. */
const MAX_CACHE_MS = 120_000;

export type MdnsResolverSink = {
  /** Sends to the mDNS group, port 5353, on every interface. */
  transmit(message: Uint8Array): void;
  /** The addresses of a name, at least one; `null` when nobody answered. */
  resolved(name: string, addresses: readonly string[] | null): void;
};

type Pending = { attempts: number; nextAt: number };

export class MdnsResolver {
  readonly #sink: MdnsResolverSink;
  readonly #pending = new Map<string, Pending>();
  readonly #cache = new Map<string, { addresses: string[]; expiresAt: number }>();
  readonly stats: { messagesDropped: number; namesRefused: number } = { messagesDropped: 0, namesRefused: 0 };

  constructor(sink: MdnsResolverSink) {
    this.#sink = sink;
  }

  /** When a question is due again. Cached answers need no timer: they are looked at when they are asked for. */
  get nextTimeout(): number {
    let due = Infinity;
    for (const { nextAt } of this.#pending.values()) due = Math.min(due, nextAt);
    return due;
  }

  /** Whether any name is being looked up. */
  get isBusy(): boolean {
    return this.#pending.size > 0;
  }

  /** Looks a name up; `resolved` is called, possibly before this returns. Asking twice asks the network once. */
  resolve(name: string, now: number): void {
    const key = name.toLowerCase();
    const known = this.#cache.get(key);
    if (known !== undefined && known.expiresAt > now) {
      this.#sink.resolved(key, known.addresses);
      return;
    }
    if (this.#pending.has(key)) return;
    if (!isMdnsName(key) || this.#pending.size >= MAX_PENDING_NAMES) {
      this.stats.namesRefused++;
      this.#sink.resolved(key, null);
      return;
    }
    const pending: Pending = { attempts: 0, nextAt: now };
    this.#pending.set(key, pending);
    this.#ask(key, pending, now);
  }

  /** Takes a message from the group. */
  handlePacket(packet: Uint8Array, from: SocketAddress, now: number): void {
    const message = parseMdnsMessage(packet);
    if (message?.isResponse === false) return;
    // RFC 6762 §6: "MUST silently ignore any … responses they receive where the source UDP port is not 5353".
    if (message === null || from.port !== MDNS_PORT) {
      this.stats.messagesDropped++;
      return;
    }
    const answers = new Map<string, string[]>();
    let ttlSeconds = Infinity;
    for (const record of [...message.answers, ...message.additionals]) {
      if (record.ttlSeconds === 0) {
        this.#cache.delete(record.name); // RFC 6762 §10.1: a TTL of zero says goodbye
        continue;
      }
      if (!this.#pending.has(record.name)) continue; // names nobody asked for are none of our business
      ttlSeconds = Math.min(ttlSeconds, record.ttlSeconds);
      answers.set(record.name, [...(answers.get(record.name) ?? []), record.address]);
    }
    for (const [name, addresses] of answers) {
      this.#pending.delete(name);
      this.#remember(name, addresses, now + Math.min(ttlSeconds * 1000, MAX_CACHE_MS));
      this.#sink.resolved(name, addresses);
    }
  }

  handleTimeout(now: number): void {
    for (const [name, pending] of [...this.#pending]) {
      if (now < pending.nextAt) continue;
      if (pending.attempts <= RETRY_AFTER_MS.length) {
        this.#ask(name, pending, now);
        continue;
      }
      this.#pending.delete(name);
      this.#sink.resolved(name, null);
    }
  }

  #ask(name: string, pending: Pending, now: number): void {
    pending.nextAt = now + (RETRY_AFTER_MS[pending.attempts] ?? GIVE_UP_AFTER_MS);
    pending.attempts++;
    // For a multicast answer, also the first time: a unicast one reaches only one of the sockets that share port 5353 on a
    // machine, often another program's (RFC 6762 §15.1).
    this.#sink.transmit(encodeMdnsQuery(name));
  }

  #remember(name: string, addresses: string[], expiresAt: number): void {
    this.#cache.delete(name);
    this.#cache.set(name, { addresses, expiresAt });
    if (this.#cache.size <= MAX_CACHED_NAMES) return;
    const [oldest] = this.#cache.keys();
    this.#cache.delete(oldest!);
  }
}
