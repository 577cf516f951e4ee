/** One peer of the chat: what it says of itself, what it may do to us, and the files between us. */
import { parseChunk } from './chunk.ts';
import { FilePump } from './file-pump.ts';
import { IncomingTransfer } from './incoming-transfer.ts';
import {
  FLOOD_BURST,
  FLOOD_PER_SECOND,
  MAX_CHUNK_BYTES,
  MAX_CLOCK_DIFFERENCE_MS,
  MAX_TRANSFERS,
  REMEMBERED_TEXTS,
} from './limits.ts';
import { encodeMessage, type Hello, type MediaState, type Message, parseMessage } from './messages.ts';
import { OutgoingTransfer } from './outgoing-transfer.ts';
import type { ChatRoomPeer } from './room.ts';
import { TokenBucket } from './token-bucket.ts';
import type { FileSource, Transfer } from './transfer.ts';

/** What a peer sent that was not taken, counted. */
export type DroppedMessages = {
  /** No message, or a field is missing, too long or of the wrong type. */
  malformed: number;
  oversized: number;
  /** Of a kind that this version does not know. */
  unknown: number;
  /** Before its `hello`. */
  early: number;
  /** More than somebody could read. */
  flooded: number;
  /** A text whose id it has used. */
  repeated: number;
  /** About a file that is not offered or not under way; honest peers send some when a transfer is cancelled. */
  stray: number;
};

/** `text`: in the order in which the peer said them. */
export type PeerEvent =
  | { readonly kind: 'hello' | 'changed' }
  | { readonly kind: 'text'; readonly id: string; readonly sentAt: number; readonly text: string }
  | { readonly kind: 'offer'; readonly transfer: IncomingTransfer }
  | { readonly kind: 'transfer'; readonly transfer: Transfer };

export type ChatPeerOptions = {
  /** Wall clock, ms. */
  readonly now: () => number;
  readonly maxFileBytes: number;
};

export class ChatPeer<P extends ChatRoomPeer = ChatRoomPeer> {
  readonly id: string;
  /** The room's peer, with the connection. */
  readonly roomPeer: P;
  readonly dropped: Readonly<DroppedMessages>;
  readonly #dropped: DroppedMessages;
  readonly #options: ChatPeerOptions;
  readonly #event: (event: PeerEvent) => void;
  readonly #bucket: TokenBucket;
  readonly #pump: FilePump;
  /** Bound: MAX_TRANSFERS each; those that ended are gone. In the order of their ids. */
  readonly #outgoing = new Map<number, OutgoingTransfer>();
  readonly #incoming = new Map<number, IncomingTransfer>();
  /** Bound: REMEMBERED_TEXTS; the oldest goes first. */
  readonly #textIds = new Set<string>();
  readonly #onMessage = ({ data }: { readonly data: unknown }): void => this.#receive(data);
  #present = false;
  #closed = false;
  #name = '';
  #client = '';
  #capabilities: readonly string[] = [];
  #media: MediaState = { microphone: false, camera: false, screen: false };
  #lastOutgoingId = 0;
  #lastIncomingId = 0;

  constructor(roomPeer: P, options: ChatPeerOptions, onEvent: (event: PeerEvent) => void) {
    this.id = roomPeer.id;
    this.roomPeer = roomPeer;
    this.#dropped = { malformed: 0, oversized: 0, unknown: 0, early: 0, flooded: 0, repeated: 0, stray: 0 };
    this.dropped = this.#dropped;
    this.#options = options;
    this.#event = onEvent;
    this.#bucket = new TokenBucket(FLOOD_BURST, FLOOD_PER_SECOND, options.now());
    const { channel } = roomPeer;
    channel.binaryType = 'arraybuffer';
    this.#pump = new FilePump(channel, { [Symbol.iterator]: () => this.#outgoing.values() });
    channel.addEventListener('message', this.#onMessage);
  }

  /** Whether it has said hello: only then it is somebody. */
  get present(): boolean {
    return this.#present;
  }

  get name(): string {
    return this.#name;
  }

  /** `browser`, `terminal` … */
  get client(): string {
    return this.#client;
  }

  get media(): MediaState {
    return this.#media;
  }

  /** Whether it listed this in its hello: `files`, `media`. */
  can(capability: string): boolean {
    return this.#capabilities.includes(capability);
  }

  /** Sends if the channel is open; what is lost is lost with the connection. */
  send(message: Message): void {
    const { channel } = this.roomPeer;
    if (channel.readyState !== 'open') return;
    try {
      channel.send(encodeMessage(message));
    } catch {
      // Closed between the two lines, or a queue past its bound: `leave` follows.
    }
  }

  /** Whether another file may be offered: fewer than `MAX_TRANSFERS` are offered or under way. */
  get takesOffers(): boolean {
    return this.#outgoing.size < MAX_TRANSFERS;
  }

  /** Offers a file. @throws RangeError when too many are offered or under way */
  offer(source: FileSource): OutgoingTransfer {
    if (!this.takesOffers) throw new RangeError(`${MAX_TRANSFERS} files are under way to ${this.#name} already`);
    const id = this.#lastOutgoingId + 1;
    const transfer: OutgoingTransfer = new OutgoingTransfer(id, source, {
      peerId: this.id,
      send: (message) => this.send(message),
      changed: () => this.#changed(this.#outgoing, transfer),
    });
    this.#lastOutgoingId = id;
    this.#outgoing.set(id, transfer);
    const { name, size, mediaType } = transfer;
    this.send({ kind: 'offer', id, name, size, mediaType });
    return transfer;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pump.close();
    this.roomPeer.channel.removeEventListener('message', this.#onMessage);
    for (const transfer of [...this.#outgoing.values(), ...this.#incoming.values()]) transfer.leave();
  }

  #receive(data: unknown): void {
    if (this.#closed) return;
    if (typeof data === 'string') {
      const message = parseMessage(data);
      if (typeof message === 'string') this.#dropped[message] += 1;
      else if (!this.#present && message.kind !== 'hello') this.#dropped.early += 1;
      else this.#handle(message);
    } else if (data instanceof ArrayBuffer && data.byteLength > 2 * MAX_CHUNK_BYTES) {
      this.#dropped.oversized += 1;
    } else {
      const chunk = data instanceof ArrayBuffer ? parseChunk(new Uint8Array(data)) : null;
      if (chunk === null) this.#dropped.malformed += 1;
      else if (this.#incoming.get(chunk.id)?.handleChunk(chunk.bytes) !== true) this.#dropped.stray += 1;
    }
  }

  #handle(message: Message): void {
    switch (message.kind) {
      case 'hello':
      case 'media':
      case 'text':
      case 'offer':
        if (this.#bucket.take(this.#options.now())) this.#show(message);
        else this.#dropped.flooded += 1;
        return;
      default:
        if (!this.#handleFile(message)) this.#dropped.stray += 1;
    }
  }

  /** What somebody gets to see. */
  #show(message: Extract<Message, { kind: 'hello' | 'media' | 'text' | 'offer' }>): void {
    switch (message.kind) {
      case 'hello':
        this.#hello(message);
        break;
      case 'media':
        this.#media = message.media;
        this.#event({ kind: 'changed' });
        break;
      case 'text':
        this.#heard(message);
        break;
      case 'offer':
        this.#offered(message);
        break;
      default:
        message satisfies never;
    }
  }

  /** The first makes it present, a later one changes what it said. */
  #hello({ name, client, capabilities, media }: Hello): void {
    const kind = this.#present ? 'changed' : 'hello';
    this.#present = true;
    this.#name = name;
    this.#client = client;
    this.#capabilities = capabilities;
    this.#media = media;
    this.#event({ kind });
  }

  #heard({ id, sentAt, text }: Extract<Message, { kind: 'text' }>): void {
    if (this.#textIds.has(id)) {
      this.#dropped.repeated += 1;
      return;
    }
    this.#textIds.add(id);
    if (this.#textIds.size > REMEMBERED_TEXTS) this.#textIds.delete(this.#textIds.values().next().value!);
    const now = this.#options.now();
    const believed = Math.abs(now - sentAt) <= MAX_CLOCK_DIFFERENCE_MS ? Math.min(sentAt, now) : now;
    this.#event({ kind: 'text', id, sentAt: believed, text });
  }

  #offered(offer: Extract<Message, { kind: 'offer' }>): void {
    // Ids only rise, so that what is late for an old transfer never meets a new one.
    if (offer.id <= this.#lastIncomingId) {
      this.#dropped.stray += 1;
      return;
    }
    this.#lastIncomingId = offer.id;
    const refusal =
      this.#incoming.size >= MAX_TRANSFERS ? 'busy' : offer.size > this.#options.maxFileBytes ? 'too-large' : null;
    if (refusal !== null) {
      this.send({ kind: 'refuse', id: offer.id, reason: refusal });
      return;
    }
    const transfer: IncomingTransfer = new IncomingTransfer(offer, {
      peerId: this.id,
      send: (message) => this.send(message),
      changed: () => this.#changed(this.#incoming, transfer),
    });
    this.#incoming.set(offer.id, transfer);
    this.#event({ kind: 'offer', transfer });
  }

  #handleFile(message: Exclude<Message, { kind: 'hello' | 'media' | 'text' | 'offer' }>): boolean {
    const { id } = message;
    switch (message.kind) {
      case 'done':
        return this.#incoming.get(id)?.handleDone(message.sha256) ?? false;
      case 'withdraw':
        return this.#incoming.get(id)?.handleWithdraw(message.reason) ?? false;
      case 'accept':
        return this.#outgoing.get(id)?.handleAccept() ?? false;
      case 'refuse':
        return this.#outgoing.get(id)?.handleRefuse(message.reason) ?? false;
      case 'progress':
        return this.#outgoing.get(id)?.handleProgress(message.bytes) ?? false;
      case 'verified':
        return this.#outgoing.get(id)?.handleVerified() ?? false;
      default:
        message satisfies never;
        return false;
    }
  }

  #changed<T extends Transfer>(table: Map<number, T>, transfer: T): void {
    if (transfer.state === 'complete' || transfer.state === 'ended') table.delete(transfer.id);
    this.#pump.start();
    this.#event({ kind: 'transfer', transfer });
  }
}
