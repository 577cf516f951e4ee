import { type RTCDataChannel, RTCPeerConnection } from '../../../src/index.ts';
import { type DescriptionSeal, keysFromSecret, RoomKey, RoomSeal } from '../../../src/signaling/index.ts';
import type { WireId } from '../../../src/signaling/wire.ts';
import type { HostileTracker, Relayed } from './hostile-tracker.ts';

/**
 * Stands between the two peers of a room: answers the first offer in the name of whom it is for, makes one to them in the name
 * of its sender, and passes on what is said over the two connections, introductions included. With the room's secret, sealed
 * descriptions do not stop it.
 */
export class ManInTheMiddle {
  /** What it read of the application's messages. */
  readonly overheard: unknown[] = [];
  readonly #tracker: HostileTracker;
  readonly #seals: { readonly reading: DescriptionSeal; readonly writing: DescriptionSeal } | null;
  readonly #connections: RTCPeerConnection[] = [];
  /** Ends with the answer of whom the first offer was for. */
  #answered: ((sdp: string) => void) | null = null;
  #offerId: WireId | null = null;

  constructor(tracker: HostileTracker, secret: string | null) {
    this.#tracker = tracker;
    const key = secret === null ? null : keysFromSecret(secret, 'tea').sealKey;
    this.#seals = key === null ? null : { reading: new RoomSeal(key), writing: new RoomSeal(key) };
    tracker.relay = (message, to) => {
      if (message.kind === 'offer' && this.#offerId === null) {
        this.#offerId = message.offerId;
        void this.#stepIn(message, to);
      } else if (message.kind === 'answer' && message.offerId === this.#offerId) {
        this.#answered?.(this.#read(message, to));
      }
      return []; // there is no other way
    };
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  async #stepIn(offer: Relayed, callee: WireId): Promise<void> {
    const caller = offer.peerId;
    const [front, frontSignal] = this.#connection();
    const frontData = new Promise<RTCDataChannel>((resolve) => {
      front.addEventListener('datachannel', ({ channel }) => resolve(channel));
    });
    const [back, backSignal] = this.#connection();
    const backData = back.createDataChannel('data');

    const answered = new Promise<string>((resolve) => {
      this.#answered = resolve;
    });
    this.#write({ ...offer, sdp: await describe(back) }, callee);
    await back.setRemoteDescription({ type: 'answer', sdp: await answered });
    await front.setRemoteDescription({ type: 'offer', sdp: this.#read(offer, callee) });
    this.#write({ ...offer, kind: 'answer', peerId: callee, sdp: await describe(front) }, caller);
    connect(frontSignal, backSignal, () => {});
    connect(await frontData, backData, (data) => this.overheard.push(data));
  }

  #connection(): [RTCPeerConnection, RTCDataChannel] {
    const connection = new RTCPeerConnection();
    this.#connections.push(connection);
    return [connection, connection.createDataChannel('purertc.signal', { negotiated: true, id: 1022 })];
  }

  #read({ kind, infoHash, offerId, peerId, sdp }: Relayed, to: WireId): string {
    const context = { kind, roomKey: RoomKey.fromWire(infoHash), offerId, from: peerId, to };
    return this.#seals === null ? sdp : this.#seals.reading.open(sdp, context, Date.now())!;
  }

  #write(message: Relayed, to: WireId): void {
    const { kind, infoHash, offerId, peerId, sdp } = message;
    const context = { kind, roomKey: RoomKey.fromWire(infoHash), offerId, from: peerId, to };
    const text = this.#seals === null ? sdp : this.#seals.writing.seal(sdp, context, Date.now());
    this.#tracker.deliver(to, { ...message, sdp: text });
  }
}

async function describe(connection: RTCPeerConnection): Promise<string> {
  const gathered = new Promise<void>((resolve) => {
    connection.addEventListener('icegatheringstatechange', () => {
      if (connection.iceGatheringState === 'complete') resolve();
    });
  });
  await connection.setLocalDescription();
  await gathered;
  return connection.localDescription!.sdp;
}

/** Passes on what comes in on either side, once the other is open. */
function connect(one: RTCDataChannel, other: RTCDataChannel, overhear: (data: unknown) => void): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    const waiting: string[] = [];
    from.addEventListener('message', ({ data }) => {
      overhear(data);
      if (to.readyState === 'open') to.send(data as string);
      else waiting.push(data as string);
    });
    to.addEventListener('open', () => {
      for (const data of waiting.splice(0)) to.send(data);
    });
  }
}
