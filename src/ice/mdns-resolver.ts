/**
 * Looks up the `.local` names that browsers put in place of addresses (RFC 6762, draft-ietf-mmusic-mdns-ice-candidates):
 * a machine; the caller joins the group and carries the messages.
 */
import { encodeMdnsQuery, isMdnsName, parseMdnsMessage } from './mdns-message.ts';

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

  /** Takes a message from the group, or from port 5353 of anyone on the link. */
  handlePacket(packet: Uint8Array, now: number): void {
    const message = parseMdnsMessage(packet);
    if (message === null) {
      this.stats.messagesDropped++;
      return;
    }
    if (!message.isResponse) return;
    const answers = new Map<string, string[]>();
    let ttlSeconds = Infinity;
    for (const record of message.records) {
      // RFC 6762 §10.1: a TTL of zero says goodbye. Names nobody asked for are none of our business.
      if (record.ttlSeconds === 0 || !this.#pending.has(record.name)) continue;
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
    // RFC 6762 §5.4: the first question may ask for a unicast answer, since nobody is known to have multicast it lately.
    const query = encodeMdnsQuery(name, pending.attempts === 0);
    pending.attempts++;
    this.#sink.transmit(query);
  }

  #remember(name: string, addresses: string[], expiresAt: number): void {
    this.#cache.delete(name);
    this.#cache.set(name, { addresses, expiresAt });
    if (this.#cache.size <= MAX_CACHED_NAMES) return;
    const [oldest] = this.#cache.keys();
    this.#cache.delete(oldest!);
  }
}
