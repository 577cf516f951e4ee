/** What a bus makes of a client's moods; real engines are in engines.test.ts. */
import { EventEmitter } from 'node:events';
import { expect, test, vi } from 'vitest';
import { MAX_UNSENT_BYTES } from '../../../src/server/cluster/bus.ts';
import { redisBus } from '../../../src/server/cluster/redis-bus.ts';

/** An ioredis that is connected or not, and whose replies come when they are let. */
class FakeRedis extends EventEmitter {
  status = 'ready';
  subscribed: string[] = [];
  readonly published: [string, Buffer][] = [];
  reply: Promise<unknown> = Promise.resolve();

  become(status: string): void {
    this.status = status;
    this.emit(status);
  }
  publish(channel: string, message: Buffer): Promise<unknown> {
    this.published.push([channel, message]);
    return this.reply;
  }
  async subscribe(channel: string): Promise<unknown> {
    if (this.status !== 'ready') throw new Error('gave up');
    return this.subscribed.push(channel);
  }
  async unsubscribe(channel: string): Promise<unknown> {
    this.subscribed = this.subscribed.filter((other) => other !== channel);
    return 0;
  }
  spublish = this.publish;
  ssubscribe = this.subscribe;
  sunsubscribe = this.unsubscribe;
}

function connect(): { bus: ReturnType<typeof redisBus>; publisher: FakeRedis; subscriber: FakeRedis } {
  const [publisher, subscriber] = [new FakeRedis(), new FakeRedis()];
  return { bus: redisBus({ publisher, subscriber }), publisher, subscriber };
}

test('a bus is up when both connections are, and takes nothing while it cannot send', () => {
  const { bus, publisher, subscriber } = connect();
  const states: string[] = [];
  bus.onState((state) => states.push(state));
  expect(bus.state).toBe('up');
  subscriber.become('reconnecting');
  publisher.become('reconnecting');
  expect(bus.publish('x', new Uint8Array(1))).toBe(false);
  publisher.become('ready');
  expect(bus.state).toBe('down');
  subscriber.become('ready');
  expect(states).toEqual(['down', 'up']);
  expect(bus.publish('x', new Uint8Array(1))).toBe(true);
  expect(publisher.published).toHaveLength(1);
  expect(() => publisher.emit('error', new Error('refused'))).not.toThrow();
});

test('a subscription that the client gave up during an outage is made after it, if it is still wanted', async () => {
  const { bus, subscriber } = connect();
  const received: string[] = [];
  bus.subscribe('before', (message) => received.push(`before ${message[0]}`));
  subscriber.become('reconnecting');
  bus.subscribe('during', (message) => received.push(`during ${message[0]}`));
  bus.subscribe('in vain', () => {})();
  await vi.waitFor(() => expect(subscriber.subscribed).toEqual(['before']));
  subscriber.become('ready');
  await vi.waitFor(() => expect(subscriber.subscribed).toEqual(['before', 'during']));
  subscriber.emit('messageBuffer', Buffer.from('during'), Buffer.from([7]));
  subscriber.emit('messageBuffer', Buffer.from('never'), Buffer.from([7]));
  expect(received).toEqual(['during 7']);
});

test('what an engine that hangs has not taken is bounded', async () => {
  const { bus, publisher } = connect();
  let taken = (_: unknown): void => {};
  publisher.reply = new Promise((resolve) => {
    taken = resolve;
  });
  const message = new Uint8Array(2 ** 20);
  let sent = 0;
  while (bus.publish('x', message)) sent++;
  expect(sent).toBe(MAX_UNSENT_BYTES / message.length);
  taken(1);
  await vi.waitFor(() => expect(bus.publish('x', message)).toBe(true));
});

test('subscribers of one subject share one subscription of the engine', () => {
  const { bus, subscriber } = connect();
  const ends = [bus.subscribe('x', () => {}), bus.subscribe('x', () => {})];
  expect(subscriber.subscribed).toEqual(['x']);
  ends[0]!();
  expect(subscriber.subscribed).toEqual(['x']);
  ends[1]!();
  expect(subscriber.subscribed).toEqual([]);
});
