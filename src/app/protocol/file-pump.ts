/** Sends the chunks of all files to one peer in turn, as fast as the channel drains. */
import { encodeChunk } from './chunk.ts';
import { BUFFER_HIGH_BYTES, BUFFER_LOW_BYTES } from './limits.ts';
import type { OutgoingTransfer } from './outgoing-transfer.ts';
import type { ChatChannel } from './room.ts';

export class FilePump {
  readonly #channel: ChatChannel;
  readonly #transfers: Iterable<OutgoingTransfer>;
  readonly #wake = (): void => this.#drained?.();
  #drained: (() => void) | null = null;
  #running = false;
  #closed = false;
  /** The turn goes to the first sendable transfer with a higher id, so that none waits for another's end. */
  #lastId = 0;

  /** @param transfers live, in the order of their ids */
  constructor(channel: ChatChannel, transfers: Iterable<OutgoingTransfer>) {
    this.#channel = channel;
    this.#transfers = transfers;
    channel.bufferedAmountLowThreshold = BUFFER_LOW_BYTES;
    channel.addEventListener('bufferedamountlow', this.#wake);
  }

  /** Called whenever a transfer may have become sendable. */
  start(): void {
    if (!this.#running && !this.#closed) void this.#run();
  }

  close(): void {
    this.#closed = true;
    this.#channel.removeEventListener('bufferedamountlow', this.#wake);
    this.#wake();
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let transfer = this.#next(); transfer !== null; transfer = this.#next()) {
      this.#lastId = transfer.id;
      if (this.#channel.bufferedAmount >= BUFFER_HIGH_BYTES) await this.#lowWater();
      if (!(await transfer.prepare()) || this.#closed) continue;
      this.#send(transfer);
    }
    this.#running = false;
  }

  #send(transfer: OutgoingTransfer): void {
    const chunk = transfer.take();
    try {
      this.#channel.send(encodeChunk(transfer.id, chunk));
    } catch {
      transfer.fail(); // the channel is closing
      return;
    }
    transfer.sent(chunk);
  }

  #next(): OutgoingTransfer | null {
    if (this.#closed) return null;
    let first: OutgoingTransfer | null = null;
    for (const transfer of this.#transfers) {
      if (!transfer.sendable) continue;
      if (transfer.id > this.#lastId) return transfer;
      first ??= transfer;
    }
    return first;
  }

  #lowWater(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained = () => {
        this.#drained = null;
        resolve();
      };
    });
  }
}
