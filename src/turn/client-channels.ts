/**
 * A client's channels (RFC 8656 §12): a number for a peer that data goes to, so that a packet costs four bytes more instead of
 * thirty-six. A number once given to a peer stays that peer's for as long as the allocation lives, which keeps the five
 * minutes that must pass before it may mean another.
 */
import type { SocketAddress } from '../stun/index.ts';
import { MIN_CHANNEL_NUMBER } from './channel-data.ts';

/** RFC 8656 §12: "A channel binding lasts for 10 minutes unless refreshed." */
const CHANNEL_LIFETIME_MS = 600_000;
/** Refreshed a minute early, which is longer than a request may take (39.5 s). */
const CHANNEL_REFRESH_MS = 540_000;
/** A channel unused for that long is let go, and bound again when it is wanted. */
const CHANNEL_IDLE_MS = 600_000;
/**
 * Bound: a connection sends data to one peer, and to another after each ICE restart. Past it packets go as Send
 * indications, which works as well and costs 32 bytes more.
 */
export const MAX_CLIENT_CHANNELS = 64;

export type ClientChannel = {
  readonly number: number;
  readonly peer: SocketAddress;
  /** `idle`: not bound, but may be, to the same peer. `refused`: not tried again. */
  state: 'binding' | 'bound' | 'idle' | 'refused';
  expiresAt: number;
  refreshAt: number;
  usedAt: number;
};

export class ClientChannels {
  readonly #byNumber = new Map<number, ClientChannel>();
  /** By address, then port: no text is made per packet. */
  readonly #byPeer = new Map<string, Map<number, ClientChannel>>();
  readonly #ask: (channel: ClientChannel, now: number) => void;
  #nextTimeout = Infinity;

  /** @param ask sends the request; its answer is told by `settle` */
  constructor(ask: (channel: ClientChannel, now: number) => void) {
    this.#ask = ask;
  }

  get nextTimeout(): number {
    return this.#nextTimeout;
  }

  get size(): number {
    return this.#byNumber.size;
  }

  /** The peer behind a number. "SHOULD be prepared to receive ChannelData … as soon as it has sent the ChannelBind request". */
  peerOf(channelNumber: number, now: number): SocketAddress | null {
    const channel = this.#byNumber.get(channelNumber);
    if (channel === undefined || channel.state === 'refused' || channel.state === 'idle') return null;
    channel.usedAt = now;
    return channel.peer;
  }

  /** The channel to send on; `null` as long as there is none. */
  bound(peer: SocketAddress, now: number): ClientChannel | null {
    const channel = this.#byPeer.get(peer.address)?.get(peer.port);
    if (channel === undefined || channel.state !== 'bound' || now >= channel.expiresAt) return null;
    channel.usedAt = now;
    return channel;
  }

  /** Binds a channel to a peer if there is none and room for one. */
  bind(peer: SocketAddress, now: number): void {
    const known = this.#byPeer.get(peer.address)?.get(peer.port);
    if (known !== undefined) {
      known.usedAt = now;
      if (known.state !== 'idle') return;
      known.state = 'binding';
      this.#ask(known, now);
      return;
    }
    if (this.#byNumber.size >= MAX_CLIENT_CHANNELS) return;
    const channel: ClientChannel = {
      number: MIN_CHANNEL_NUMBER + this.#byNumber.size,
      peer: { address: peer.address, port: peer.port },
      state: 'binding',
      expiresAt: Infinity,
      refreshAt: Infinity,
      usedAt: now,
    };
    this.#byNumber.set(channel.number, channel);
    const ofAddress = this.#byPeer.get(peer.address) ?? new Map<number, ClientChannel>();
    ofAddress.set(peer.port, channel);
    this.#byPeer.set(peer.address, ofAddress);
    this.#ask(channel, now);
  }

  settle(channel: ClientChannel, answer: 'granted' | 'refused' | 'unknown', now: number): void {
    if (this.#byNumber.get(channel.number) !== channel) return;
    if (answer === 'granted') {
      channel.state = 'bound';
      channel.expiresAt = now + CHANNEL_LIFETIME_MS;
      channel.refreshAt = now + CHANNEL_REFRESH_MS;
    } else if (channel.state === 'binding' || answer === 'refused') {
      channel.state = answer === 'refused' ? 'refused' : 'idle';
      channel.expiresAt = Infinity;
      channel.refreshAt = Infinity;
    }
    this.#schedule();
  }

  handleTimeout(now: number): void {
    if (now < this.#nextTimeout) return;
    for (const channel of this.#byNumber.values()) {
      if (now >= channel.expiresAt) {
        channel.state = 'idle';
        channel.expiresAt = Infinity;
        channel.refreshAt = Infinity;
      } else if (now >= channel.refreshAt) {
        channel.refreshAt = Infinity;
        if (now - channel.usedAt < CHANNEL_IDLE_MS) this.#ask(channel, now);
      }
    }
    this.#schedule();
  }

  clear(): void {
    this.#byNumber.clear();
    this.#byPeer.clear();
    this.#nextTimeout = Infinity;
  }

  #schedule(): void {
    this.#nextTimeout = Infinity;
    for (const { expiresAt, refreshAt } of this.#byNumber.values()) {
      this.#nextTimeout = Math.min(this.#nextTimeout, expiresAt, refreshAt);
    }
  }
}
