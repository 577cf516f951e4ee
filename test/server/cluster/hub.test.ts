import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Bus } from '../../../src/server/cluster/bus.ts';
import { BusHub } from '../../../src/server/cluster/hub.ts';
import { processPort, threadPort } from '../../../src/server/cluster/port.ts';
import { portBus } from '../../../src/server/cluster/port-bus.ts';

const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);

/** What a bus was sent on a subject, as text. */
function listen(bus: Bus, subject: string): { readonly received: Uint8Array[]; readonly stop: () => void } {
  const received: Uint8Array[] = [];
  return { received, stop: bus.subscribe(subject, (message) => received.push(message)) };
}

test('a hub hands each message to all who want it, the sender too, and never within the call', async () => {
  const hub = new BusHub();
  const [a, b] = [hub.connect(), hub.connect()];
  const listeners = [listen(a, 'x'), listen(b, 'x'), listen(b, 'y')];
  expect(a.publish('x', bytes)).toBe(true);
  expect(listeners.map(({ received }) => received.length)).toEqual([0, 0, 0]);
  await vi.waitFor(() => expect(listeners.map(({ received }) => received.length)).toEqual([1, 1, 0]));
  listeners[1]!.stop();
  b.publish('x', bytes);
  await vi.waitFor(() => expect(listeners.map(({ received }) => received.length)).toEqual([2, 1, 0]));
});

test('threads reach the hub by their ports, and are down once those close', async () => {
  const hub = new BusHub();
  const main = hub.connect();
  const channels = [new MessageChannel(), new MessageChannel()];
  onTestFinished(() => channels.forEach(({ port1 }) => void port1.close()));
  for (const { port1 } of channels) hub.attach(threadPort(port1));
  const [one, two] = channels.map(({ port2 }) => portBus(threadPort(port2))) as [Bus, Bus];
  const heard = [listen(one, 'x'), listen(two, 'x'), listen(main, 'x')];
  channels[0]!.port2.postMessage('something else on the same port');
  const ready = listen(main, 'ready');
  for (const bus of [one, two]) bus.publish('ready', bytes); // which comes after its subscription
  await vi.waitFor(() => expect(ready.received).toHaveLength(2));
  one.publish('x', bytes);
  await vi.waitFor(() => expect(heard.map(({ received }) => received)).toEqual([[bytes], [bytes], [bytes]]));

  const states: string[] = [];
  one.onState((state) => states.push(state));
  channels[0]!.port1.close();
  await vi.waitFor(() => expect(states).toEqual(['down']));
  expect(one.publish('x', bytes)).toBe(false);
  main.publish('x', bytes);
  await vi.waitFor(() => expect(heard[1]!.received).toHaveLength(2));
  expect(heard[0]!.received).toHaveLength(1);
});

test('processes reach the hub by their channel, whatever serialization it has', async () => {
  const hub = new BusHub();
  const main = hub.connect();
  const pong = listen(main, 'pong');
  const ready = listen(main, 'ready');
  const program = fileURLToPath(new URL('./hub-process.mjs', import.meta.url));
  const children = (['json', 'advanced'] as const).map((serialization) => fork(program, { serialization }));
  onTestFinished(() => children.forEach((child) => void child.kill('SIGKILL')));
  for (const child of children) hub.attach(processPort(child));
  await vi.waitFor(() => expect(ready.received).toHaveLength(2), { timeout: 15_000 });
  main.publish('ping', bytes);
  await vi.waitFor(() => expect(pong.received).toHaveLength(2), { timeout: 15_000 });
  for (const message of pong.received) expect(Uint8Array.from(message)).toEqual(bytes);
  children[0]!.kill('SIGKILL');
  await once(children[0]!, 'exit');
  main.publish('ping', bytes); // to one that is gone, too
  await vi.waitFor(() => expect(pong.received).toHaveLength(3), { timeout: 15_000 });
});
