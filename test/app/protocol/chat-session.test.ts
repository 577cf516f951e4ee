import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  type ChatEvent,
  type ChatOptions,
  ChatSession,
  type FileSink,
  type FileSource,
  type IncomingTransfer,
} from '../../../src/app/protocol/index.ts';
import { BUFFER_HIGH_BYTES, CHUNK_BYTES, MAX_TRANSFERS, WINDOW_BYTES } from '../../../src/app/protocol/limits.ts';
import { connect, type FakePeer, FakeRoom, settle } from './fake-room.ts';

const NOON = 1_800_000_000_000;

type Event = ChatEvent<FakePeer>;

/** One end: a session, what it reported, and its clock. */
class End {
  readonly room = new FakeRoom();
  readonly events: Event[] = [];
  readonly session: ChatSession<FakePeer>;
  now = NOON;

  constructor(name: string, options: Partial<ChatOptions> = {}) {
    const { room, events } = this;
    const all = { name, client: 'test', capabilities: ['files'], now: () => this.now, ...options };
    this.session = new ChatSession(room, all, (event) => events.push(event));
  }

  /** Events of this kind, which are then forgotten. */
  take<K extends Event['kind']>(kind: K): (Event & { kind: K })[] {
    const found = this.events.filter((event) => event.kind === kind);
    this.events.splice(0, this.events.length, ...this.events.filter((event) => event.kind !== kind));
    return found as (Event & { kind: K })[];
  }

  get offers(): IncomingTransfer[] {
    return this.take('offer').map(({ transfer }) => transfer);
  }
}

class MemorySink implements FileSink {
  readonly chunks: Uint8Array[] = [];
  closed = false;
  aborted = false;

  write(bytes: Uint8Array): void | Promise<void> {
    this.chunks.push(bytes.slice());
  }

  close(): void {
    this.closed = true;
  }

  abort(): void {
    this.aborted = true;
  }

  get bytes(): Uint8Array {
    return Uint8Array.from(this.chunks.flatMap((chunk) => [...chunk]));
  }
}

function fileOf(
  size: number,
  name = 'file.bin',
  mediaType = 'application/octet-stream',
): FileSource & { all: Uint8Array } {
  const all = Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
  return { name, size, mediaType, all, read: async (offset, length) => all.slice(offset, offset + length) };
}

let alice: End;
let bob: End;
let peerBob: FakePeer; // as Alice's room sees him
let peerAlice: FakePeer;
const settled = (): Promise<void> => settle(peerBob.channel, peerAlice.channel);
const sendRaw = (message: unknown): void => peerAlice.channel.receive(JSON.stringify(message)); // as if Alice had

beforeEach(async () => {
  alice = new End('Alice');
  bob = new End('Bob');
  [peerBob, peerAlice] = connect(alice.room, bob.room) as [FakePeer, FakePeer];
  await settled();
});

describe('presence', () => {
  test('a peer joins when it has said hello, with what it said', () => {
    const [joined] = alice.take('joined');
    expect(joined!.peer).toMatchObject({ id: 'b', name: 'Bob', client: 'test', present: true });
    expect(joined!.peer.can('files')).toBe(true);
    expect(joined!.peer.can('media')).toBe(false);
    expect([...alice.session.peers.keys()]).toEqual(['b']);
  });

  test('a peer that never says hello is nobody: no event when it comes, speaks or leaves', () => {
    const silent = alice.room.join('c');
    silent.channel.receive(JSON.stringify({ kind: 'text', id: '1', sentAt: NOON, text: 'psst' }));
    alice.room.leave(silent);
    expect(alice.events.filter((event) => 'peer' in event && event.peer.id === 'c')).toEqual([]);
    expect(alice.take('text')).toEqual([]);
  });

  test('peers that were in the room before the session began are greeted too', async () => {
    const late: Event[] = [];
    const room = new FakeRoom();
    const other = new End('Carol');
    const [carol, dave] = connect(room, other.room, ['d', 'c']) as [FakePeer, FakePeer];
    const options = { name: 'Dave', client: 'test' };
    new ChatSession(room, options, (event) => late.push(event));
    await settle(carol.channel, dave.channel);
    expect(late.map(({ kind }) => kind)).toEqual(['joined']);
    expect(other.take('joined')[0]!.peer.name).toBe('Dave');
  });

  test('a new name and new media reach everybody', async () => {
    alice.session.name = '  Alice\u0007 in\tWonderland ';
    alice.session.media = { microphone: true, camera: false, screen: true };
    await settled();
    const [, changed] = bob.take('changed');
    expect(changed!.peer.name).toBe('Alice in Wonderland');
    expect(changed!.peer.media).toEqual({ microphone: true, camera: false, screen: true });
  });

  test('the late farewell of an old connection does not end the new one of the same peer', async () => {
    const again = alice.room.join('b');
    again.channel.receive(JSON.stringify(hello('Bob')));
    alice.take('left');
    alice.room.leave(peerBob);
    expect(alice.take('left')).toEqual([]);
    alice.room.leave(again);
    expect(alice.take('left')).toHaveLength(1);
  });

  test('after close nothing is reported', async () => {
    alice.session.close();
    alice.events.length = 0;
    bob.session.say('anybody there?');
    await settled();
    alice.room.join('c');
    expect(alice.events).toEqual([]);
  });
});

describe('texts', () => {
  test('what is said reaches the others as it was said', async () => {
    const said = alice.session.say('  grüß dich\r\n👋🏽 <b>&\u0000 ');
    expect(said).toMatchObject({ peerId: null, name: 'Alice', sentAt: NOON, text: 'grüß dich\n👋🏽 <b>&' });
    await settled();
    expect(bob.take('text')[0]!.message).toEqual({ ...said, peerId: 'a' });
  });

  test('nothing, and too much, is an error of the caller', () => {
    expect(() => alice.session.say(' \n ')).toThrow(RangeError);
    expect(() => alice.session.say('x'.repeat(4001))).toThrow('at most 4000');
    alice.session.say('x'.repeat(4000));
  });

  test("a time far from ours, or ahead of it, is not the sender's to choose", async () => {
    const times = [NOON - 60_000, NOON - 3_600_000, NOON + 5_000, NOON + 3_600_000, -1e300];
    for (const [index, sentAt] of times.entries()) sendRaw({ kind: 'text', id: `${index}`, sentAt, text: 'hi' });
    const believed = bob.take('text').map(({ message }) => message.sentAt - NOON);
    expect(believed).toEqual([-60_000, 0, 0, 0, 0]);
  });

  test('the same id again is a repetition', () => {
    for (const text of ['once', 'twice']) sendRaw({ kind: 'text', id: 'same', sentAt: NOON, text });
    expect(bob.take('text')).toHaveLength(1);
    expect(bob.session.peers.get('a')!.dropped.repeated).toBe(1);
  });

  test('a flood is cut to what somebody can read', () => {
    for (let index = 0; index < 1000; index++) sendRaw({ kind: 'text', id: `${index}`, sentAt: NOON, text: 'spam' });
    const burst = bob.take('text').length;
    expect(burst).toBeGreaterThan(20);
    expect(burst).toBeLessThanOrEqual(60);
    bob.now += 1000;
    for (let index = 0; index < 1000; index++) sendRaw({ kind: 'text', id: `b${index}`, sentAt: NOON, text: 'spam' });
    expect(bob.take('text')).toHaveLength(10);
    expect(bob.session.peers.get('a')!.dropped.flooded).toBeGreaterThan(1900);
  });
});

describe('files', () => {
  async function offered(file: FileSource): Promise<IncomingTransfer> {
    alice.session.offer(file);
    await settled();
    const [transfer] = bob.offers;
    return transfer!;
  }

  test.each([0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 1_000_000])(
    'a file of %i bytes arrives, is verified, and both ends know',
    async (size) => {
      const file = fileOf(size, '/home/alice/Räksmörgås.png', 'image/PNG; x=y');
      const incoming = await offered(file);
      expect(incoming).toMatchObject({ name: 'Räksmörgås.png', size, mediaType: 'image/png', state: 'offered' });
      const sink = new MemorySink();
      incoming.accept(sink);
      await settled();
      expect(Buffer.compare(sink.bytes, file.all)).toBe(0);
      expect(sink).toMatchObject({ closed: true, aborted: false });
      const expected = { state: 'complete', bytes: size, sha256: bytesToHex(sha256(file.all)), reason: null };
      expect(incoming).toMatchObject(expected);
      expect(alice.take('transfer').at(-1)!.transfer).toMatchObject({ direction: 'outgoing', ...expected });
    },
  );

  test('nothing is read and nothing is sent before it is accepted', async () => {
    let reads = 0;
    await offered({ ...fileOf(10), read: async () => Uint8Array.of(reads++) });
    expect(reads).toBe(0);
  });

  test('the channel is filled to the mark and not beyond, and a slow receiver holds the sender at the window', async () => {
    const incoming = await offered(fileOf(WINDOW_BYTES + 1_000_000));
    let release = (): void => {};
    const sink = new MemorySink();
    sink.write = () => new Promise<void>((resolve) => (release = resolve));
    incoming.accept(sink);
    await settled();
    const [outgoing] = [alice.take('transfer').at(-1)!.transfer];
    expect(outgoing).toMatchObject({ state: 'active', bytes: 0 });
    expect(peerBob.channel.highest).toBeLessThanOrEqual(BUFFER_HIGH_BYTES + CHUNK_BYTES + 5);
    sink.write = () => {}; // the disk is fast again
    release();
    await settled();
    expect(incoming.state).toBe('complete');
  });

  test('several at once take turns, and what is said does not wait for them', async () => {
    const sinks = [new MemorySink(), new MemorySink()];
    for (const name of ['one', 'two']) alice.session.offer(fileOf(500_000, name));
    await settled();
    for (const [index, transfer] of bob.offers.entries()) transfer.accept(sinks[index]!);
    for (let step = 0; step < 40; step++) {
      peerAlice.channel.deliver();
      peerBob.channel.deliver();
      await new Promise((resolve) => setImmediate(resolve));
    }
    alice.session.say('still here');
    for (const sink of sinks) expect(sink.chunks.length).toBeGreaterThan(5);
    await settled();
    expect(bob.take('text')).toHaveLength(1);
    for (const sink of sinks) expect(sink.closed).toBe(true);
  });

  test('both directions at once, with the same ids', async () => {
    const sinks = [new MemorySink(), new MemorySink()];
    alice.session.offer(fileOf(50_000, 'to-bob'));
    bob.session.offer(fileOf(60_000, 'to-alice'));
    await settled();
    bob.offers[0]!.accept(sinks[0]!);
    alice.offers[0]!.accept(sinks[1]!);
    await settled();
    expect(sinks.map(({ closed, bytes }) => [closed, bytes.length])).toEqual([
      [true, 50_000],
      [true, 60_000],
    ]);
  });

  test.each(['declined', 'cancelled'] as const)('the receiver has it %s', async (reason) => {
    const incoming = await offered(fileOf(3_000_000));
    const sink = new MemorySink();
    if (reason === 'cancelled') {
      incoming.accept(sink);
      for (let step = 0; step < 20; step++) {
        peerAlice.channel.deliver();
        peerBob.channel.deliver();
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    incoming.cancel();
    await settled();
    expect(incoming).toMatchObject({ state: 'ended', reason });
    expect(alice.take('transfer').at(-1)!.transfer).toMatchObject({ state: 'ended', reason });
    expect(sink.aborted).toBe(reason === 'cancelled');
  });

  test('the sender takes it back, before and in the middle', async () => {
    const [first] = alice.session.offer(fileOf(100));
    await settled();
    first!.cancel();
    await settled();
    expect(bob.offers[0]).toMatchObject({ state: 'ended', reason: 'cancelled' });

    const incoming = await offered(fileOf(3_000_000));
    const sink = new MemorySink();
    incoming.accept(sink);
    for (let step = 0; step < 20; step++) {
      peerAlice.channel.deliver();
      peerBob.channel.deliver();
      await new Promise((resolve) => setImmediate(resolve));
    }
    alice.take('transfer').at(-1)!.transfer.cancel();
    await settled();
    expect(incoming).toMatchObject({ state: 'ended', reason: 'cancelled' });
    expect(sink).toMatchObject({ aborted: true, closed: false });
  });

  test('a file that cannot be read, or has become shorter, fails at both ends', async () => {
    for (const read of [() => Promise.reject(new Error('gone')), async () => new Uint8Array(1)]) {
      const incoming = await offered({ ...fileOf(100), read });
      incoming.accept(new MemorySink());
      await settled();
      expect(incoming).toMatchObject({ state: 'ended', reason: 'failed' });
      expect(alice.take('transfer').at(-1)!.transfer).toMatchObject({ state: 'ended', reason: 'failed' });
    }
  });

  test('a sink that fails ends the transfer at both ends', async () => {
    const incoming = await offered(fileOf(100_000));
    const sink = new MemorySink();
    sink.write = () => Promise.reject(new Error('disk full'));
    incoming.accept(sink);
    await settled();
    expect(incoming).toMatchObject({ state: 'ended', reason: 'failed' });
    expect(sink.aborted).toBe(true);
    expect(alice.take('transfer').at(-1)!.transfer).toMatchObject({ state: 'ended', reason: 'failed' });
  });

  test('bytes that changed on the way do not pass as the file', async () => {
    const incoming = await offered(fileOf(40_000));
    const sink = new MemorySink();
    incoming.accept(sink);
    peerAlice.channel.deliver(); // the accept
    await new Promise((resolve) => setImmediate(resolve));
    const chunk = peerBob.channel.queue.find((data) => typeof data !== 'string') as ArrayBuffer;
    new Uint8Array(chunk)[100]! ^= 1;
    await settled();
    expect(incoming).toMatchObject({ state: 'ended', reason: 'mismatch' });
    expect(sink).toMatchObject({ closed: false, aborted: true });
    expect(alice.take('transfer').at(-1)!.transfer).toMatchObject({ state: 'ended', reason: 'mismatch' });
  });

  test('when the peer leaves, what was under way ends on both sides', async () => {
    const incoming = await offered(fileOf(3_000_000));
    const sink = new MemorySink();
    incoming.accept(sink);
    peerAlice.channel.deliver();
    await new Promise((resolve) => setImmediate(resolve));
    alice.room.leave(peerBob);
    bob.room.leave(peerAlice);
    await new Promise((resolve) => setImmediate(resolve));
    expect(incoming).toMatchObject({ state: 'ended', reason: 'left' });
    expect(sink.aborted).toBe(true);
    expect(alice.take('transfer').at(-1)!.transfer).toMatchObject({ state: 'ended', reason: 'left' });
    expect(alice.take('left')).toHaveLength(1);
  });

  test('one file more than the bound: an error here, refused as busy there', async () => {
    for (let index = 0; index < MAX_TRANSFERS; index++) alice.session.offer(fileOf(10));
    expect(() => alice.session.offer(fileOf(10))).toThrow(RangeError);
    await settled();
    expect(bob.offers).toHaveLength(MAX_TRANSFERS);
    sendRaw({ kind: 'offer', id: MAX_TRANSFERS + 1, name: 'x', size: 1, mediaType: '' });
    expect(bob.offers).toEqual([]);
    expect(peerAlice.channel.queue).toEqual([
      JSON.stringify({ kind: 'refuse', id: MAX_TRANSFERS + 1, reason: 'busy' }),
    ]);
  });

  test('a file larger than we take is refused unseen; a peer that takes none is offered none', async () => {
    const small = new End('Small', { maxFileBytes: 100, capabilities: ['files'] });
    const none = new End('None', { capabilities: [] });
    const [toSmall, fromSmall] = connect(alice.room, small.room, ['a', 's']) as [FakePeer, FakePeer];
    const [toNone, fromNone] = connect(alice.room, none.room, ['a', 'n']) as [FakePeer, FakePeer];
    await settle(toSmall.channel, fromSmall.channel, toNone.channel, fromNone.channel);
    const transfers = alice.session.offer(fileOf(101));
    expect(transfers.map(({ peerId }) => peerId)).toEqual(['b', 's']);
    await settle(toSmall.channel, fromSmall.channel);
    expect(small.offers).toEqual([]);
    expect(transfers[1]).toMatchObject({ state: 'ended', reason: 'too-large' });
  });
});

describe('a hostile sender', () => {
  const offer = (id: number, size: number): void => sendRaw({ kind: 'offer', id, name: 'x', size, mediaType: '' });
  const chunk = (id: number, length: number): void => {
    const frame = new Uint8Array(5 + length);
    frame.set([1, 0, 0, 0, id]);
    peerAlice.channel.receive(frame.buffer);
  };

  test('sends more than the file has: it ends', async () => {
    offer(1, 100);
    const [incoming] = bob.offers;
    incoming!.accept(new MemorySink());
    chunk(1, 101);
    expect(incoming).toMatchObject({ state: 'ended', reason: 'failed' });
  });

  test('does not wait for the receiver: it ends before memory does', async () => {
    offer(1, 1_000_000_000);
    const [incoming] = bob.offers;
    const sink = new MemorySink();
    sink.write = () => new Promise(() => {});
    incoming!.accept(sink);
    let chunks = 0;
    while (incoming!.state === 'active' && chunks < 1000) {
      chunk(1, 60_000);
      chunks += 1;
    }
    expect(chunks * 60_000).toBeLessThan(WINDOW_BYTES + 3 * 65_536);
    expect(incoming!.reason).toBe('failed');
  });

  test('says it is done too early, or twice', async () => {
    offer(1, 100);
    const [incoming] = bob.offers;
    incoming!.accept(new MemorySink());
    sendRaw({ kind: 'done', id: 1, sha256: '0'.repeat(64) });
    expect(incoming).toMatchObject({ state: 'ended', reason: 'failed' });
    sendRaw({ kind: 'done', id: 1, sha256: '0'.repeat(64) });
    expect(bob.session.peers.get('a')!.dropped.stray).toBe(2);
  });

  test('sends what nobody accepted, and uses an id again', () => {
    offer(7, 100);
    chunk(7, 100);
    chunk(8, 100);
    offer(7, 5);
    offer(3, 5);
    expect(bob.offers).toHaveLength(1);
    expect(bob.session.peers.get('a')!.dropped.stray).toBe(4);
  });

  test('speaks for a receiver: progress never sent, accepted twice, verified early', async () => {
    const [transfer] = bob.session.offer(fileOf(100_000));
    for (const message of [
      { kind: 'progress', id: 1, bytes: 5 },
      { kind: 'verified', id: 1 },
      { kind: 'accept', id: 2 },
      { kind: 'accept', id: 1 },
      { kind: 'accept', id: 1 },
      { kind: 'progress', id: 1, bytes: 1e12 },
    ])
      sendRaw(message);
    expect(transfer).toMatchObject({ state: 'active', bytes: 0 });
    expect(bob.session.peers.get('a')!.dropped.stray).toBe(5);
  });
});

function hello(name: string): unknown {
  const media = { microphone: false, camera: false, screen: false };
  return { kind: 'hello', version: 1, name, client: 'test', capabilities: ['files'], media };
}
