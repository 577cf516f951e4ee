/** A TURN server for the memory network: our machine, a socket per relay, and listeners for streams. */
import type { Host, UdpSocket } from '../../src/runtime/memory.ts';
import type { TcpListener, TcpSocket, TlsServerOptions } from '../../src/runtime/tcp.ts';
import { formatSocketAddress } from '../../src/stun/index.ts';
import { StreamFramer, type TurnFlow, TurnServer, type TurnServerOptions } from '../../src/turn/index.ts';

/** One that listens at 3478 for TCP and at 5349 for TLS. */
export type StreamServer = {
  readonly server: TurnServer;
  /** Of the clients that are connected. */
  readonly sockets: ReadonlySet<TcpSocket>;
  close(): void;
};

export async function startStreamTurnServer(
  host: Host,
  address: string,
  tls: TlsServerOptions,
  options: Partial<TurnServerOptions> = {},
): Promise<StreamServer> {
  const streams = new Map<string, TcpSocket>();
  const server = startTurnServer(host, address, options, (packet, flow) => streams.get(flow.id)?.write(packet));
  const sockets = new Set<TcpSocket>();
  const listen = (transport: 'tcp' | 'tls', port: number): Promise<TcpListener> =>
    host.listenTcp({
      address,
      port,
      ...(transport === 'tls' && { tls }),
      onConnection: (socket) => {
        const flow: TurnFlow = {
          id: `${transport} ${formatSocketAddress(socket.remoteAddress)}`,
          transport,
          remote: socket.remoteAddress,
        };
        const framer = new StreamFramer();
        streams.set(flow.id, socket);
        sockets.add(socket);
        return {
          onData: (bytes) => void framer.push(bytes, (message) => server.handlePacket(message, flow, host.now())),
          onClose: () => {
            sockets.delete(socket);
            streams.delete(flow.id);
            server.closeFlow(flow.id);
          },
        };
      },
    });
  const listeners = [await listen('tcp', 3478), await listen('tls', 5349)];
  return {
    server,
    sockets,
    close() {
      for (const listener of listeners) listener.close();
      for (const socket of sockets) socket.close();
    },
  };
}

export function startTurnServer(
  host: Host,
  address: string,
  options: Partial<TurnServerOptions> = {},
  toStream: (packet: Uint8Array, flow: TurnFlow) => void = () => {},
): TurnServer {
  const relays = new Map<number, UdpSocket>();
  const flows = new Map<string, TurnFlow>();
  const server: TurnServer = new TurnServer(
    {
      crypto: host.crypto,
      random: host.random,
      realm: 'example.org',
      credentials: (username) => (username === 'alice' ? { password: 'wonderland' } : null),
      families: [4],
      ...options,
    },
    {
      transmit: (packet, flow) => {
        if (flow.transport === 'udp') socket.send(packet, flow.remote);
        else toStream(packet, flow);
      },
      openRelay: ({ relayId, family }) => {
        const onPacket = (packet: Uint8Array, peer: { address: string; port: number }): void =>
          server.handleRelayPacket(packet, relayId, peer, host.now());
        const own = host.networkInterfaces().find((each) => !each.internal && each.family === family)!;
        const relay = host.bind({ address: own.address, onPacket });
        relays.set(relayId, relay);
        server.relayOpened(relayId, relay.localAddress, host.now());
      },
      closeRelay: (relayId) => relays.get(relayId)?.close(),
      relay: (packet, relayId, peer) => relays.get(relayId)!.send(packet, peer),
      event: () => {},
    },
  );
  const socket = host.bind({
    address,
    port: 3478,
    onPacket(packet, remote) {
      const id = formatSocketAddress(remote);
      const flow = flows.get(id) ?? { id, transport: 'udp', remote };
      flows.set(id, flow);
      server.handlePacket(packet, flow, host.now());
    },
  });
  return server;
}
