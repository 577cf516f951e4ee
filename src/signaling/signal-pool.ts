/** Connections to trackers, shared by the rooms of one application: one for each tracker, however many rooms there are. */
/// <reference lib="esnext.disposable" preserve="true" />
import type { SignalingPlatform } from './platform.ts';
import { type AccessToken, normalizeTrackerUrl, randomWireId, TrackerClient } from './tracker-client.ts';
import { wireIdFromHex, wireIdToHex } from './wire.ts';

/** A connection that no room uses stays this long: the next room may want it. */
const LINGER_MS = 5_000;

export type SignalPoolOptions = {
  /** 40 hexadecimal digits, for all rooms; random if left out. Members of two rooms can tell that you are in both. */
  readonly peerId?: string;
  /** How long an unused connection stays, in ms; 5,000 if left out. */
  readonly lingerMs?: number;
};

/** What a room has of a connection until it gives it back. */
export type TrackerLease = { readonly client: TrackerClient; release(): Promise<void> };

type Shared = { readonly client: TrackerClient; users: number; lingering: unknown };

export class SignalPool {
  /** 40 lower-case hexadecimal digits. */
  readonly peerId: string;
  readonly #platform: SignalingPlatform;
  readonly #lingerMs: number;
  readonly #clients = new Map<string, Shared>();
  readonly #closing = new Set<Promise<void>>();
  readonly #tokenNumbers = new WeakMap<() => string, number>();
  #nextTokenNumber = 0;

  constructor(options: SignalPoolOptions, platform: SignalingPlatform) {
    this.peerId = wireIdToHex(options.peerId === undefined ? randomWireId(platform) : wireIdFromHex(options.peerId));
    this.#lingerMs = options.lingerMs ?? LINGER_MS;
    this.#platform = platform;
  }

  /** @internal */
  acquire(url: string, peerId: string, token: AccessToken | undefined): TrackerLease {
    const key = JSON.stringify([normalizeTrackerUrl(url), peerId, this.#nameOf(token)]);
    const shared = this.#clients.get(key) ?? {
      client: new TrackerClient(url, { peerId, ...(token !== undefined && { token }) }, this.#platform),
      users: 0,
      lingering: null,
    };
    this.#clients.set(key, shared);
    this.#platform.clearTimer(shared.lingering);
    shared.users++;
    let isHeld = true;
    return {
      client: shared.client,
      release: async () => {
        if (!isHeld) return;
        isHeld = false;
        if (--shared.users > 0 || this.#clients.get(key) !== shared) return;
        if (this.#lingerMs === 0) return this.#close(key, shared);
        shared.lingering = this.#platform.setTimer(() => void this.#close(key, shared), this.#lingerMs);
      },
    };
  }

  /** Closes every connection, used or not. */
  async close(): Promise<void> {
    for (const [key, shared] of [...this.#clients]) void this.#close(key, shared);
    await Promise.all(this.#closing);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Rooms with different tokens do not share a connection. */
  #nameOf(token: AccessToken | undefined): string | number | undefined {
    if (typeof token !== 'function') return token;
    const number = this.#tokenNumbers.get(token) ?? this.#nextTokenNumber++;
    this.#tokenNumbers.set(token, number);
    return number;
  }

  #close(key: string, shared: Shared): Promise<void> {
    this.#clients.delete(key);
    this.#platform.clearTimer(shared.lingering);
    const closed = shared.client.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
    return closed;
  }
}
