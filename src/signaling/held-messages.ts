/**
 * Messages that arrive before the application has been handed the channel. The other side may be done sooner and send at
 * once; nothing it says must be lost, or come twice.
 */
import type { RTCDataChannel } from 'purertc';

/** Bound: a peer that sends more than this before it was let in is not one of ours, and its messages are lost. */
const MAX_MESSAGES = 256;
const MAX_BYTES: number = 1024 * 1024;

export class HeldMessages {
  #channel: RTCDataChannel | null = null;
  readonly #data: unknown[] = [];
  #bytes = 0;

  /** Begins to keep what comes. */
  watch(channel: RTCDataChannel): void {
    this.#channel = channel;
    channel.addEventListener('message', this.#keep);
  }

  /** Gives out what was kept, in order, to whoever listens at the channel by now. */
  release(): void {
    const channel = this.#channel;
    this.#detach();
    for (const data of this.#data.splice(0)) channel?.dispatchEvent(new MessageEvent('message', { data }));
  }

  drop(): void {
    this.#detach();
    this.#data.length = 0;
  }

  #detach(): void {
    this.#channel?.removeEventListener('message', this.#keep);
    this.#channel = null;
  }

  readonly #keep = (event: MessageEvent): void => {
    event.stopImmediatePropagation(); // it comes again, when it is let out
    const data: unknown = event.data;
    this.#bytes += typeof data === 'string' ? data.length : data instanceof ArrayBuffer ? data.byteLength : 0;
    if (this.#data.length < MAX_MESSAGES && this.#bytes <= MAX_BYTES) this.#data.push(data);
  };
}
