/** A chat in a room: who is there, what they say, what they send and show. The page and the terminal are two views of it. */
import { ChatPeer, type PeerEvent } from './chat-peer.ts';
import type { IncomingTransfer } from './incoming-transfer.ts';
import { DEFAULT_MAX_FILE_BYTES, MAX_TEXT_LENGTH } from './limits.ts';
import { type Hello, type MediaState, PROTOCOL_VERSION } from './messages.ts';
import { cleanName, cleanText } from './names.ts';
import type { OutgoingTransfer } from './outgoing-transfer.ts';
import type { ChatRoom, ChatRoomPeer } from './room.ts';
import type { FileSource, Transfer } from './transfer.ts';

export type ChatOptions = {
  readonly name: string;
  /** What kind of program this is: `browser`, `terminal`. */
  readonly client: string;
  /** `files`: takes them. `media`: negotiates audio and video. Default: none. */
  readonly capabilities?: readonly string[];
  readonly media?: MediaState;
  /** Bytes; a larger file is refused unseen. Default 16 GiB. */
  readonly maxFileBytes?: number;
  /** Wall clock in ms. Default `Date.now`. */
  readonly now?: () => number;
};

export type ChatText = {
  readonly id: string;
  /** `null`: ours. */
  readonly peerId: string | null;
  /** The sender's name when it was said. */
  readonly name: string;
  /** Wall clock in ms: the sender's, where that is plausible. */
  readonly sentAt: number;
  readonly text: string;
};

/** `changed`: its name or its media. `transfer`: a file's state or progress, in either direction. */
export type ChatEvent<P extends ChatRoomPeer> =
  | { readonly kind: 'joined' | 'changed' | 'left'; readonly peer: ChatPeer<P> }
  | { readonly kind: 'text'; readonly message: ChatText }
  | { readonly kind: 'offer'; readonly peer: ChatPeer<P>; readonly transfer: IncomingTransfer }
  | { readonly kind: 'transfer'; readonly peer: ChatPeer<P>; readonly transfer: Transfer };

export class ChatSession<P extends ChatRoomPeer> {
  readonly #room: ChatRoom<P>;
  readonly #options: ChatOptions;
  readonly #now: () => number;
  readonly #listener: (event: ChatEvent<P>) => void;
  readonly #links = new Map<string, ChatPeer<P>>();
  readonly #onPeer = ({ peer }: { readonly peer: P }): void => this.#join(peer);
  readonly #onLeave = ({ peer }: { readonly peer: P }): void => this.#leave(peer);
  #name: string;
  #media: MediaState;
  #closed = false;

  constructor(room: ChatRoom<P>, options: ChatOptions, listener: (event: ChatEvent<P>) => void) {
    this.#room = room;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#listener = listener;
    this.#name = cleanName(options.name);
    this.#media = options.media ?? { microphone: false, camera: false, screen: false };
    room.addEventListener('peer', this.#onPeer);
    room.addEventListener('leave', this.#onLeave);
    for (const peer of room.peers.values()) this.#join(peer);
  }

  /** Those that said hello, by id. */
  get peers(): ReadonlyMap<string, ChatPeer<P>> {
    return new Map([...this.#links].filter(([, peer]) => peer.present));
  }

  get name(): string {
    return this.#name;
  }

  /** Tells everybody. */
  set name(name: string) {
    this.#name = cleanName(name);
    for (const peer of this.#links.values()) peer.send(this.#hello());
  }

  get media(): MediaState {
    return this.#media;
  }

  /** Tells everybody. */
  set media(media: MediaState) {
    this.#media = media;
    for (const peer of this.#links.values()) peer.send({ kind: 'media', media });
  }

  /**
   * Says something to everybody.
   * @returns what was said, to be shown; no event comes for it
   * @throws RangeError when nothing is left of the text, or more than 4,000 characters
   */
  say(text: string): ChatText {
    const cleaned = cleanText(text);
    if (cleaned === '') throw new RangeError('there is nothing to say');
    if (cleaned.length > MAX_TEXT_LENGTH) throw new RangeError(`a text has at most ${MAX_TEXT_LENGTH} characters`);
    const id = randomId();
    const sentAt = this.#now();
    for (const peer of this.#links.values()) peer.send({ kind: 'text', id, sentAt, text: cleaned });
    return { id, peerId: null, name: this.#name, sentAt, text: cleaned };
  }

  /**
   * Offers a file to each of these, or to everybody who takes files: one transfer each.
   * @throws RangeError when too many files are under way to one of them
   */
  offer(source: FileSource, peers: Iterable<ChatPeer<P>> = this.peers.values()): OutgoingTransfer[] {
    const takers = [...peers].filter((peer) => peer.can('files'));
    const busy = takers.find((peer) => !peer.takesOffers);
    if (busy !== undefined) throw new RangeError(`too many files are under way to ${busy.name} already`);
    return takers.map((peer) => peer.offer(source));
  }

  /** Ends every transfer and listens no more. The room stays. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#room.removeEventListener('peer', this.#onPeer);
    this.#room.removeEventListener('leave', this.#onLeave);
    for (const peer of this.#links.values()) peer.close();
    this.#links.clear();
  }

  #join(roomPeer: P): void {
    if (this.#links.get(roomPeer.id)?.roomPeer === roomPeer) return;
    const before = this.#links.get(roomPeer.id);
    if (before !== undefined) this.#leave(before.roomPeer);
    const options = { now: this.#now, maxFileBytes: this.#options.maxFileBytes ?? DEFAULT_MAX_FILE_BYTES };
    const peer: ChatPeer<P> = new ChatPeer(roomPeer, options, (event) => this.#report(peer, event));
    this.#links.set(peer.id, peer);
    peer.send(this.#hello());
  }

  /** By identity: a late farewell of an old connection must not end the new one of the same peer. */
  #leave(roomPeer: P): void {
    const peer = this.#links.get(roomPeer.id);
    if (peer?.roomPeer !== roomPeer) return;
    this.#links.delete(roomPeer.id);
    peer.close();
    if (peer.present) this.#listener({ kind: 'left', peer });
  }

  #report(peer: ChatPeer<P>, event: PeerEvent): void {
    switch (event.kind) {
      case 'hello':
        this.#listener({ kind: 'joined', peer });
        break;
      case 'changed':
        this.#listener({ kind: 'changed', peer });
        break;
      case 'text': {
        const { id, sentAt, text } = event;
        this.#listener({ kind: 'text', message: { id, peerId: peer.id, name: peer.name, sentAt, text } });
        break;
      }
      case 'offer':
      case 'transfer':
        this.#listener({ ...event, peer });
        break;
      default:
        event satisfies never;
    }
  }

  #hello(): Hello {
    return {
      kind: 'hello',
      version: PROTOCOL_VERSION,
      name: this.#name,
      client: this.#options.client,
      capabilities: this.#options.capabilities ?? [],
      media: this.#media,
    };
  }
}

/** 64 random bits: enough to tell the texts of one peer apart. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
