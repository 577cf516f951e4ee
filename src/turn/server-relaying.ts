/** Data through a server: ChannelData and Send from clients, datagrams of peers to them (RFC 8656 §11, §12). */
import type { RandomSource } from '../machine.ts';
import {
  addressFamily,
  findAttribute,
  newTransactionId,
  readXorAddress,
  type SocketAddress,
  type StunMessage,
  StunWriter,
} from '../stun/index.ts';
import type { Allocation } from './allocation.ts';
import type { AllocationTable } from './allocation-table.ts';
import { channelDataOf, channelNumberOf, encodeChannelData, MAX_CHANNEL_DATA_LENGTH } from './channel-data.ts';
import type { PeerGate } from './peer-gate.ts';
import { TURN_ATTRIBUTE, TURN_METHOD } from './registry.ts';
import { unknownAttributes } from './server-attributes.ts';
import type { TurnFlow, TurnServerSink, TurnServerStats } from './server-types.ts';

/** What a Data indication adds with an IPv6 peer: two attributes' headers and the address. The length field has 16 bits. */
const DATA_INDICATION_OVERHEAD = 32;

export type ServerRelayingContext = {
  readonly table: AllocationTable;
  readonly gate: PeerGate;
  readonly stats: TurnServerStats;
  readonly random: RandomSource;
  readonly bytesPerSecond: number;
  readonly sink: Pick<TurnServerSink, 'transmit' | 'relay'>;
};

export class ServerRelaying {
  readonly #context: ServerRelayingContext;

  constructor(context: ServerRelayingContext) {
    this.#context = context;
  }

  /** A message for which `isChannelData` holds (RFC 8656 §12.6). */
  handleChannelData(packet: Uint8Array, flow: TurnFlow, now: number): void {
    const { table, stats } = this.#context;
    const data = channelDataOf(packet);
    const allocation = table.of(flow.id, now);
    const channel = allocation?.channelTo(channelNumberOf(packet), now) ?? null;
    if (data === null) stats.malformedPackets++;
    else if (channel === null) stats.droppedFromClients++;
    else this.#relay(data, allocation!, channel.peer, channel.way, now);
  }

  /** RFC 8656 §11.2. Indications cannot be authenticated; the permission was. */
  handleSend(message: StunMessage, flow: TurnFlow, now: number): void {
    const { table, gate, stats } = this.#context;
    const peer = readXorAddress(message, TURN_ATTRIBUTE.xorPeerAddress);
    const data = findAttribute(message, TURN_ATTRIBUTE.data)?.value;
    const allocation = table.of(flow.id, now);
    if (peer === null || data === undefined || unknownAttributes(message).length > 0) {
      stats.malformedPackets++;
      return;
    }
    const way = allocation?.isPermitted(peer.address, now) ? gate.wayTo(peer) : null;
    if (way === null) stats.droppedFromClients++;
    else this.#relay(data, allocation!, peer, way, now);
  }

  /** A datagram of a peer to a relayed address (RFC 8656 §11.3). */
  handlePeer(packet: Uint8Array, allocation: Allocation | null, peer: SocketAddress, now: number): void {
    const { stats, bytesPerSecond, random, sink } = this.#context;
    const isOver = allocation === null || now >= allocation.expiresAt;
    const way = isOver ? 'notPermitted' : allocation.wayFrom(peer, now);
    if (way === 'notPermitted' || packet.length > MAX_CHANNEL_DATA_LENGTH - DATA_INDICATION_OVERHEAD) {
      stats.droppedFromPeers++;
      return;
    }
    if (!allocation!.spend(packet.length, bytesPerSecond, now)) {
      stats.droppedOverRate++;
      return;
    }
    const { flow } = allocation!;
    allocation!.bytesToClient += packet.length;
    stats.bytesToClients += packet.length;
    if (way !== null) {
      sink.transmit(encodeChannelData(way.number, packet, flow.transport !== 'udp'), flow);
      return;
    }
    const writer = new StunWriter('indication', TURN_METHOD.data, newTransactionId(random));
    writer.xorAddress(TURN_ATTRIBUTE.xorPeerAddress, peer).attribute(TURN_ATTRIBUTE.data, packet);
    sink.transmit(writer.finish(), flow);
  }

  /** To another relay of ours directly: a NAT in front of the server may not send back what comes from behind it. */
  #relay(data: Uint8Array, from: Allocation, peer: SocketAddress, way: 'network' | 'inside', now: number): void {
    const { table, stats, bytesPerSecond, sink } = this.#context;
    const relay = from.relayOf(addressFamily(peer.address));
    const to = table.at(peer);
    if (relay === null || relay.address === null || (to === null && way === 'inside')) {
      stats.droppedFromClients++;
      return;
    }
    if (!from.spend(data.length, bytesPerSecond, now)) {
      stats.droppedOverRate++;
      return;
    }
    from.bytesFromClient += data.length;
    stats.bytesFromClients += data.length;
    if (to !== null) this.handlePeer(data, to, relay.address, now);
    else sink.relay(data, relay.id, peer);
  }
}
