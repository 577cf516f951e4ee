/** A file on its way to one peer: offered, read in blocks, cut into chunks, hashed as it leaves. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { CHUNK_BYTES, WINDOW_BYTES } from './limits.ts';
import { cleanMediaType, type RefusalReason } from './messages.ts';
import { cleanFileName } from './names.ts';
import type { EndReason, FileSource, Transfer, TransferPort, TransferState } from './transfer.ts';

/** One read of the source: sixteen chunks. */
const BLOCK_BYTES = 16 * CHUNK_BYTES;
const NOTHING: Uint8Array = new Uint8Array(0);

export class OutgoingTransfer implements Transfer {
  readonly direction = 'outgoing';
  readonly id: number;
  readonly peerId: string;
  readonly name: string;
  readonly size: number;
  readonly mediaType: string;
  readonly #source: FileSource;
  readonly #port: TransferPort;
  readonly #hash = sha256.create();
  #state: TransferState = 'offered';
  #reason: EndReason | null = null;
  #sha256: string | null = null;
  #sent = 0;
  #confirmed = 0;
  /** What was read and not yet sent. */
  #block: Uint8Array = NOTHING;

  /** @throws RangeError when the source's size is no number of bytes */
  constructor(id: number, source: FileSource, port: TransferPort) {
    if (!Number.isSafeInteger(source.size) || source.size < 0) {
      throw new RangeError(`a file's size is a number of bytes, not ${source.size}`);
    }
    this.id = id;
    this.peerId = port.peerId;
    this.name = cleanFileName(source.name);
    this.size = source.size;
    this.mediaType = cleanMediaType(source.mediaType ?? '');
    this.#source = source;
    this.#port = port;
  }

  get state(): TransferState {
    return this.#state;
  }

  get reason(): EndReason | null {
    return this.#reason;
  }

  get bytes(): number {
    return this.#confirmed;
  }

  get sha256(): string | null {
    return this.#sha256;
  }

  /** Whether a chunk may go now: the rest waits for the receiver to have written what is under way. */
  get sendable(): boolean {
    return this.#state === 'active' && this.#sent < this.size && this.#sent - this.#confirmed < WINDOW_BYTES;
  }

  cancel(): void {
    this.#stop('cancelled');
  }

  /** The connection to the peer ended. */
  leave(): void {
    this.#end('left');
  }

  /** The source or the channel failed. */
  fail(): void {
    this.#stop('failed');
  }

  /** @returns whether it fits: a peer may say it once, to an offer */
  handleAccept(): boolean {
    if (this.#state !== 'offered') return false;
    this.#state = 'active';
    this.#port.changed();
    if (this.size === 0) this.#finish();
    return true;
  }

  handleRefuse(reason: RefusalReason): boolean {
    if (this.#state !== 'offered' && this.#state !== 'active') return false;
    this.#end(reason);
    return true;
  }

  /** @param bytes all that the receiver has written; never less than before, never more than was sent */
  handleProgress(bytes: number): boolean {
    if (this.#state !== 'active' || bytes < this.#confirmed || bytes > this.#sent) return false;
    this.#confirmed = bytes;
    this.#port.changed();
    return true;
  }

  handleVerified(): boolean {
    if (this.#state !== 'active' || this.#sha256 === null) return false;
    this.#confirmed = this.size;
    this.#state = 'complete';
    this.#port.changed();
    return true;
  }

  /** Reads what the next chunk needs. @returns false when it ended meanwhile */
  async prepare(): Promise<boolean> {
    if (this.#block.length > 0) return true;
    const length = Math.min(BLOCK_BYTES, this.size - this.#sent);
    try {
      const block = await this.#source.read(this.#sent, length);
      if (block.length !== length) throw new RangeError(`asked for ${length} bytes, got ${block.length}`);
      this.#block = block;
    } catch {
      this.fail(); // the file is gone or has changed: the receiver gets to know, and the application by the state
    }
    return this.#state === 'active';
  }

  /** The next chunk, after `prepare`; a view. `sent` follows when the channel has taken it. */
  take(): Uint8Array {
    return this.#block.subarray(0, CHUNK_BYTES);
  }

  sent(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#sent += chunk.length;
    this.#block = this.#block.subarray(chunk.length);
    if (this.#sent === this.size) this.#finish();
  }

  #finish(): void {
    this.#sha256 = bytesToHex(this.#hash.digest());
    this.#port.send({ kind: 'done', id: this.id, sha256: this.#sha256 });
  }

  #stop(reason: 'cancelled' | 'failed'): void {
    if (this.#state !== 'offered' && this.#state !== 'active') return;
    this.#port.send({ kind: 'withdraw', id: this.id, reason });
    this.#end(reason);
  }

  #end(reason: EndReason): void {
    if (this.#state !== 'offered' && this.#state !== 'active') return;
    this.#state = 'ended';
    this.#reason = reason;
    this.#block = NOTHING;
    this.#port.changed();
  }
}
