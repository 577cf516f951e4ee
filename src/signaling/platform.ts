/** What rooms need from the place they run in. Each door brings its own; tests bring one with a clock of their own. */
import type { RTCPeerConnection } from 'purertc';
import type { RandomSource } from '../machine.ts';

/** The part of a WebSocket that is used: the browser's, a runtime's own, or that of `ws`. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  /** `ws` has it; others leave a connection that does not close to the operating system. */
  terminate?(): void;
  addEventListener(type: WebSocketEvent, listener: (event: Event) => void): void;
  removeEventListener(type: WebSocketEvent, listener: (event: Event) => void): void;
}

export type WebSocketEvent = 'open' | 'message' | 'close' | 'error';

export type WebSocketConstructor = new (url: string) => WebSocketLike;

export type SignalingPlatform = {
  readonly RTCPeerConnection: new (configuration?: RTCConfigurationLike) => RTCPeerConnection;
  /** May take a while the first time: where there is no WebSocket built in, one is loaded. */
  openWebSocket(url: string): WebSocketLike | Promise<WebSocketLike>;
  /** Milliseconds on a clock that never jumps. */
  now(): number;
  /** Milliseconds since 1970, for what peers compare. */
  wallClock(): number;
  setTimer(callback: () => void, delayMs: number): unknown;
  clearTimer(timer: unknown): void;
  readonly random: RandomSource;
  /** Calls back when it may be worth trying again at once (the network is back, the page is looked at). Returns its end. */
  onWake(callback: () => void): () => void;
};

/** An `RTCConfiguration` of whichever kind the platform's connections take. */
export type RTCConfigurationLike = NonNullable<ConstructorParameters<typeof RTCPeerConnection>[0]>;

/** Everything but the connections, which the two doors bring. */
export const commonPlatform: Omit<SignalingPlatform, 'RTCPeerConnection' | 'openWebSocket'> = {
  now: () => performance.now(),
  wallClock: () => Date.now(),
  setTimer: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimer: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
  random: { fill: (target) => void globalThis.crypto.getRandomValues(target as Uint8Array<ArrayBuffer>) },
  onWake: () => () => {},
};

/** Timers hold at most 2³¹ − 1 ms; a longer wait is done in steps. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** One timer that is moved about. Its callback is told the time, and asked afterwards when it is due again. */
export class Alarm {
  readonly #platform: Pick<SignalingPlatform, 'now' | 'setTimer' | 'clearTimer'>;
  readonly #ring: (now: number) => void;
  #timer: unknown = null;
  #at: number = Number.POSITIVE_INFINITY;

  constructor(platform: Pick<SignalingPlatform, 'now' | 'setTimer' | 'clearTimer'>, ring: (now: number) => void) {
    this.#platform = platform;
    this.#ring = ring;
  }

  /** Rings once at `at`, or not at all at Infinity. */
  set(at: number): void {
    if (at === this.#at) return;
    this.clear();
    if (at === Number.POSITIVE_INFINITY) return;
    this.#at = at;
    const delay = Math.min(Math.max(0, Math.ceil(at - this.#platform.now())), MAX_TIMER_MS);
    this.#timer = this.#platform.setTimer(() => {
      this.#timer = null;
      this.#at = Number.POSITIVE_INFINITY;
      this.#ring(this.#platform.now());
    }, delay);
  }

  clear(): void {
    if (this.#timer !== null) this.#platform.clearTimer(this.#timer);
    this.#timer = null;
    this.#at = Number.POSITIVE_INFINITY;
  }
}
