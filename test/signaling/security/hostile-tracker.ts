/**
 * A tracker in this process that can do to its clients what any tracker can: read, drop, delay, change and invent. Rooms
 * reach it through the `WebSocket` option; what it does is what `relay` makes of each description.
 */
import {
  encodeRelayed,
  encodeResponse,
  parseClientMessage,
  type RelayedAnswer,
  type RelayedOffer,
  type WireId,
  wireIdFromHex,
} from '../../../src/signaling/wire.ts';

export type Relayed = RelayedOffer | RelayedAnswer;

type Member = { readonly peerId: WireId; readonly socket: FakeSocket };

export class HostileTracker {
  /** Every text that passed through. */
  readonly seen: string[] = [];
  /** Every description that members sent, with whom it is for; offers are for all. */
  readonly descriptions: { readonly message: Relayed; readonly to: WireId | null }[] = [];
  /** Every description that was given to a member, as it was given. */
  readonly delivered: { readonly message: Relayed; readonly to: WireId }[] = [];
  /** Members that it claims there are, besides those there are. */
  ghosts = 0;
  /** What becomes of a description on its way to a member. Honest, until told otherwise. */
  relay: (message: Relayed, to: WireId) => readonly Relayed[] = (message) => [message];
  /** Who is where. */
  readonly rooms: Map<WireId, Map<WireId, Member>> = new Map();
  readonly #waiting: { readonly test: () => boolean; readonly resolve: () => void }[] = [];
  readonly WebSocket: new (
    url: string,
  ) => FakeSocket;

  constructor() {
    const tracker = this;
    this.WebSocket = class extends FakeSocket {
      constructor() {
        super((text, socket) => tracker.#handle(text, socket));
      }
    };
  }

  /** The offers of a member, by either form of its id. */
  offersOf(peerId: string): RelayedOffer[] {
    const id = peerId.length === 40 ? wireIdFromHex(peerId) : peerId;
    return this.descriptions.flatMap(({ message }) => {
      return message.kind === 'offer' && message.peerId === id ? [message] : [];
    });
  }

  /** Sends a message to a member, whoever made it up. */
  deliver(to: WireId, message: Relayed): void {
    this.delivered.push({ message, to });
    this.rooms.get(message.infoHash)?.get(to)?.socket.receive(encodeRelayed(message));
    this.#check();
  }

  /** Waits until something holds; looked at after each message. */
  async until(test: () => boolean): Promise<void> {
    if (test()) return;
    await new Promise<void>((resolve) => this.#waiting.push({ test, resolve }));
  }

  #handle(text: string, socket: FakeSocket): void {
    this.seen.push(text);
    const message = parseClientMessage(text);
    if (message.kind === 'announce') {
      const { infoHash, peerId, event, offers } = message;
      const room = this.rooms.get(infoHash) ?? new Map<WireId, Member>();
      this.rooms.set(infoHash, room);
      if (event === 'stopped') room.delete(peerId);
      else room.set(peerId, { peerId, socket });
      socket.receive(
        encodeResponse({
          infoHash,
          interval: 30,
          minInterval: null,
          complete: 0,
          incomplete: room.size + this.ghosts,
          trackerId: null,
          warning: null,
          extension: false,
          iceServers: null,
        }),
      );
      const others = [...room.values()].filter((member) => member.peerId !== peerId);
      for (const [i, { offerId, sdp }] of offers.entries()) {
        const offer: Relayed = { kind: 'offer', infoHash, peerId, offerId, sdp };
        this.descriptions.push({ message: offer, to: null });
        const target = others[i % Math.max(1, others.length)];
        if (target !== undefined)
          for (const changed of this.relay(offer, target.peerId)) this.deliver(target.peerId, changed);
      }
    } else if (message.kind === 'answer') {
      const { infoHash, peerId, offerId, sdp, toPeerId } = message;
      const answer: Relayed = { kind: 'answer', infoHash, peerId, offerId, sdp };
      this.descriptions.push({ message: answer, to: toPeerId });
      for (const changed of this.relay(answer, toPeerId)) this.deliver(toPeerId, changed);
    }
    this.#check();
  }

  #check(): void {
    for (const waiting of this.#waiting.splice(0)) {
      if (waiting.test()) waiting.resolve();
      else this.#waiting.push(waiting);
    }
  }
}

/** As much of a WebSocket as rooms use. Everything arrives in a turn of its own. */
class FakeSocket extends EventTarget {
  binaryType = 'arraybuffer';
  readyState = 0;
  readonly #sent: (text: string, socket: FakeSocket) => void;

  constructor(sent: (text: string, socket: FakeSocket) => void) {
    super();
    this.#sent = sent;
    queueMicrotask(() => {
      this.readyState = 1;
      this.dispatchEvent(new Event('open'));
    });
  }

  send(text: string): void {
    queueMicrotask(() => {
      if (this.readyState === 1) this.#sent(text, this);
    });
  }

  receive(text: string): void {
    queueMicrotask(() => this.dispatchEvent(new MessageEvent('message', { data: text })));
  }

  close(): void {
    queueMicrotask(() => {
      if (this.readyState === 3) return;
      this.readyState = 3;
      this.dispatchEvent(new Event('close'));
    });
  }
}
