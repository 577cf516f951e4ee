/** What every runtime must do with TCP and TLS: the second half of contract.ts. On loopback. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from 'node:assert/strict';
import { concatBytes } from '../../src/binary/bytes.ts';
import type { TcpConnectOptions, TcpListener, TcpListenOptions, TcpSocket } from '../../src/runtime/tcp.ts';
import type { ContractHarness, ContractOptions } from './contract.ts';
import { TestAuthority } from './test-authority.ts';

const LOOPBACK = '127.0.0.1';
const authority = new TestAuthority();
const certificate = authority.issue('turn.example.org', LOOPBACK);
const trusted = [authority.certificate];

/** One end of a connection, and all that was heard of it. */
type End = {
  socket: TcpSocket;
  received: Uint8Array;
  isOpen: boolean;
  /** `undefined` while it is not over. */
  closed: Error | null | undefined;
};
type Listening = { listener: TcpListener; ends: End[] };

export function runTcpContract({ make, test: register, skip = [] }: ContractOptions): void {
  const skipped = new Set(skip.flatMap(({ tests }) => tests));
  const test = (name: string, run: (harness: ContractHarness) => Promise<void>): void => {
    if (!skipped.has(name)) register(name, () => run(make()));
  };
  const testIpv6: typeof test = (name, run) =>
    test(name, async (harness) => {
      if (harness.runtime.networkInterfaces().some(({ address }) => address === '::1')) await run(harness);
    });

  for (const [name, address, registerFor] of [
    ['IPv4', LOOPBACK, test],
    ['IPv6', '::1', testIpv6],
  ] as const) {
    registerFor(`bytes cross an ${name} connection both ways, and both ends know each other`, async (harness) => {
      const { a, b, listener } = await connected(harness, { address });
      a.socket.write(bytes(100_000));
      b.socket.write(bytes(30));
      await harness.until(() => b.received.length === 100_000 && a.received.length === 30, 'the bytes');
      deepStrictEqual(b.received, bytes(100_000));
      deepStrictEqual(a.received, bytes(30));
      deepStrictEqual(a.socket.localAddress, b.socket.remoteAddress);
      deepStrictEqual(b.socket.localAddress, listener.localAddress);
      deepStrictEqual({ ...a.socket.stats }, { bytesSent: 100_000, bytesReceived: 30, writesRefused: 0 });
      close(listener, a, b);
    });
  }

  test('close ends both, after everything written has arrived', async (harness) => {
    const { a, b, listener } = await connected(harness);
    a.socket.write(bytes(50_000));
    a.socket.close();
    a.socket.close();
    strictEqual(a.socket.write(bytes(1)), false);
    await harness.until(() => b.closed !== undefined, 'the end');
    strictEqual(b.closed, null);
    strictEqual(b.received.length, 50_000);
    strictEqual(b.socket.write(bytes(1)), false);
    strictEqual(a.closed, undefined); // its owner knows
    await harness.until(() => listener.connections === 0, 'no connection left');
    strictEqual(listener.stats.connectionsAccepted, 1);
    close(listener);
  });

  test('nobody listening, an address that is not ours, a port that is taken', async (harness) => {
    const { listener } = await listen(harness);
    const { port } = listener.localAddress;
    await rejects(listen(harness, { port }), /EADDRINUSE/);
    await rejects(listen(harness, { portRange: { min: port, max: port } }), /EADDRINUSE/);
    await rejects(listen(harness, { address: '192.0.2.123' })); // RFC 5737: nobody's
    await rejects(listen(harness, { address: 'localhost' }), RangeError);
    listener.close();
    const end = connect(harness, { remote: { address: LOOPBACK, port } });
    await harness.until(() => end.closed !== undefined, 'the refusal');
    strictEqual((end.closed as { code?: string } | null)?.code, 'ECONNREFUSED');
    strictEqual(end.isOpen, false);
    throws(() => connect(harness, { remote: { address: 'localhost', port: 1 } }), RangeError);
    throws(() => connect(harness, { remote: { address: LOOPBACK, port: 0 } }), RangeError);
  });

  test('closed before it is open: nothing is told', async (harness) => {
    const { listener } = await listen(harness);
    const end = connect(harness, { remote: listener.localAddress });
    strictEqual(end.socket.write(bytes(1)), false);
    end.socket.close();
    const { a, b } = await connected(harness);
    strictEqual(end.isOpen, false);
    strictEqual(end.closed, undefined);
    close(listener, a, b);
  });

  for (const [name, listenOptions, connectOptions] of [
    ['a TCP connection', {}, {}],
    ['a TLS session', { tls: certificate }, { tls: { serverName: LOOPBACK, trustedCertificates: trusted } }],
  ] as const) {
    test(`${name}: a reader that pauses slows the writer down, and a full buffer refuses whole messages`, async (harness) => {
      const options = { ...connectOptions, maxBufferedBytes: 300_000 };
      const { a, b, listener } = await connected(harness, listenOptions, options);
      b.socket.pause();
      let written = 0;
      // Loopback keeps some megabytes in the system's buffers.
      await harness.until(() => {
        while (a.socket.write(bytes(50_000))) written += 50_000;
        return a.socket.stats.writesRefused > 20;
      }, 'refusals');
      ok(a.socket.bufferedBytes > 200_000 && a.socket.bufferedBytes <= 300_000, `${a.socket.bufferedBytes} buffered`);
      ok(written < 20_000_000, `${written} bytes in buffers`);
      b.socket.resume();
      await harness.until(() => b.received.length === written, 'everything that was taken');
      await harness.until(() => a.socket.bufferedBytes === 0, 'nothing to wait');
      strictEqual(a.socket.stats.bytesSent, written);
      close(listener, a, b);
    });
  }

  test('connections that are refused, or too many, are reset', async (harness) => {
    const { runtime, until } = harness;
    const listener = await runtime.listenTcp({ address: LOOPBACK, onConnection: () => null });
    const refused = connect(harness, { remote: listener.localAddress });
    await until(() => refused.closed !== undefined, 'the refusal');
    strictEqual(listener.stats.connectionsRefused, 1);
    const few = await listen(harness, { maxConnections: 1 });
    const first = connect(harness, { remote: few.listener.localAddress });
    await until(() => few.ends.length === 1, 'the first');
    const second = connect(harness, { remote: few.listener.localAddress });
    await until(() => second.closed !== undefined, 'the second to be refused');
    first.socket.close();
    await until(() => few.listener.connections === 0, 'room');
    const third = connect(harness, { remote: few.listener.localAddress });
    await until(() => few.ends.length === 2, 'the third');
    close(listener, few.listener, third);
  });

  test('one address has as many as it may, those in their TLS handshake among them', async (harness) => {
    const { listener } = await listen(harness, { tls: certificate, maxConnectionsPerAddress: 2 });
    const ends = [1, 2, 3].map(() => connect(harness, { remote: listener.localAddress })); // without TLS
    await harness.until(() => ends.some(({ closed }) => closed !== undefined), 'the refusal');
    strictEqual(listener.stats.connectionsRefused, 1);
    strictEqual(listener.connections, 2);
    close(listener, ...ends);
  });

  test('a handler may close its own connection', async (harness) => {
    const { listener, ends } = await listen(harness);
    const end = connect(harness, { remote: listener.localAddress }, (received) => {
      received.socket.close();
    });
    await harness.until(() => ends.length === 1, 'the connection');
    ends[0]!.socket.write(bytes(100));
    await harness.until(() => ends[0]!.closed !== undefined, 'the end');
    ok(end.received.length > 0);
    strictEqual(end.closed, undefined);
    close(listener);
  });

  for (const [name, serverName] of [
    ['a DNS name', 'turn.example.org'],
    ['an address', LOOPBACK],
  ] as const) {
    test(`TLS to ${name} that is in a certificate of a trusted authority`, async (harness) => {
      const tls = { serverName, trustedCertificates: trusted, alpnProtocols: ['stun.turn'] };
      const listen = { tls: { ...certificate, alpnProtocols: ['stun.turn', 'stun.nat-discovery'] } };
      const { a, b, listener } = await connected(harness, listen, { tls });
      deepStrictEqual([a.socket.alpnProtocol, b.socket.alpnProtocol], ['stun.turn', 'stun.turn']);
      a.socket.write(bytes(40_000));
      b.socket.write(bytes(30));
      await harness.until(() => b.received.length === 40_000 && a.received.length === 30, 'the bytes');
      deepStrictEqual(b.received, bytes(40_000));
      a.socket.close();
      await harness.until(() => b.closed !== undefined, 'the end');
      close(listener, b);
    });
  }

  test('TLS without ALPN on either side', async (harness) => {
    const tls = { serverName: LOOPBACK, trustedCertificates: trusted };
    const { a, b, listener } = await connected(harness, { tls: certificate }, { tls });
    strictEqual(a.socket.alpnProtocol, null);
    close(listener, a, b);
  });

  const wrong: [string, string, readonly string[]][] = [
    ['a certificate for another name is refused', 'stun.example.org', trusted],
    ['a certificate for another address is refused', '127.0.0.2', trusted],
    ['a certificate of an authority that nobody trusts is refused', 'turn.example.org', []],
    ['one authority too many changes nothing', 'turn.example.org', [new TestAuthority('another').certificate]],
  ];
  for (const [name, serverName, trustedCertificates] of wrong) {
    test(`TLS: ${name}`, async (harness) => {
      const { listener, ends } = await listen(harness, { tls: certificate });
      const end = connect(harness, { remote: listener.localAddress, tls: { serverName, trustedCertificates } });
      await harness.until(() => end.closed !== undefined, 'the refusal');
      ok(end.closed instanceof Error);
      strictEqual(end.isOpen, false);
      strictEqual(end.received.length + (ends[0]?.received.length ?? 0), 0);
      close(listener);
    });
  }

  test('a client that speaks no TLS gets nowhere and harms nobody', async (harness) => {
    const { listener, ends } = await listen(harness, { tls: certificate });
    const stranger = connect(harness, { remote: listener.localAddress });
    await harness.until(() => stranger.isOpen, 'TCP');
    stranger.socket.write(new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'));
    await harness.until(() => stranger.closed !== undefined, 'the end');
    const tls = { serverName: LOOPBACK, trustedCertificates: trusted };
    const friend = connect(harness, { remote: listener.localAddress, tls });
    await harness.until(() => ends.length === 1, 'the next client');
    strictEqual(listener.stats.handshakesFailed, 1);
    close(listener, friend);
  });

  test('a server that never answers the handshake, and a client that never begins one', async (harness) => {
    const silent = await listen(harness);
    const tls = { serverName: LOOPBACK, trustedCertificates: trusted };
    const client = connect(harness, { remote: silent.listener.localAddress, tls, timeoutMs: 100 });
    await harness.until(() => client.closed !== undefined, 'patience to end');
    strictEqual((client.closed as { code?: string } | null)?.code, 'ETIMEDOUT');
    const { listener } = await listen(harness, { tls: certificate, handshakeTimeoutMs: 100 });
    const idle = connect(harness, { remote: listener.localAddress });
    await harness.until(() => idle.closed !== undefined, 'patience to end');
    strictEqual(listener.stats.handshakesFailed, 1);
    close(listener, silent.listener);
  });

  test('a certificate that is none is an Error of the listener', async (harness) => {
    await rejects(listen(harness, { tls: { certificateChain: 'no', privateKey: 'no' } }));
  });
}

async function listen({ runtime }: ContractHarness, options: Partial<TcpListenOptions> = {}): Promise<Listening> {
  const ends: End[] = [];
  const listener = await runtime.listenTcp({
    address: LOOPBACK,
    onConnection: (socket) => {
      const end: End = { socket, received: new Uint8Array(0), isOpen: true, closed: undefined };
      ends.push(end);
      return handlersOf(end);
    },
    ...options,
  });
  return { listener, ends };
}

function connect(
  { runtime }: ContractHarness,
  options: Omit<TcpConnectOptions, 'onData' | 'onClose'>,
  onData?: (end: End) => void,
): End {
  const end = { received: new Uint8Array(0), isOpen: false, closed: undefined } as unknown as End;
  end.socket = runtime.connectTcp({ ...handlersOf(end, onData), ...options });
  return end;
}

async function connected(
  harness: ContractHarness,
  listenOptions: Partial<TcpListenOptions> = {},
  connectOptions: Partial<TcpConnectOptions> = {},
): Promise<{ a: End; b: End; listener: TcpListener }> {
  const { listener, ends } = await listen(harness, listenOptions);
  const a = connect(harness, { remote: listener.localAddress, ...connectOptions });
  await harness.until(() => (a.isOpen && ends.length === 1) || a.closed !== undefined, 'the connection');
  if (a.closed) throw a.closed;
  return { a, b: ends[0]!, listener };
}

function handlersOf(end: End, onData?: (end: End) => void): Pick<TcpConnectOptions, 'onOpen' | 'onData' | 'onClose'> {
  return {
    onOpen: () => {
      end.isOpen = true;
    },
    onData: (data) => {
      strictEqual(data.constructor, Uint8Array);
      end.received = concatBytes(end.received, data);
      onData?.(end);
    },
    onClose: (error) => {
      strictEqual(end.closed, undefined);
      end.closed = error;
    },
  };
}

function bytes(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
}

function close(listener: TcpListener, ...ends: (End | TcpListener)[]): void {
  listener.close();
  for (const end of ends) {
    if ('socket' in end) end.socket.close();
    else end.close();
  }
}
