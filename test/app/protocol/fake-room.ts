/** Two rooms joined by a channel that delivers when it is told to: the chat without a network. */
import type { ChatChannel, ChatRoom, ChatRoomPeer } from '../../../src/app/protocol/index.ts';

type Data = string | ArrayBuffer;

export class FakeChannel implements ChatChannel {
  readonly #target = new EventTarget();
  binaryType: 'arraybuffer' | 'blob' = 'blob';
  readyState = 'open';
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  /** The most that was ever queued. */
  highest = 0;
  /** What stands in the queue, for a look at the wire. */
  readonly queue: Data[] = [];
  remote: FakeChannel | null = null;

  send(data: string | Uint8Array<ArrayBuffer>): void {
    if (this.readyState !== 'open') throw new DOMException('closed', 'InvalidStateError');
    const copy: Data = typeof data === 'string' ? data : data.slice().buffer;
    this.queue.push(copy);
    this.bufferedAmount += lengthOf(copy);
    this.highest = Math.max(this.highest, this.bufferedAmount);
  }

  /** Delivers one message. @returns whether there was one */
  deliver(): boolean {
    const data = this.queue.shift();
    if (data === undefined) return false;
    const before = this.bufferedAmount;
    this.bufferedAmount -= lengthOf(data);
    this.remote?.receive(data);
    const low = this.bufferedAmountLowThreshold;
    if (before > low && this.bufferedAmount <= low) this.#target.dispatchEvent(new Event('bufferedamountlow'));
    return true;
  }

  addEventListener(type: string, listener: (event: MessageEvent) => void): void {
    this.#target.addEventListener(type, listener as EventListener);
  }

  removeEventListener(type: string, listener: (event: MessageEvent) => void): void {
    this.#target.removeEventListener(type, listener as EventListener);
  }

  /** As if the peer had sent it. */
  receive(data: unknown): void {
    this.#target.dispatchEvent(new MessageEvent('message', { data }));
  }

  close(): void {
    this.readyState = 'closed';
    this.#target.dispatchEvent(new Event('close'));
  }
}

function lengthOf(data: Data): number {
  return typeof data === 'string' ? data.length : data.byteLength;
}

export type FakePeer = ChatRoomPeer & { readonly channel: FakeChannel };

class PeerEvent extends Event {
  readonly peer: FakePeer;

  constructor(type: string, peer: FakePeer) {
    super(type);
    this.peer = peer;
  }
}

export class FakeRoom implements ChatRoom<FakePeer> {
  readonly peers: Map<string, FakePeer> = new Map();
  readonly #target = new EventTarget();

  addEventListener(type: 'peer' | 'leave', listener: (event: { readonly peer: FakePeer }) => void): void {
    this.#target.addEventListener(type, listener as unknown as EventListener);
  }

  removeEventListener(type: 'peer' | 'leave', listener: (event: { readonly peer: FakePeer }) => void): void {
    this.#target.removeEventListener(type, listener as unknown as EventListener);
  }

  join(id: string): FakePeer {
    const peer = { id, channel: new FakeChannel() };
    this.peers.set(id, peer);
    this.#target.dispatchEvent(new PeerEvent('peer', peer));
    return peer;
  }

  leave(peer: FakePeer): void {
    this.peers.delete(peer.id);
    peer.channel.close();
    this.#target.dispatchEvent(new PeerEvent('leave', peer));
  }
}

/** Makes each the peer of the other. */
export function connect(a: FakeRoom, b: FakeRoom, [idOfA, idOfB]: readonly [string, string] = ['a', 'b']): FakePeer[] {
  const peers = [a.join(idOfB), b.join(idOfA)];
  peers[0]!.channel.remote = peers[1]!.channel;
  peers[1]!.channel.remote = peers[0]!.channel;
  return peers;
}

/** Delivers everything, and lets everybody do what follows from it, until nothing follows any more. */
export async function settle(...channels: readonly FakeChannel[]): Promise<void> {
  for (let idle = 0; idle < 3; ) {
    let busy = false;
    for (const channel of channels) while (channel.deliver()) busy = true;
    await new Promise((resolve) => setImmediate(resolve));
    idle = busy ? 0 : idle + 1;
  }
}
