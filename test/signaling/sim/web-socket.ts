/** A WebSocket of the simulated world. */
import type { WebSocketLike } from '../../../src/signaling/platform.ts';
import type { SimTracker } from './tracker.ts';
import type { World } from './world.ts';

export class SimWebSocket extends EventTarget implements WebSocketLike {
  binaryType = 'blob';
  readyState = 0;
  readonly sent: string[] = [];
  readonly #world: World;
  readonly #url: string;
  #tracker: SimTracker | null = null;

  constructor(world: World, url: string) {
    super();
    this.#world = world;
    this.#url = url;
    world.after(2 * world.latencyMs, () => this.#connect());
  }

  #connect(): void {
    if (this.readyState !== 0) return;
    const tracker = this.#world.trackers.get(this.#url);
    const { refusal = tracker === undefined ? 'error-and-close' : null } = tracker ?? {};
    if (refusal === 'silence') return;
    if (refusal !== null) {
      this.readyState = refusal === 'error-only' ? 0 : 3; // as Node 22 leaves it
      this.dispatchEvent(Object.assign(new Event('error'), { message: 'ECONNREFUSED' }));
      if (refusal === 'error-and-close')
        this.dispatchEvent(Object.assign(new Event('close'), { code: 1006, reason: '' }));
      return;
    }
    this.#tracker = tracker!;
    this.readyState = 1;
    this.#tracker.opened(this);
    this.dispatchEvent(new Event('open'));
  }

  send(text: string): void {
    if (this.readyState !== 1) throw new Error('not open');
    this.sent.push(text);
    this.#world.after(this.#world.latencyMs, () => this.#tracker?.received(this, text));
  }

  close(code = 1005): void {
    if (this.readyState >= 2) return;
    this.readyState = 2;
    this.#world.after(2 * this.#world.latencyMs, () => this.#end(code, ''));
    this.#world.after(this.#world.latencyMs, () => this.#tracker?.closed(this));
  }

  /** From the tracker. */
  deliver(data: string | ArrayBuffer): void {
    this.#world.after(this.#world.latencyMs, () => {
      if (this.readyState === 1) this.dispatchEvent(Object.assign(new Event('message'), { data }));
    });
  }

  /** The tracker closes it. */
  closeFromThere(code: number, reason = ''): void {
    this.#tracker?.closed(this);
    this.#tracker = null;
    this.#world.after(this.#world.latencyMs, () => this.#end(code, reason));
  }

  #end(code: number, reason: string): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason }));
  }
}
