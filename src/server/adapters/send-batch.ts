/**
 * One write for all that goes to one socket in one turn of the event loop. A busy tracker is busy writing: an announce with
 * five offers is six messages to six sockets, and many announces come in one turn.
 */
import { Buffer } from 'node:buffer';
import type { Writable } from 'node:stream';
import { setImmediate } from 'node:timers';

/** FIN and the opcode of a text frame (RFC 6455 §5.2); a server does not mask. */
const TEXT_FRAME = 0x81;
/** Payload lengths from these on take two or eight bytes more. */
const TWO_BYTE_LENGTH = 126;
const EIGHT_BYTE_LENGTH = 65_536;

/** What has messages that wait. */
export type Batched = { flush(): void };

/** Connections with something to write. */
export class SendBatch {
  #waiting: Batched[] = [];
  readonly #flush = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const socket of waiting) socket.flush();
  };

  /** Has `socket` flushed when everything that has come in has been looked at. */
  add(socket: Batched): void {
    if (this.#waiting.push(socket) === 1) setImmediate(this.#flush);
  }
}

/** Text messages on their way into one socket. */
export class BatchedSocket implements Batched {
  readonly #socket: Writable;
  readonly #batch: SendBatch;
  /** Bound: what the tracker lets a slow connection have, `bufferedAmount` included. */
  #texts: string[] | null = null;
  /** UTF-16 units in `#texts`. */
  waiting = 0;

  constructor(socket: Writable, batch: SendBatch) {
    this.#socket = socket;
    this.#batch = batch;
  }

  send(text: string): void {
    this.waiting += text.length;
    if (this.#texts !== null) {
      this.#texts.push(text);
      return;
    }
    this.#texts = [text];
    this.#batch.add(this);
  }

  /** Writes what waits. */
  flush(): void {
    const texts = this.#texts;
    if (texts === null) return;
    this.#texts = null;
    this.waiting = 0;
    let size = 0;
    const sizes: number[] = [];
    for (const text of texts) {
      const length = Buffer.byteLength(text);
      sizes.push(length);
      size += length + (length < TWO_BYTE_LENGTH ? 2 : length < EIGHT_BYTE_LENGTH ? 4 : 10);
    }
    const frames = Buffer.allocUnsafe(size);
    let offset = 0;
    for (let i = 0; i < texts.length; i++) {
      offset = writeHeader(frames, offset, sizes[i]!);
      offset += frames.write(texts[i]!, offset);
    }
    this.#socket.write(frames);
  }
}

function writeHeader(frames: Buffer, offset: number, length: number): number {
  frames[offset] = TEXT_FRAME;
  if (length < TWO_BYTE_LENGTH) {
    frames[offset + 1] = length;
    return offset + 2;
  }
  if (length < EIGHT_BYTE_LENGTH) {
    frames[offset + 1] = 126;
    frames.writeUInt16BE(length, offset + 2);
    return offset + 4;
  }
  frames[offset + 1] = 127;
  frames.writeUInt32BE(0, offset + 2);
  frames.writeUInt32BE(length, offset + 6);
  return offset + 10;
}
