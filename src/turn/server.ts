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
  findAttribute,
  isUnspecified,
  newTransactionId,
  parseStun,
  readXorAddress,
  readXorAddresses,
  type SocketAddress,
  STUN_ATTRIBUTE,
  STUN_ERROR,
  type StunMessage,
  StunWriter,
  sameSocketAddress,
  transactionKey,
  unknownRequiredAttributes,
  verifyFingerprint,
} from '../stun/index.ts';
import { type AllocateRequest, readAllocateRequest } from './allocate-request.ts';
import { Allocation, type Relay } from './allocation.ts';
import {
  channelDataOf,
  channelNumberOf,
  encodeChannelData,
  isChannelData,
  isChannelNumber,
  MAX_CHANNEL_DATA_LENGTH,
} from './channel-data.ts';
import { PeerPolicy } from './peer-policy.ts';
import { type AddressFamily, REASON_PHRASES, TURN_ATTRIBUTE, TURN_ERROR, TURN_METHOD } from './registry.ts';
import { ServerAnswers, type User } from './server-answers.ts';
import { ServerAuth } from './server-auth.ts';
import type { TurnFlow, TurnServerEvent, TurnServerOptions, TurnServerSink, TurnServerStats } from './server-types.ts';
import { addressErrorCodeValue, readAddressFamily, readChannelNumber, readLifetime } from './values.ts';

const DEFAULT_LIFETIME_SECONDS = 600; // RFC 8656 §3.2
const MAX_LIFETIME_SECONDS = 3600; // RFC 8656 §7.2
/** Bounds: clients decide how many there are of each. Reasons beside the options. */
const DEFAULT_MAX_ALLOCATIONS = 4096;
const DEFAULT_MAX_ALLOCATIONS_PER_USER = 16;
const DEFAULT_MAX_PERMISSIONS = 256;
const DEFAULT_MAX_CHANNELS = 128;
/** A relay that the caller has not opened by then is not waited for: the client gives up after 39.5 s. */
const OPEN_TIMEOUT_MS = 10_000;
/** Expired entries are refused at once whenever they are met; their memory is freed no more often than this. */
const SWEEP_INTERVAL_MS = 1000;

/** Of those that must be understood. DONT-FRAGMENT is none of them: sockets here cannot set DF (RFC 8656 §7.2, item 4). */
const KNOWN_ATTRIBUTES: ReadonlySet<number> = new Set<number>([
  STUN_ATTRIBUTE.mappedAddress,
  STUN_ATTRIBUTE.username,
  STUN_ATTRIBUTE.messageIntegrity,
  STUN_ATTRIBUTE.messageIntegritySha256,
  STUN_ATTRIBUTE.errorCode,
  STUN_ATTRIBUTE.unknownAttributes,
  STUN_ATTRIBUTE.realm,
  STUN_ATTRIBUTE.nonce,
  STUN_ATTRIBUTE.passwordAlgorithm,
  STUN_ATTRIBUTE.userhash,
  STUN_ATTRIBUTE.xorMappedAddress,
  TURN_ATTRIBUTE.channelNumber,
  TURN_ATTRIBUTE.lifetime,
  TURN_ATTRIBUTE.xorPeerAddress,
  TURN_ATTRIBUTE.data,
  TURN_ATTRIBUTE.xorRelayedAddress,
  TURN_ATTRIBUTE.requestedAddressFamily,
  TURN_ATTRIBUTE.evenPort,
  TURN_ATTRIBUTE.requestedTransport,
  TURN_ATTRIBUTE.reservationToken,
]);

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
  readonly #options: TurnServerOptions;
  readonly #sink: TurnServerSink;
  readonly #events: EventQueue<TurnServerEvent>;
  readonly #auth: ServerAuth;
  readonly #answers: ServerAnswers;
  readonly #policy: PeerPolicy;
  readonly #families: readonly AddressFamily[];
  readonly #defaultLifetimeSeconds: number;
  readonly #maxLifetimeSeconds: number;
  readonly #bytesPerSecond: number;
  readonly #allocations = new Map<string, Allocation>();
  readonly #relays = new Map<number, { readonly allocation: Allocation; readonly relay: Relay }>();
  /** Allocations by `quotaKey`. */
  readonly #counts = new Map<string, number>();
  #lastRelayId = 0;
  #sweepAt = Infinity;
  #closed = false;

  /** @throws RangeError or TypeError for an option out of its range */
  constructor(options: TurnServerOptions, sink: TurnServerSink) {
    this.#options = options;
    this.#sink = sink;
    this.#events = new EventQueue((event) => sink.event(event));
    const { crypto, random, realm, credentials, usernameOf, nonceLifetimeSeconds, ownAddresses } = options;
    const passwordAlgorithms = options.passwordAlgorithms ?? ['sha256', 'md5'];
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
      events: this.#events,
      stats: this.stats,
      software: options.software,
      transmit: (packet, flow) => sink.transmit(packet, flow),
    });
    this.#policy = new PeerPolicy({
      ...(options.deniedPeers && { deny: options.deniedPeers }),
      ...(options.allowedPeers && { allow: options.allowedPeers }),
    });
    this.#families = options.families ?? [4, 6];
    this.#defaultLifetimeSeconds = options.defaultLifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS;
    this.#maxLifetimeSeconds =
      options.maxLifetimeSeconds ?? Math.max(MAX_LIFETIME_SECONDS, this.#defaultLifetimeSeconds);
    if (!(this.#defaultLifetimeSeconds > 0) || !(this.#maxLifetimeSeconds >= this.#defaultLifetimeSeconds)) {
      throw new RangeError('lifetimes must be more than 0, and the maximum not less than the default');
    }
    this.#bytesPerSecond = options.maxBytesPerSecond ?? Infinity;
    if (!(this.#bytesPerSecond > 0)) throw new RangeError('maxBytesPerSecond must be more than 0');
    for (const { address } of ownAddresses ?? []) {
      if (addressFamily(address) === 0) throw new TypeError(`ownAddresses must be IP literals, got "${address}"`);
    }
  }

  /** How many there are now. */
  get allocationCount(): number {
    return this.#allocations.size;
  }

  get nextTimeout(): number {
    return this.#sweepAt;
  }

  /**
   * A datagram of a client, or one message of its stream: a `StreamFramer` per connection makes messages of bytes. Never
   * throws for what the network sent.
   */
  handlePacket(packet: Uint8Array, flow: TurnFlow, now: number): void {
    if (this.#closed) return;
    if (isChannelData(packet)) {
      this.#handleChannelData(packet, flow, now);
      this.#events.flush();
      return;
    }
    const message = parseStun(packet);
    if (message === null || verifyFingerprint(message) === false) this.stats.malformedPackets++;
    else if (message.messageClass === 'request') this.#handleRequest(message, flow, now);
    else if (message.messageClass === 'indication') this.#handleIndication(message, flow, now);
    else this.stats.malformedPackets++; // answers to nothing we asked
    this.#events.flush();
  }

  /** A datagram that came to a relay's socket (RFC 8656 §11.3). */
  handleRelayPacket(packet: Uint8Array, relayId: number, peer: SocketAddress, now: number): void {
    const allocation = this.#relays.get(relayId)?.allocation;
    const way =
      allocation === undefined || now >= allocation.expiresAt ? 'notPermitted' : allocation.wayFrom(peer, now);
    if (way === 'notPermitted' || packet.length > MAX_CHANNEL_DATA_LENGTH - 32) {
      this.stats.droppedFromPeers++;
      return;
    }
    if (!allocation!.spend(packet.length, this.#bytesPerSecond, now)) {
      this.stats.droppedOverRate++;
      return;
    }
    const { flow } = allocation!;
    allocation!.bytesToClient += packet.length;
    this.stats.bytesToClients += packet.length;
    if (way !== null) {
      this.#sink.transmit(encodeChannelData(way.number, packet, flow.transport !== 'udp'), flow);
      return;
    }
    const writer = new StunWriter('indication', TURN_METHOD.data, newTransactionId(this.#options.random));
    writer.xorAddress(TURN_ATTRIBUTE.xorPeerAddress, peer).attribute(TURN_ATTRIBUTE.data, packet);
    this.#sink.transmit(writer.finish(), flow);
  }

  /**
   * The socket that `openRelay` asked for is there.
   * @param address as peers reach it: where the server stands behind a NAT, the NAT's
   * @throws TypeError for an address that is no IP literal of the family asked for, or 0.0.0.0 or ::
   */
  relayOpened(relayId: number, address: SocketAddress, now: number): void {
    const entry = this.#relays.get(relayId);
    if (entry === undefined) {
      this.#sink.closeRelay(relayId); // its allocation is gone
      return;
    }
    if (addressFamily(address.address) !== entry.relay.family || isUnspecified(address.address) || address.port === 0) {
      throw new TypeError(
        `a relay needs the IPv${entry.relay.family} address that peers reach it at, got "${address.address}"`,
      );
    }
    entry.relay.address = address;
    this.#answerIfReady(entry.allocation, now);
    this.#events.flush();
  }

  /** There is no socket to be had. @param code 508, or 440 when this family cannot be served at all */
  relayFailed(relayId: number, now: number, code: 440 | 508 = TURN_ERROR.insufficientCapacity): void {
    const entry = this.#relays.get(relayId);
    if (entry === undefined) return;
    this.#relays.delete(relayId);
    const { allocation, relay } = entry;
    relay.errorCode = code;
    relay.address = null;
    if (allocation.pending !== null) this.#answerIfReady(allocation, now);
    else if (allocation.relays.every(({ errorCode }) => errorCode !== null)) this.#release(allocation, 'closed');
    this.#events.flush();
  }

  /** The client's connection ended: its allocation with it. */
  closeFlow(flowId: string): void {
    const allocation = this.#allocations.get(flowId);
    if (allocation !== undefined) this.#release(allocation, 'disconnected');
    this.#events.flush();
  }

  /** Ends all allocations of a user, at once: the user is no longer welcome. @returns how many there were */
  revoke(username: string): number {
    const revoked = [...this.#allocations.values()].filter((allocation) => allocation.username === username);
    for (const allocation of revoked) this.#release(allocation, 'revoked');
    this.#events.flush();
    return revoked.length;
  }

  handleTimeout(now: number): void {
    if (now < this.#sweepAt) return;
    let next = Infinity;
    for (const allocation of this.#allocations.values()) {
      const { pending } = allocation;
      if (now >= allocation.expiresAt) {
        this.#release(allocation, 'expired');
        continue;
      }
      if (pending !== null && now >= pending.deadline) {
        for (const relay of allocation.relays) if (relay.address === null) this.#giveUp(relay);
        this.#answerIfReady(allocation, now);
        if (!this.#allocations.has(allocation.flow.id)) continue;
      }
      allocation.sweep(now);
      next = Math.min(next, allocation.expiresAt, allocation.pending?.deadline ?? Infinity);
    }
    this.#sweepAt = next === Infinity ? Infinity : Math.max(next, now + SWEEP_INTERVAL_MS);
    this.#events.flush();
  }

  /** Ends all allocations; nothing is answered any more. */
  close(): void {
    this.#closed = true;
    for (const allocation of this.#allocations.values()) this.#release(allocation, 'closed');
    this.#sweepAt = Infinity;
    this.#events.flush();
  }

  // Data from clients

  #handleChannelData(packet: Uint8Array, flow: TurnFlow, now: number): void {
    const data = channelDataOf(packet);
    const allocation = this.#allocationOf(flow, now);
    const peer = allocation?.peerOf(channelNumberOf(packet), now) ?? null;
    if (data === null) this.stats.malformedPackets++;
    else if (peer === null) this.stats.droppedFromClients++;
    else this.#relay(data, allocation!, peer, now);
  }

  /** RFC 8656 §11.2. Indications cannot be authenticated; the permission was. */
  #handleIndication(message: StunMessage, flow: TurnFlow, now: number): void {
    if (message.method === BINDING) return; // a keepalive (RFC 8445 §11)
    if (message.method !== TURN_METHOD.send) {
      this.stats.malformedPackets++;
      return;
    }
    const peer = readXorAddress(message, TURN_ATTRIBUTE.xorPeerAddress);
    const data = findAttribute(message, TURN_ATTRIBUTE.data)?.value;
    const allocation = this.#allocationOf(flow, now);
    if (peer === null || data === undefined || unknownRequiredAttributes(message, KNOWN_ATTRIBUTES).length > 0) {
      this.stats.malformedPackets++;
    } else if (!allocation?.isPermitted(peer.address, now) || !this.#isAllowedPeer(peer)) {
      this.stats.droppedFromClients++;
    } else {
      this.#relay(data, allocation, peer, now);
    }
  }

  #relay(data: Uint8Array, allocation: Allocation, peer: SocketAddress, now: number): void {
    const relay = allocation.relayOf(addressFamily(peer.address));
    if (relay === null || relay.address === null) {
      this.stats.droppedFromClients++;
      return;
    }
    if (!allocation.spend(data.length, this.#bytesPerSecond, now)) {
      this.stats.droppedOverRate++;
      return;
    }
    allocation.bytesFromClient += data.length;
    this.stats.bytesFromClients += data.length;
    this.#sink.relay(data, relay.id, peer);
  }

  // Requests

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
    const unknown = unknownRequiredAttributes(message, KNOWN_ATTRIBUTES);
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
    const allocation = this.#allocationOf(flow, now);
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
    const unknown = unknownRequiredAttributes(message, KNOWN_ATTRIBUTES);
    const code =
      unknown.length > 0 ? STUN_ERROR.unknownAttribute : this.#perform(message, flow, authentication, allocation, now);
    if (code !== null) this.#answers.refuse(message, flow, code, authentication, unknown);
  }

  /** @returns an error code, or `null` when the request is answered or will be */
  #perform(
    message: StunMessage,
    flow: TurnFlow,
    user: User,
    allocation: Allocation | null,
    now: number,
  ): number | null {
    if (message.method === TURN_METHOD.allocate) return this.#allocate(message, flow, user, allocation, now);
    if (allocation === null) return TURN_ERROR.allocationMismatch;
    if (allocation.username !== user.username) return TURN_ERROR.wrongCredentials; // RFC 8656 §5
    if (message.method === TURN_METHOD.refresh) return this.#refresh(message, user, allocation, now);
    return this.#permit(message, user, allocation, now);
  }

  /** RFC 8656 §7.2, in its order. */
  #allocate(message: StunMessage, flow: TurnFlow, user: User, known: Allocation | null, now: number): number | null {
    const id = transactionKey(message.transactionId);
    if (known !== null) {
      if (known.transactionKey !== id || known.username !== user.username) return TURN_ERROR.allocationMismatch;
      if (known.pending === null) this.#answerAllocate(known, message, user, now); // a retransmission
      return null;
    }
    const wanted = readAllocateRequest(message, this.#families);
    if (typeof wanted === 'number') return wanted;
    const { maxAllocationsPerUser = DEFAULT_MAX_ALLOCATIONS_PER_USER, maxAllocations = DEFAULT_MAX_ALLOCATIONS } =
      this.#options;
    if ((this.#counts.get(user.quotaKey) ?? 0) >= maxAllocationsPerUser) return TURN_ERROR.allocationQuotaReached;
    if (this.#allocations.size >= maxAllocations) return TURN_ERROR.insufficientCapacity;
    this.#open(message, flow, user, wanted, now);
    return null;
  }

  #open(
    message: StunMessage,
    flow: TurnFlow,
    user: User,
    { families, evenPort, lifetime }: AllocateRequest,
    now: number,
  ): void {
    const { maxPermissions = DEFAULT_MAX_PERMISSIONS, maxChannels = DEFAULT_MAX_CHANNELS } = this.#options;
    const { username, quotaKey } = user;
    const relays = families.map((family): Relay => {
      const errorCode = this.#families.includes(family) ? null : TURN_ERROR.addressFamilyNotSupported;
      return { id: ++this.#lastRelayId, family, address: null, errorCode };
    });
    const allocation = new Allocation(
      {
        flow,
        username,
        quotaKey,
        transactionKey: transactionKey(message.transactionId),
        relays,
        expiresAt: now + 1000 * this.#grant(lifetime),
      },
      { maxPermissions, maxChannels },
      now,
    );
    this.#allocations.set(flow.id, allocation);
    this.#counts.set(quotaKey, (this.#counts.get(quotaKey) ?? 0) + 1);
    const answer = (at: number): void => {
      const [failed] = relays.filter(({ errorCode }) => errorCode !== null);
      if (relays.every(({ address }) => address === null)) {
        this.#release(allocation, null);
        this.#answers.refuse(message, flow, failed?.errorCode ?? TURN_ERROR.insufficientCapacity, user);
        return;
      }
      this.#answerAllocate(allocation, message, user, at);
      const relayed = relays.flatMap(({ address }) => address ?? []);
      this.#events.push({ kind: 'allocated', flow, username, relayed });
    };
    allocation.pending = { deadline: now + OPEN_TIMEOUT_MS, answer };
    this.#sweepAt = Math.min(this.#sweepAt, now + OPEN_TIMEOUT_MS, allocation.expiresAt);
    const opened = relays.filter(({ errorCode }) => errorCode === null);
    for (const relay of opened) this.#relays.set(relay.id, { allocation, relay });
    for (const { id, family } of opened) this.#sink.openRelay({ relayId: id, family, evenPort, username, flow });
  }

  /** Answers the Allocate request once it is known of each relay whether it is there. */
  #answerIfReady(allocation: Allocation, now: number): void {
    if (allocation.relays.some(({ address, errorCode }) => address === null && errorCode === null)) return;
    const { pending } = allocation;
    allocation.pending = null;
    pending?.answer(now);
  }

  #answerAllocate(allocation: Allocation, message: StunMessage, user: User, now: number): void {
    this.#answers.succeed(message, allocation.flow, user, (writer) => {
      for (const { address, family, errorCode } of allocation.relays) {
        if (address !== null) writer.xorAddress(TURN_ATTRIBUTE.xorRelayedAddress, address);
        if (errorCode === null) continue;
        const value = addressErrorCodeValue(family, errorCode, REASON_PHRASES.get(errorCode)!);
        writer.attribute(TURN_ATTRIBUTE.addressErrorCode, value);
      }
      writer.uint32(TURN_ATTRIBUTE.lifetime, Math.max(1, Math.floor((allocation.expiresAt - now) / 1000)));
      writer.xorAddress(STUN_ATTRIBUTE.xorMappedAddress, allocation.flow.remote);
    });
  }

  /** RFC 8656 §8.2. */
  #refresh(message: StunMessage, user: User, allocation: Allocation, now: number): number | null {
    const family = readAddressFamily(message, TURN_ATTRIBUTE.requestedAddressFamily);
    if (family === null) return STUN_ERROR.badRequest;
    if (family !== undefined && (family === 'unknown' || allocation.relayOf(family) === null)) {
      return TURN_ERROR.peerAddressFamilyMismatch;
    }
    const requested = readLifetime(message);
    if (requested === null) return STUN_ERROR.badRequest;
    const lifetime = requested === 0 ? 0 : this.#grant(requested);
    if (lifetime === 0) this.#release(allocation, 'refreshed');
    else allocation.expiresAt = now + 1000 * lifetime;
    this.#sweepAt = Math.min(this.#sweepAt, allocation.expiresAt);
    this.#answers.succeed(message, allocation.flow, user, (writer) => {
      writer.uint32(TURN_ATTRIBUTE.lifetime, lifetime);
    });
    return null;
  }

  /** CreatePermission (RFC 8656 §10.2) and ChannelBind (§12.2): both let a peer in. */
  #permit(message: StunMessage, user: User, allocation: Allocation, now: number): number | null {
    const isBind = message.method === TURN_METHOD.channelBind;
    const peers = readXorAddresses(message, TURN_ATTRIBUTE.xorPeerAddress);
    const channelNumber = readChannelNumber(message);
    if (peers === null || peers.length === 0) return STUN_ERROR.badRequest;
    if (isBind && (typeof channelNumber !== 'number' || !isChannelNumber(channelNumber) || peers[0]!.port === 0)) {
      return STUN_ERROR.badRequest;
    }
    for (const peer of peers) {
      if (allocation.relayOf(addressFamily(peer.address)) === null) return TURN_ERROR.peerAddressFamilyMismatch;
      if (isBind ? !this.#isAllowedPeer(peer) : !this.#policy.allows(peer.address)) return TURN_ERROR.forbidden;
    }
    const code = isBind
      ? allocation.bind(channelNumber!, peers[0]!, now)
      : allocation.permit(
          peers.map(({ address }) => address),
          now,
        );
    if (code !== null) return code;
    this.#answers.succeed(message, allocation.flow, user, () => {});
    return null;
  }

  /** The lifetime for what was asked, in seconds (RFC 8656 §7.2, §8.2). */
  #grant(requested = 0): number {
    return Math.max(this.#defaultLifetimeSeconds, Math.min(requested, this.#maxLifetimeSeconds));
  }

  #isAllowedPeer(peer: SocketAddress): boolean {
    if (peer.port === 0 || this.#options.ownAddresses?.some((own) => sameSocketAddress(own, peer))) return false;
    return this.#policy.allows(peer.address);
  }

  // Allocations

  #allocationOf(flow: TurnFlow, now: number): Allocation | null {
    const allocation = this.#allocations.get(flow.id);
    if (allocation === undefined) return null;
    if (now < allocation.expiresAt) return allocation;
    this.#release(allocation, 'expired');
    return null;
  }

  #giveUp(relay: Relay): void {
    if (!this.#relays.delete(relay.id)) return;
    relay.errorCode = TURN_ERROR.insufficientCapacity;
    this.#sink.closeRelay(relay.id);
  }

  /** @param reason `null`: it never came to be */
  #release(allocation: Allocation, reason: Extract<TurnServerEvent, { kind: 'released' }>['reason'] | null): void {
    const { flow, username, quotaKey, bytesFromClient, bytesToClient } = allocation;
    if (!this.#allocations.delete(flow.id)) return;
    const count = this.#counts.get(quotaKey)! - 1;
    if (count === 0) this.#counts.delete(quotaKey);
    else this.#counts.set(quotaKey, count);
    const wasPending = allocation.pending !== null;
    allocation.pending = null;
    for (const { id } of allocation.relays) if (this.#relays.delete(id)) this.#sink.closeRelay(id);
    if (reason === null || wasPending) return;
    this.#events.push({ kind: 'released', flow, username, reason, bytesFromClient, bytesToClient });
  }
}
