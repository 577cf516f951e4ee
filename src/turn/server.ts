/**
 * A TURN server (RFC 8656), and so a STUN server (RFC 8489), without sockets: messages of clients and datagrams of peers go in,
 * answers and relayed datagrams come out.
 *
 * ```text
 *             handlePacket              relay
 *   client ───────────────► TurnServer ───────► peer
 *          ◄───────────────            ◄───────
 *             transmit             handleRelayPacket
 * ```
 */
import { EventQueue } from '../machine.ts';
import {
  addressFamily,
  BINDING,
  parseStun,
  type SocketAddress,
  STUN_ATTRIBUTE,
  STUN_ERROR,
  type StunMessage,
  verifyFingerprint,
} from '../stun/index.ts';
import { AllocationTable } from './allocation-table.ts';
import { isChannelData } from './channel-data.ts';
import { PeerGate } from './peer-gate.ts';
import { PeerPolicy } from './peer-policy.ts';
import { TURN_ERROR, TURN_METHOD } from './registry.ts';
import { ServerAnswers } from './server-answers.ts';
import { unknownAttributes } from './server-attributes.ts';
import { ServerAuth } from './server-auth.ts';
import { ServerRelaying } from './server-relaying.ts';
import { ServerRequests } from './server-requests.ts';
import type { TurnFlow, TurnServerEvent, TurnServerOptions, TurnServerSink, TurnServerStats } from './server-types.ts';

/** Bounds: clients decide how many there are of each. Reasons beside the options. */
const DEFAULT_MAX_ALLOCATIONS = 4096;
const DEFAULT_MAX_ALLOCATIONS_PER_USER = 16;
const DEFAULT_MAX_PERMISSIONS = 256;
const DEFAULT_MAX_CHANNELS = 128;

export class TurnServer {
  readonly stats: TurnServerStats = {
    malformedPackets: 0,
    bindings: 0,
    challenges: 0,
    unauthenticatedRequests: 0,
    refusedRequests: 0,
    droppedFromClients: 0,
    droppedFromPeers: 0,
    droppedOverRate: 0,
    bytesFromClients: 0,
    bytesToClients: 0,
  };
  readonly #events: EventQueue<TurnServerEvent>;
  readonly #auth: ServerAuth;
  readonly #answers: ServerAnswers;
  readonly #table: AllocationTable;
  readonly #requests: ServerRequests;
  readonly #relaying: ServerRelaying;
  #closed = false;

  /** @throws RangeError or TypeError for an option out of its range */
  constructor(options: TurnServerOptions, sink: TurnServerSink) {
    const { crypto, random, realm, credentials, usernameOf, nonceLifetimeSeconds, ownAddresses = [] } = options;
    const { families = [4, 6], maxBytesPerSecond: bytesPerSecond = Infinity } = options;
    if (!(bytesPerSecond > 0)) throw new RangeError('maxBytesPerSecond must be more than 0');
    for (const { address } of ownAddresses) {
      if (addressFamily(address) === 0) throw new TypeError(`ownAddresses must be IP literals, got "${address}"`);
    }
    const { stats } = this;
    const events = new EventQueue<TurnServerEvent>((event) => sink.event(event));
    const passwordAlgorithms = options.passwordAlgorithms ?? ['sha256', 'md5'];
    this.#events = events;
    this.#auth = new ServerAuth({
      crypto,
      random,
      realm,
      credentials,
      usernameOf,
      passwordAlgorithms,
      nonceLifetimeSeconds,
    });
    this.#answers = new ServerAnswers({
      auth: this.#auth,
      events,
      stats,
      software: options.software,
      transmit: (packet, flow) => sink.transmit(packet, flow),
    });
    const table = new AllocationTable({
      sink,
      events,
      families,
      maxAllocations: options.maxAllocations ?? DEFAULT_MAX_ALLOCATIONS,
      maxAllocationsPerUser: options.maxAllocationsPerUser ?? DEFAULT_MAX_ALLOCATIONS_PER_USER,
      limits: {
        maxPermissions: options.maxPermissions ?? DEFAULT_MAX_PERMISSIONS,
        maxChannels: options.maxChannels ?? DEFAULT_MAX_CHANNELS,
      },
    });
    const policy = new PeerPolicy({
      ...(options.deniedPeers && { deny: options.deniedPeers }),
      ...(options.allowedPeers && { allow: options.allowedPeers }),
    });
    const gate = new PeerGate(policy, ownAddresses, table);
    const { defaultLifetimeSeconds, maxLifetimeSeconds } = options;
    this.#table = table;
    this.#requests = new ServerRequests({
      table,
      gate,
      answers: this.#answers,
      events,
      families,
      defaultLifetimeSeconds,
      maxLifetimeSeconds,
    });
    this.#relaying = new ServerRelaying({ table, gate, stats, random, bytesPerSecond, sink });
  }

  /** How many there are now. */
  get allocationCount(): number {
    return this.#table.size;
  }

  get nextTimeout(): number {
    return this.#table.nextTimeout;
  }

  /** Whether that client has an allocation, or is about to. */
  hasAllocation(flowId: string): boolean {
    return this.#table.has(flowId);
  }

  /**
   * A datagram of a client, or one message of its stream: a `StreamFramer` per connection makes messages of bytes. Never
   * throws for what the network sent.
   */
  handlePacket(packet: Uint8Array, flow: TurnFlow, now: number): void {
    if (this.#closed) return;
    if (isChannelData(packet)) this.#relaying.handleChannelData(packet, flow, now);
    else this.#handleStun(packet, flow, now);
    this.#events.flush();
  }

  /** A datagram that came to a relay's socket (RFC 8656 §11.3). */
  handleRelayPacket(packet: Uint8Array, relayId: number, peer: SocketAddress, now: number): void {
    this.#relaying.handlePeer(packet, this.#table.ofRelay(relayId), peer, now);
  }

  /**
   * The socket that `openRelay` asked for is there.
   * @param address as peers reach it: where the server stands behind a NAT, the NAT's
   * @throws TypeError for an address that is no IP literal of the family asked for, or 0.0.0.0 or ::
   */
  relayOpened(relayId: number, address: SocketAddress, now: number): void {
    this.#table.relayOpened(relayId, address, now);
    this.#events.flush();
  }

  /** There is no socket to be had. @param code 508, or 440 when this family cannot be served at all */
  relayFailed(relayId: number, now: number, code: 440 | 508 = TURN_ERROR.insufficientCapacity): void {
    this.#table.relayFailed(relayId, now, code);
    this.#events.flush();
  }

  /** The client's connection ended: its allocation with it. */
  closeFlow(flowId: string): void {
    this.#table.closeFlow(flowId);
    this.#events.flush();
  }

  /**
   * Ends all allocations of a user, at once: the user is no longer welcome.
   * @param user a username, or what the credentials named as `quotaKey`
   * @returns how many there were
   */
  revoke(user: string): number {
    const count = this.#table.releaseAll('revoked', ({ username, quotaKey }) => username === user || quotaKey === user);
    this.#events.flush();
    return count;
  }

  /** No more allocations from now on, 508; those that are there may be kept. */
  drain(): void {
    this.#requests.isDraining = true;
  }

  handleTimeout(now: number): void {
    this.#table.sweep(now);
    this.#events.flush();
  }

  /** Ends all allocations; nothing is answered any more. */
  close(): void {
    this.#closed = true;
    this.#table.releaseAll('closed');
    this.#events.flush();
  }

  #handleStun(packet: Uint8Array, flow: TurnFlow, now: number): void {
    const message = parseStun(packet);
    if (message === null || verifyFingerprint(message) === false) this.stats.malformedPackets++;
    else if (message.messageClass === 'request') this.#handleRequest(message, flow, now);
    else if (message.messageClass === 'indication') this.#handleIndication(message, flow, now);
    else this.stats.malformedPackets++; // answers to nothing we asked
  }

  #handleIndication(message: StunMessage, flow: TurnFlow, now: number): void {
    if (message.method === BINDING) return; // a keepalive (RFC 8445 §11)
    if (message.method === TURN_METHOD.send) this.#relaying.handleSend(message, flow, now);
    else this.stats.malformedPackets++;
  }

  #handleRequest(message: StunMessage, flow: TurnFlow, now: number): void {
    switch (message.method) {
      case BINDING:
        this.#handleBinding(message, flow);
        break;
      case TURN_METHOD.allocate:
      case TURN_METHOD.refresh:
      case TURN_METHOD.createPermission:
      case TURN_METHOD.channelBind:
        this.#handleTurnRequest(message, flow, now);
        break;
      default:
        this.stats.malformedPackets++; // RFC 8489 §6.3: silently discarded
    }
  }

  /** RFC 8489 §6.3.1: nothing to authenticate, nothing to remember. The source is told as it is. */
  #handleBinding(message: StunMessage, flow: TurnFlow): void {
    const unknown = unknownAttributes(message);
    if (unknown.length > 0) {
      this.#answers.refuse(message, flow, STUN_ERROR.unknownAttribute, null, unknown);
      return;
    }
    this.stats.bindings++;
    this.#answers.succeed(message, flow, null, (writer) => {
      writer.xorAddress(STUN_ATTRIBUTE.xorMappedAddress, flow.remote);
    });
  }

  #handleTurnRequest(message: StunMessage, flow: TurnFlow, now: number): void {
    const allocation = this.#table.of(flow.id, now);
    const hasAllocation = allocation !== null;
    const authentication = this.#auth.authenticate(message, { flow, hasAllocation }, now, allocation?.username ?? null);
    if (authentication.kind === 'badRequest') {
      this.#answers.refuse(message, flow, STUN_ERROR.badRequest, null);
      return;
    }
    if (authentication.kind === 'challenge') {
      this.#answers.challenge(message, flow, authentication, now);
      return;
    }
    const unknown = unknownAttributes(message);
    const code =
      unknown.length > 0
        ? STUN_ERROR.unknownAttribute
        : this.#requests.perform(message, flow, authentication, allocation, now);
    if (code !== null) this.#answers.refuse(message, flow, code, authentication, unknown);
  }
}
