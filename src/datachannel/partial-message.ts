import { ByteWriter } from '../binary/writer.ts';

/**
 * A message arriving in pieces, each an SCTP message of its own (PPIDs 52 and 54, RFC 8831 §6.6). Deprecated and never
 * sent by us; read, because peers that still send it (Firefox before version 60) would otherwise lose data.
 */
export class PartialMessage {
  readonly isText: boolean;
  readonly #limit: number;
  readonly #bytes = new ByteWriter(1_024);

  /** @param limit bytes in a whole message; past it the message is refused, so that no peer can make us hold more */
  constructor(isText: boolean, limit: number) {
    this.isText = isText;
    this.#limit = limit;
  }

  /** False when the message grew too large or the piece is of the other kind: the channel cannot go on. */
  append(piece: Uint8Array, isText: boolean): boolean {
    if (isText !== this.isText || this.#bytes.length + piece.length > this.#limit) return false;
    this.#bytes.bytes(piece);
    return true;
  }

  finish(): Uint8Array {
    return this.#bytes.finish();
  }
}
