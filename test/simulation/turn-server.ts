/** A TURN server for the memory network: our machine, a socket per relay, and its timer. */
import type { Host, UdpSocket } from '../../src/runtime/memory.ts';
import { formatSocketAddress } from '../../src/stun/index.ts';
import { type TurnFlow, TurnServer, type TurnServerOptions } from '../../src/turn/index.ts';

export function startTurnServer(host: Host, address: string, options: Partial<TurnServerOptions> = {}): TurnServer {
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
      transmit: (packet, flow) => socket.send(packet, flow.remote),
      openRelay: ({ relayId }) => {
        const onPacket = (packet: Uint8Array, peer: { address: string; port: number }): void =>
          server.handleRelayPacket(packet, relayId, peer, host.now());
        const relay = host.bind({ address, onPacket });
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
