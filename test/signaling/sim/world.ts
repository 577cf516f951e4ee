/** A world with a clock of its own: trackers, sockets and peer connections that behave like the real ones, without sleeping. */
import type { RandomSource } from '../../../src/machine.ts';
import type { SignalingPlatform } from '../../../src/signaling/platform.ts';
import { SimPeerConnection } from './peer-connection.ts';
import { SimTracker, type TrackerBehaviour } from './tracker.ts';
import { SimWebSocket } from './web-socket.ts';

type Timer = { readonly at: number; readonly order: number; readonly call: () => void };

export type WorldOptions = {
  readonly seed?: number;
  /** One way, in ms. */
  readonly latencyMs?: number;
  /** Until all candidates are there. */
  readonly gatheringMs?: number;
  /** From both descriptions to open channels. */
  readonly connectingMs?: number;
};

export class World {
  now = 1_000;
  readonly latencyMs: number;
  readonly gatheringMs: number;
  readonly connectingMs: number;
  readonly random: RandomSource & { next(): number };
  readonly trackers: Map<string, SimTracker> = new Map();
  readonly connections: SimPeerConnection[] = [];
  readonly sockets: SimWebSocket[] = [];
  readonly #timers = new Set<Timer>();
  #order = 0;
  #wakers = new Set<() => void>();

  constructor({ seed = 1, latencyMs = 20, gatheringMs = 50, connectingMs = 60 }: WorldOptions = {}) {
    this.latencyMs = latencyMs;
    this.gatheringMs = gatheringMs;
    this.connectingMs = connectingMs;
    let state = seed >>> 0;
    const next = (): number => {
      // mulberry32
      state = (state + 0x6d2b79f5) >>> 0;
      let t = state;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
    };
    this.random = {
      next,
      fill: (target) => {
        for (let i = 0; i < target.length; i++) target[i] = next() * 256;
      },
    };
  }

  addTracker(url: string, behaviour: TrackerBehaviour = {}): SimTracker {
    const tracker = new SimTracker(this, behaviour);
    this.trackers.set(new URL(url).href, tracker);
    return tracker;
  }

  platform(): SignalingPlatform {
    const world = this;
    return {
      RTCPeerConnection: class extends SimPeerConnection {
        constructor(configuration: object) {
          super(world, configuration);
          world.connections.push(this);
        }
      } as unknown as SignalingPlatform['RTCPeerConnection'],
      openWebSocket: (url) => {
        const socket = new SimWebSocket(this, url);
        this.sockets.push(socket);
        return socket;
      },
      now: () => this.now,
      wallClock: () => 1.7e12 + this.now,
      setTimer: (call, delayMs) => this.after(delayMs, call),
      clearTimer: (timer) => void this.#timers.delete(timer as Timer),
      random: this.random,
      onWake: (callback) => {
        this.#wakers.add(callback);
        return () => this.#wakers.delete(callback);
      },
    };
  }

  wake(): void {
    for (const callback of this.#wakers) callback();
  }

  after(delayMs: number, call: () => void): unknown {
    const timer = { at: this.now + Math.max(0, delayMs), order: this.#order++, call };
    this.#timers.add(timer);
    return timer;
  }

  /** Timers, listeners for waking, sockets and connections that somebody still holds. */
  get leftovers(): { timers: number; wakers: number; sockets: number; connections: number } {
    return {
      timers: this.#timers.size,
      wakers: this.#wakers.size,
      sockets: this.sockets.filter(({ readyState }) => readyState < 2).length,
      connections: this.connections.filter(({ connectionState }) => connectionState !== 'closed').length,
    };
  }

  /** Lets time pass. */
  async run(ms: number): Promise<void> {
    await this.#runUntil(this.now + ms, () => false);
  }

  /** Lets time pass until something is so: how long that took. */
  async until(condition: () => boolean, timeoutMs = 600_000): Promise<number> {
    const start = this.now;
    await this.#runUntil(start + timeoutMs, condition);
    if (!condition()) throw new Error(`still not so after ${timeoutMs} ms`);
    return this.now - start;
  }

  async #runUntil(end: number, condition: () => boolean): Promise<void> {
    await settled();
    while (!condition()) {
      let next: Timer | null = null;
      for (const timer of this.#timers) {
        if (next === null || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
      }
      if (next === null || next.at > end) break;
      this.#timers.delete(next);
      this.now = Math.max(this.now, next.at);
      next.call();
      await settled();
    }
    if (!condition()) this.now = Math.max(this.now, end);
  }
}

/** When no promise has anything left to do. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
