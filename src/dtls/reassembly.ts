/**
 * Incoming handshake messages (RFC 6347 §4.2.2, §4.2.3): fragments come in any order, overlap and repeat; messages are
 * handed on whole and in the order of message_seq.
 */
import { decodeFragment, type Fragment, HANDSHAKE_HEADER_LENGTH, type HandshakeMessage } from './handshake-message.ts';

/**
 * Bound: how far ahead of the next message another one is kept. The longest flight of DTLS 1.2 has six messages; what
 * is further ahead is dropped, since the peer cannot know yet whether it may send it.
 */
export const MESSAGE_WINDOW = 7;
/**
 * Bound: bytes of a whole message. The largest honest ones are certificate chains; OpenSSL's limit is 100 kB. A message
 * that claims more fails the handshake.
 */
export const MAX_MESSAGE_LENGTH = 65_536;
/** Bound: bytes of all messages being put together, by what they claim; what does not fit is dropped for now. */
export const MAX_REASSEMBLY_BYTES = 131_072;

/** One message on its way in. */
type Assembly = {
  readonly type: number;
  readonly body: Uint8Array;
  /** One bit per byte of `body`: fragments may overlap in any way, and counting intervals would need a bound. */
  readonly received: Uint8Array;
  missing: number;
};

/** What became of one record's content. */
export type Inserted =
  | {
      readonly kind: 'inserted';
      /** The message_seq of an old message whose end was among the fragments: the peer repeats itself. -1: none. */
      readonly repeated: number;
    }
  /** The content is no sequence of fragments. */
  | { readonly kind: 'malformed' }
  /** Fragments of one message contradict each other: about its type or its length. */
  | { readonly kind: 'mismatch' }
  /** A message is longer than we take. */
  | { readonly kind: 'excessive' };

export class HandshakeReassembler {
  readonly #assemblies = new Map<number, Assembly>();
  readonly #onDrop: () => void;
  #nextReceiveSeq = 0;
  #bytes = 0;

  /** @param onDrop called for each fragment that finds no room */
  constructor(onDrop: () => void) {
    this.#onDrop = onDrop;
  }

  /** The message_seq of the message to come. */
  get nextReceiveSeq(): number {
    return this.#nextReceiveSeq;
  }

  /** Whether anything is here of messages not handed on yet. */
  get hasPending(): boolean {
    return this.#assemblies.size > 0;
  }

  /** Takes the content of one record: one fragment or more. */
  insert(content: Uint8Array): Inserted {
    let repeated = -1;
    let at = 0;
    do {
      const fragment = decodeFragment(content, at);
      if (fragment === null) return { kind: 'malformed' };
      at += HANDSHAKE_HEADER_LENGTH + fragment.content.length;
      const ahead = fragment.messageSeq - this.#nextReceiveSeq;
      if (ahead < 0) {
        if (fragment.offset + fragment.content.length === fragment.length) repeated = fragment.messageSeq;
      } else if (ahead >= MESSAGE_WINDOW) {
        this.#onDrop();
      } else if (fragment.length > MAX_MESSAGE_LENGTH) {
        return { kind: 'excessive' };
      } else if (!this.#add(fragment)) {
        return { kind: 'mismatch' };
      }
    } while (at < content.length);
    return { kind: 'inserted', repeated };
  }

  /** The next message, once all of it is here. */
  next(): HandshakeMessage | null {
    const assembly = this.#assemblies.get(this.#nextReceiveSeq);
    if (assembly === undefined || assembly.missing > 0) return null;
    this.#assemblies.delete(this.#nextReceiveSeq);
    this.#bytes -= assembly.body.length;
    return { type: assembly.type, messageSeq: this.#nextReceiveSeq++, body: assembly.body };
  }

  /** False when the fragment contradicts an earlier one. */
  #add(fragment: Fragment): boolean {
    const { type, length, messageSeq } = fragment;
    let assembly = this.#assemblies.get(messageSeq);
    if (assembly === undefined) {
      if (this.#bytes + length > MAX_REASSEMBLY_BYTES) {
        this.#onDrop();
        return true;
      }
      assembly = { type, body: new Uint8Array(length), received: new Uint8Array((length + 7) >>> 3), missing: length };
      this.#assemblies.set(messageSeq, assembly);
      this.#bytes += length;
    }
    if (assembly.type !== type || assembly.body.length !== length) return false;
    if (assembly.missing > 0) fill(assembly, fragment.offset, fragment.content);
    return true;
  }
}

/** Copies what is not there yet: the first to come stands, so a whole message no longer changes. */
function fill(assembly: Assembly, offset: number, content: Uint8Array): void {
  const { body, received } = assembly;
  for (let i = 0; i < content.length; i++) {
    const at = offset + i;
    const mask = 1 << (at & 7);
    if ((received[at >>> 3]! & mask) !== 0) continue;
    received[at >>> 3] = received[at >>> 3]! | mask;
    body[at] = content[i]!;
    assembly.missing--;
  }
}
