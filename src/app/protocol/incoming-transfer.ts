/** A file on its way from one peer: accepted or not, hashed as it comes, written as fast as the sink takes it. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { MAX_CHUNK_BYTES, PROGRESS_BYTES, WINDOW_BYTES } from './limits.ts';
import type { RefusalReason, WithdrawalReason } from './messages.ts';
import type { EndReason, FileSink, Transfer, TransferPort, TransferState } from './transfer.ts';

/** A sender may begin one chunk with a byte of the window left. */
const MAX_UNWRITTEN_BYTES = WINDOW_BYTES + MAX_CHUNK_BYTES;

export type IncomingOffer = {
  readonly id: number;
  readonly name: string;
  readonly size: number;
  readonly mediaType: string;
};

export class IncomingTransfer implements Transfer {
  readonly direction = 'incoming';
  readonly id: number;
  readonly peerId: string;
  readonly name: string;
  readonly size: number;
  readonly mediaType: string;
  readonly #port: TransferPort;
  readonly #hash = sha256.create();
  /** Bound: MAX_UNWRITTEN_BYTES together; a sender that goes past it loses the transfer. */
  #queue: Uint8Array[] = [];
  #sink: FileSink | null = null;
  #state: TransferState = 'offered';
  #reason: EndReason | null = null;
  #sha256: string | null = null;
  #received = 0;
  #written = 0;
  #confirmed = 0;
  #writing = false;
  /** What the sender says its SHA-256 is, once it is through. */
  #expected: string | null = null;

  constructor(offer: IncomingOffer, port: TransferPort) {
    this.id = offer.id;
    this.peerId = port.peerId;
    this.name = offer.name;
    this.size = offer.size;
    this.mediaType = offer.mediaType;
    this.#port = port;
  }

  get state(): TransferState {
    return this.#state;
  }

  get reason(): EndReason | null {
    return this.#reason;
  }

  get bytes(): number {
    return this.#written;
  }

  get sha256(): string | null {
    return this.#sha256;
  }

  /** Takes the file into `sink`. @throws Error when it is not offered any more */
  accept(sink: FileSink): void {
    if (this.#state !== 'offered') throw new Error(`${this.name} is not offered any more`);
    this.#sink = sink;
    this.#state = 'active';
    this.#port.send({ kind: 'accept', id: this.id });
    this.#port.changed();
  }

  /** Before it was accepted this declines it. */
  cancel(): void {
    this.refuse(this.#state === 'offered' ? 'declined' : 'cancelled');
  }

  refuse(reason: RefusalReason): void {
    if (this.#state !== 'offered' && this.#state !== 'active') return;
    this.#port.send({ kind: 'refuse', id: this.id, reason });
    this.#end(reason);
  }

  /** The connection to the peer ended. */
  leave(): void {
    this.#end('left');
  }

  /** @returns whether a sender may do that */
  handleWithdraw(reason: WithdrawalReason): boolean {
    if (this.#state !== 'offered' && this.#state !== 'active') return false;
    this.#end(reason);
    return true;
  }

  handleChunk(bytes: Uint8Array): boolean {
    const received = this.#received + bytes.length;
    if (this.#state !== 'active' || this.#expected !== null) return false;
    if (received > this.size || received - this.#written > MAX_UNWRITTEN_BYTES) {
      this.refuse('failed');
      return false;
    }
    this.#received = received;
    this.#hash.update(bytes);
    this.#queue.push(bytes);
    void this.#write();
    return true;
  }

  handleDone(expected: string): boolean {
    if (this.#state !== 'active' || this.#expected !== null) return false;
    if (this.#received !== this.size) {
      this.refuse('failed');
      return false;
    }
    this.#expected = expected;
    this.#sha256 = bytesToHex(this.#hash.digest());
    void this.#write();
    return true;
  }

  /** Empties the queue into the sink, and ends the file when that was all of it. One runs at a time. */
  async #write(): Promise<void> {
    const sink = this.#sink;
    if (this.#writing || sink === null) return;
    this.#writing = true;
    try {
      for (let bytes = this.#queue.shift(); bytes !== undefined; bytes = this.#queue.shift()) {
        await sink.write(bytes);
        if (this.#state !== 'active') return;
        this.#written += bytes.length;
        this.#confirm();
      }
      if (this.#expected !== null) await this.#finish(sink, this.#expected);
    } catch {
      this.refuse('failed'); // a full disk, say: the sender gets to know, and the application by the state
    } finally {
      this.#writing = false;
    }
  }

  #confirm(): void {
    if (this.#written - this.#confirmed < PROGRESS_BYTES) return;
    this.#confirmed = this.#written;
    this.#port.send({ kind: 'progress', id: this.id, bytes: this.#written });
    this.#port.changed();
  }

  async #finish(sink: FileSink, expected: string): Promise<void> {
    if (this.#sha256 !== expected) return this.refuse('mismatch');
    await sink.close();
    if (this.#state !== 'active') return;
    this.#state = 'complete';
    this.#port.send({ kind: 'verified', id: this.id });
    this.#port.changed();
  }

  #end(reason: EndReason): void {
    if (this.#state !== 'offered' && this.#state !== 'active') return;
    this.#state = 'ended';
    this.#reason = reason;
    this.#queue = [];
    void this.#discard();
    this.#port.changed();
  }

  async #discard(): Promise<void> {
    try {
      await this.#sink?.abort();
    } catch {
      // What a sink cannot take back is its own affair; the transfer has ended all the same.
    }
  }
}
