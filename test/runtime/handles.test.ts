import { expect, test } from 'vitest';
import { nodeRuntime } from '../../src/runtime/node.ts';
import { realHarness } from './harness.ts';

/** What would keep this process alive, by the names that Node gives it. */
function handles(): { sockets: number; timers: number } {
  const names = process.getActiveResourcesInfo();
  const count = (wanted: string): number => names.filter((name) => name === wanted).length;
  return { sockets: count('UDPWRAP') + count('UDPWrap'), timers: count('Timeout') };
}

test('sockets and timers keep the process alive, and nothing is left of them once they are closed', async () => {
  const { until } = realHarness(nodeRuntime);
  const before = handles();
  const onPacket = (): void => {};
  const loopback = nodeRuntime.networkInterfaces().filter(({ internal }) => internal);
  const addresses = ['0.0.0.0', ...loopback.map(({ address }) => address)];
  const sockets = await Promise.all(addresses.map((address) => nodeRuntime.bindUdp({ address, onPacket })));
  const multicast = await nodeRuntime.openMulticast({ onPacket });
  const timers = [10_000, 20_000].map((delayMs) => nodeRuntime.setTimer(delayMs, () => {}));
  expect(handles().sockets - before.sockets).toBeGreaterThanOrEqual(sockets.length);
  expect(handles().timers - before.timers).toBeGreaterThanOrEqual(1); // Node has one handle for all of a kind

  for (const socket of sockets) {
    for (const remote of sockets) socket.send(new Uint8Array(10), remote.localAddress);
    socket.close();
  }
  multicast.close();
  for (const timer of timers) nodeRuntime.clearTimer(timer);
  await until(() => handles().sockets === before.sockets && handles().timers <= before.timers + 1, 'no handle');
});
