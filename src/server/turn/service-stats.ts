/** What a service counts, flat, for a monitor. */
import type { TurnServer, TurnServerStats } from '../../turn/index.ts';
import type { RelaySockets } from './relay-sockets.ts';
import type { StrangerLimit } from './stranger-limit.ts';
import type { StreamClients } from './stream-clients.ts';
import type { UdpClients } from './udp-clients.ts';

export type TurnServiceStats = Readonly<TurnServerStats> & {
  /** Now. */
  readonly allocations: number;
  /** Over TCP and TLS, now. */
  readonly connections: number;
  /** Sockets of relays, now. */
  readonly relays: number;
  /** Allocations that no port, or no socket, was left for. */
  readonly relaysExhausted: number;
  /** Connections reset: past a bound. */
  readonly connectionsRefused: number;
  /** TLS handshakes that failed or took too long. */
  readonly handshakesFailed: number;
  /** Connections closed: no allocation, and nothing said for too long. */
  readonly idleConnectionsClosed: number;
  /** Connections closed: what came was no STUN and no ChannelData. */
  readonly brokenStreams: number;
  /** Packets of clients without an allocation, not looked at: more than `strangerRequestsPerSecond`. */
  readonly strangersRefused: number;
  /** Messages to clients over TCP and TLS that were too far behind. */
  readonly droppedToSlowReaders: number;
  /** Datagrams to clients and peers that the system refused, or whose queue was full. */
  readonly sendErrors: number;
  /** From clients over UDP. */
  readonly datagramsReceived: number;
  /** To clients over UDP. */
  readonly datagramsSent: number;
};

export function readStats(
  server: TurnServer,
  relays: RelaySockets,
  streams: StreamClients,
  strangers: StrangerLimit,
  udp: readonly UdpClients[],
): TurnServiceStats {
  const sum = (count: (clients: UdpClients) => number): number =>
    udp.reduce((total, clients) => total + count(clients), 0);
  return {
    ...server.stats,
    allocations: server.allocationCount,
    connections: streams.size,
    relays: relays.size,
    relaysExhausted: relays.exhausted,
    connectionsRefused: streams.connectionsRefused,
    handshakesFailed: streams.handshakesFailed,
    idleConnectionsClosed: streams.idleConnectionsClosed,
    brokenStreams: streams.brokenStreams,
    strangersRefused: strangers.refused,
    droppedToSlowReaders: streams.droppedToSlowReaders,
    sendErrors: relays.sendErrors + sum(({ stats }) => stats.sendErrors),
    datagramsReceived: sum(({ stats }) => stats.packetsReceived),
    datagramsSent: sum(({ stats }) => stats.packetsSent),
  };
}
