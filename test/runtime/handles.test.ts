import { expect, test } from 'vitest';
import { nodeRuntime } from '../../src/runtime/node.ts';
import type { TcpSocket } from '../../src/runtime/tcp.ts';
import { realHarness } from './harness.ts';
import { TestAuthority } from './test-authority.ts';

/** What would keep this process alive, by the names that Node gives it. */
function handles(): { sockets: number; streams: number; timers: number } {
  const names = process.getActiveResourcesInfo();
  const count = (wanted: string): number => names.filter((name) => name === wanted).length;
  const streams = ['TCPSocketWrap', 'TCPServerWrap', 'TCPConnectWrap', 'TLSWrap', 'ShutdownWrap', 'WriteWrap'];
  return {
    sockets: count('UDPWRAP') + count('UDPWrap'),
    streams: streams.reduce((sum, name) => sum + count(name), 0),
    timers: count('Timeout'),
  };
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

test('connections keep it alive until both ends are closed, with TLS and without', async () => {
  const { until } = realHarness(nodeRuntime);
  const authority = new TestAuthority();
  const before = handles();
  for (const tls of [undefined, authority.issue('127.0.0.1')]) {
    const accepted: TcpSocket[] = [];
    let opened = 0;
    const onData = (): void => {};
    const onClose = (): void => {};
    const listener = await nodeRuntime.listenTcp({
      address: '127.0.0.1',
      ...(tls && { tls }),
      onConnection: (socket) => {
        accepted.push(socket);
        return { onData, onClose };
      },
    });
    const connections = [1, 2].map(() =>
      nodeRuntime.connectTcp({
        remote: listener.localAddress,
        ...(tls && { tls: { serverName: '127.0.0.1', trustedCertificates: [authority.certificate] } }),
        onOpen: () => opened++,
        onData,
        onClose,
      }),
    );
    await until(() => opened === 2 && accepted.length === 2, 'two connections');
    expect(handles().streams - before.streams).toBeGreaterThanOrEqual(5);
    connections[0]!.write(new Uint8Array(1_000));
    connections[0]!.close();
    accepted[1]!.close();
    listener.close();
    await until(() => handles().streams === before.streams && handles().timers <= before.timers + 1, 'no handle');
  }
});
