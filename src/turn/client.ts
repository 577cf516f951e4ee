/**
 * A TURN client (RFC 8656): one allocation on one server. Over UDP it is given datagrams, over TCP and TLS pieces of the
 * stream. It keeps the allocation, its permissions and its channels alive by itself.
 *
 * ```text
 *   new ─start─► allocating ─────► allocated ─close─► closing ─► closed
 *                    └──── failed ◄────┘
 * ```
 */
import { EventQueue, type Machine, type Sink } from '../machine.ts';
import {
  addressFamily,
  BINDING,
  findAttribute,
  isStun,
  newTransactionId,
  parseStun,
  readAddress,
  readText,
  readXorAddress,
  readXorAddresses,
  type SocketAddress,
  STUN_ATTRIBUTE,
  STUN_ERROR,
  type StunMessage,
  StunWriter,
  unknownRequiredAttributes,
} from '../stun/index.ts';
import {
  channelDataOf,
  channelNumberOf,
  encodeChannelData,
  isChannelData,
  MAX_CHANNEL_DATA_LENGTH,
} from './channel-data.ts';
import { type ClientChannel, ClientChannels } from './client-channels.ts';
import { type ClientPermission, ClientPermissions } from './client-permissions.ts';
import { ClientRequests, isRefusedFor, type TurnOutcome } from './client-requests.ts';
import type { TurnClientEvent, TurnClientOptions, TurnClientStats } from './client-types.ts';
import { TURN_ATTRIBUTE, TURN_ERROR, TURN_METHOD, UDP_PROTOCOL } from './registry.ts';
import { StreamFramer } from './stream-framer.ts';
import { addressFamilyValue, channelNumberValue, readIcmp, readLifetime, requestedTransportValue } from './values.ts';

/** RFC 8489 §6.2.1: "SHOULD be greater than or equal to 500 ms". */
const DEFAULT_RTO_MS = 500;
/** The allocation is refreshed that long before it ends: longer than a request may take (39.5 s). */
const REFRESH_MARGIN_MS = 60_000;
/**
 * RFC 8445 §11 (Tr): the NAT towards a UDP server is kept open this often while nothing else is sent; with an indication,
 * which nobody answers. RFC 4787 REQ-5 lets a mapping die after two minutes, and many do after 30 s.
 */
const KEEPALIVE_MS = 15_000;
/** DATA of a Send indication stands beside at most 68 bytes of a STUN message's 65,535. */
const MAX_SEND_LENGTH = MAX_CHANNEL_DATA_LENGTH - 68;
/** What in a Data indication we understand; anything else that must be understood makes us drop it (RFC 8489 §6.3.2). */
const DATA_ATTRIBUTES = new Set<number>([TURN_ATTRIBUTE.xorPeerAddress, TURN_ATTRIBUTE.data]);

/** What a server that gives one relayed address may say to a client that asks for two; RFC 8656 §7.2 has it give one. */
const NOT_BOTH = new Set<number>([
  STUN_ERROR.badRequest,
  STUN_ERROR.unknownAttribute,
  TURN_ERROR.addressFamilyNotSupported,
  TURN_ERROR.insufficientCapacity,
]);

type State =
  | { readonly kind: 'new' | 'allocating' | 'closing' | 'closed' | 'failed' }
  | {
      readonly kind: 'allocated';
      readonly relayed: SocketAddress;
      readonly mapped: SocketAddress;
      /** Of the relayed addresses: one, or both. */
      readonly families: readonly (4 | 6)[];
      refreshAt: number;
      expiresAt: number;
    };

export class TurnClient implements Machine {
  readonly stats: TurnClientStats = { malformedPackets: 0, unexpectedData: 0, packetsNotSent: 0 };
  readonly #options: TurnClientOptions;
  readonly #reliable: boolean;
  readonly #transmit: (packet: Uint8Array) => void;
  readonly #events: EventQueue<TurnClientEvent>;
  readonly #requests: ClientRequests;
  readonly #permissions: ClientPermissions;
  readonly #channels: ClientChannels;
  readonly #framer: StreamFramer | null;
  #state: State = { kind: 'new' };
  #dontFragment: boolean;
  #asksForBoth: boolean;
  /** Of the call that is being worked on; what the transmit closure goes by. */
  #now = 0;
  #lastSentAt = 0;

  constructor(options: TurnClientOptions, sink: Sink<TurnClientEvent>) {
    const { transport = 'udp', rtoMs = DEFAULT_RTO_MS, username, lifetimeSeconds } = options;
    if (new TextEncoder().encode(username).length > 508) throw new RangeError('a TURN username has at most 508 bytes');
    if (lifetimeSeconds !== undefined && !(lifetimeSeconds > 0 && lifetimeSeconds <= 0xffff_ffff)) {
      throw new RangeError(`lifetimeSeconds must be more than 0, got ${lifetimeSeconds}`);
    }
    this.#options = options;
    this.#reliable = transport !== 'udp';
    this.#framer = this.#reliable ? new StreamFramer() : null;
    this.#dontFragment = options.dontFragment ?? false;
    this.#asksForBoth = options.family === 'both';
    this.#transmit = (packet) => {
      this.#lastSentAt = this.#now;
      sink.transmit(packet);
    };
    this.#events = new EventQueue((event) => sink.event(event));
    const { crypto, random, password, software } = options;
    this.#requests = new ClientRequests(
      { crypto, random, username, password, software, rtoMs, reliable: this.#reliable },
      this.#transmit,
    );
    this.#permissions = new ClientPermissions((permission, now) => this.#createPermission(permission, now));
    this.#channels = new ClientChannels((channel, now) => this.#bindChannel(channel, now));
  }

  get state(): State['kind'] {
    return this.#state.kind;
  }

  /** `null` until allocated. */
  get relayed(): SocketAddress | null {
    return this.#state.kind === 'allocated' ? this.#state.relayed : null;
  }

  /** `null` until allocated. */
  get mapped(): SocketAddress | null {
    return this.#state.kind === 'allocated' ? this.#state.mapped : null;
  }

  get nextTimeout(): number {
    const requests = this.#requests.nextTimeout;
    if (this.#state.kind !== 'allocated') return requests;
    const { refreshAt, expiresAt } = this.#state;
    const keepaliveAt = this.#reliable ? Infinity : this.#lastSentAt + KEEPALIVE_MS;
    const own = Math.min(refreshAt, expiresAt, keepaliveAt);
    return Math.min(requests, own, this.#permissions.nextTimeout, this.#channels.nextTimeout);
  }

  /** Asks for the allocation. Over a stream: once that is connected. */
  start(now: number): void {
    if (this.#state.kind !== 'new') return;
    this.#now = now;
    this.#state = { kind: 'allocating' };
    this.#allocate(now);
    this.#events.flush();
  }

  /**
   * Sends a datagram to a peer through the relay, as ChannelData where a channel is bound, else in a Send indication. The
   * first packets to an address wait for its permission, one round trip. `packet` is copied.
   * @param peer an IP literal in canonical spelling, and its port
   * @returns false when it was not sent and will not be; see `stats.packetsNotSent`
   */
  send(packet: Uint8Array, peer: SocketAddress, now: number): boolean {
    this.#now = now;
    const sent = this.#send(packet, peer, now);
    if (!sent) this.stats.packetsNotSent++;
    this.#events.flush();
    return sent;
  }

  /** Lets packets from this address through, before anything is sent there: a peer's candidate, as soon as it is known. */
  permit(address: string, now: number): boolean {
    if (this.#state.kind !== 'allocated' || !isOf(this.#state.families, address)) return false;
    this.#now = now;
    const permission = this.#permissions.use(address, now);
    this.#events.flush();
    return permission !== null && permission.state !== 'refused';
  }

  /** A datagram from the server; over TCP and TLS, the next bytes of the stream. */
  handlePacket(packet: Uint8Array, now: number): void {
    this.#now = now;
    if (this.#framer === null) this.#handleMessage(packet, now);
    else if (!this.#framer.push(packet, (message) => this.#handleMessage(message, now))) {
      this.stats.malformedPackets++;
      this.#lose('What came on the stream is not TURN.');
    }
    this.#events.flush();
  }

  handleTimeout(now: number): void {
    this.#now = now;
    this.#requests.handleTimeout(now);
    if (this.#state.kind === 'allocated') {
      const state = this.#state;
      if (now >= state.expiresAt) {
        this.#fail(TURN_ERROR.allocationMismatch, 'The allocation expired.');
      } else {
        if (now >= state.refreshAt) this.#refresh(now);
        this.#permissions.handleTimeout(now);
        this.#channels.handleTimeout(now);
        if (!this.#reliable && now >= this.#lastSentAt + KEEPALIVE_MS) this.#keepalive();
      }
    }
    this.#events.flush();
  }

  /**
   * Gives the relayed address back, "Refresh … with a LIFETIME of 0" (RFC 8656 §8). The request has left when this returns;
   * `closed` comes when it was answered, and nobody needs to wait for that.
   */
  close(now: number): void {
    this.#now = now;
    switch (this.#state.kind) {
      case 'allocated':
        this.#free(now);
        break;
      case 'allocating':
        this.#state = { kind: 'closing' }; // what the server may have given is freed when it says so
        break;
      case 'new':
        this.#end();
        break;
      case 'closing':
      case 'closed':
      case 'failed':
        break;
      default:
        this.#state satisfies never;
    }
    this.#events.flush();
  }

  /** The stream ended, or the socket broke: there is no way to the server any more. */
  connectionLost(now: number): void {
    this.#now = now;
    this.#lose('The connection to the TURN server was lost.');
    this.#events.flush();
  }

  // Allocation

  #allocate(now: number): void {
    const { family, lifetimeSeconds } = this.#options;
    const dontFragment = this.#dontFragment;
    const asksForBoth = this.#asksForBoth;
    this.#requests.send(
      {
        method: TURN_METHOD.allocate,
        write: (writer) => {
          writer.attribute(TURN_ATTRIBUTE.requestedTransport, requestedTransportValue(UDP_PROTOCOL));
          if (family === 4 || family === 6)
            writer.attribute(TURN_ATTRIBUTE.requestedAddressFamily, addressFamilyValue(family));
          if (asksForBoth) writer.attribute(TURN_ATTRIBUTE.additionalAddressFamily, addressFamilyValue(6));
          if (lifetimeSeconds !== undefined) writer.uint32(TURN_ATTRIBUTE.lifetime, lifetimeSeconds);
          if (dontFragment) writer.flag(TURN_ATTRIBUTE.dontFragment);
        },
        done: (outcome, at) => this.#allocateDone(outcome, at),
      },
      now,
    );
  }

  #allocateDone(outcome: TurnOutcome, now: number): void {
    const state = this.#state;
    if (outcome.kind === 'error') {
      if (state.kind === 'closing') this.#end();
      else if (this.#dontFragment && isRefusedFor(outcome, TURN_ATTRIBUTE.dontFragment)) {
        this.#dontFragment = false;
        this.#allocate(now);
      } else if (this.#asksForBoth && NOT_BOTH.has(outcome.code)) {
        this.#asksForBoth = false;
        this.#allocate(now);
      } else this.#failBy(outcome);
      return;
    }
    if (state.kind === 'closing') {
      this.#free(now);
      return;
    }
    const [relayed = null, second] = readXorAddresses(outcome.message, TURN_ATTRIBUTE.xorRelayedAddress) ?? [];
    const mapped = readXorAddress(outcome.message, STUN_ATTRIBUTE.xorMappedAddress);
    const lifetime = readLifetime(outcome.message);
    if (relayed === null || relayed.port === 0 || mapped === null || !lifetime) {
      this.#fail(0, 'The TURN server’s answer is not complete.');
      return;
    }
    const { family: wanted } = this.#options;
    const family = addressFamily(relayed.address);
    if (family === 0 || (wanted !== undefined && wanted !== 'both' && family !== wanted)) {
      this.#free(now); // RFC 8656 §7.3: another family than was asked for
      this.#fail(TURN_ERROR.addressFamilyNotSupported, 'The TURN server gave an address of another family.');
      return;
    }
    const lifetimeMs = lifetime * 1000;
    const isSecond = this.#asksForBoth && second !== undefined && second.port !== 0 && !isOf([family], second.address);
    const families = isSecond ? ([4, 6] as const) : [family];
    this.#state = { kind: 'allocated', relayed, mapped, families, ...lifetimes(lifetimeMs, now) };
    this.#events.push({ kind: 'allocated', relayed, ...(isSecond && { alsoRelayed: second }), mapped, lifetimeMs });
  }

  #refresh(now: number): void {
    const state = this.#state;
    if (state.kind !== 'allocated') return;
    state.refreshAt = Infinity;
    this.#requests.send(
      {
        method: TURN_METHOD.refresh,
        write: (writer) => {
          const { lifetimeSeconds } = this.#options;
          if (lifetimeSeconds !== undefined) writer.uint32(TURN_ATTRIBUTE.lifetime, lifetimeSeconds);
        },
        done: (outcome, at) => {
          if (this.#state !== state) return;
          const lifetime = outcome.kind === 'success' ? readLifetime(outcome.message) : null;
          if (outcome.kind === 'error') this.#failBy(outcome);
          else if (!lifetime) this.#fail(TURN_ERROR.allocationMismatch, 'The TURN server ended the allocation.');
          else Object.assign(state, lifetimes(lifetime * 1000, at));
        },
      },
      now,
    );
  }

  #free(now: number): void {
    this.#requests.clear();
    this.#permissions.clear();
    this.#channels.clear();
    this.#state = { kind: 'closing' };
    this.#requests.send(
      {
        method: TURN_METHOD.refresh,
        write: (writer) => writer.uint32(TURN_ATTRIBUTE.lifetime, 0),
        done: () => this.#end(), // RFC 8656 §8.3: a 437 is as good, and so is anything else: the allocation runs out
      },
      now,
    );
  }

  // Peers

  #send(packet: Uint8Array, peer: SocketAddress, now: number): boolean {
    const state = this.#state;
    if (state.kind !== 'allocated' || peer.port === 0 || packet.length > MAX_SEND_LENGTH) return false;
    const channel = this.#channels.bound(peer, now);
    if (channel === null && !isOf(state.families, peer.address)) return false;
    const permission = this.#permissions.use(peer.address, now);
    if (permission === null || permission.state === 'refused') return false;
    if (channel !== null && permission.state === 'granted') {
      this.#transmit(encodeChannelData(channel.number, packet, this.#reliable));
      return true;
    }
    if (permission.state === 'asked') {
      this.#permissions.wait(permission, { packet: packet.slice(), peer });
      return true;
    }
    this.#sendTo(packet, peer, now);
    return true;
  }

  /** To a peer whose address the server lets through. */
  #sendTo(packet: Uint8Array, peer: SocketAddress, now: number): void {
    if (this.#options.channels !== false && !isStun(packet)) this.#channels.bind(peer, now);
    const writer = new StunWriter('indication', TURN_METHOD.send, newTransactionId(this.#options.random));
    writer.xorAddress(TURN_ATTRIBUTE.xorPeerAddress, peer).attribute(TURN_ATTRIBUTE.data, packet);
    if (this.#dontFragment) writer.flag(TURN_ATTRIBUTE.dontFragment);
    this.#transmit(writer.finish());
  }

  #createPermission(permission: ClientPermission, now: number): void {
    const peer = { address: permission.address, port: 0 }; // RFC 8656 §10.1: the port "will be ignored"
    this.#requests.send(
      {
        method: TURN_METHOD.createPermission,
        write: (writer) => writer.xorAddress(TURN_ATTRIBUTE.xorPeerAddress, peer),
        done: (outcome, at) => {
          const answer = this.#answerOf(outcome);
          if (answer === null) return;
          for (const waiting of this.#permissions.settle(permission, answer, at)) {
            this.#sendTo(waiting.packet, waiting.peer, at);
          }
          if (answer === 'refused' && outcome.kind === 'error') {
            const { code, text } = outcome;
            this.#events.push({ kind: 'peerRefused', address: permission.address, code, text });
          }
        },
      },
      now,
    );
  }

  #bindChannel(channel: ClientChannel, now: number): void {
    this.#requests.send(
      {
        method: TURN_METHOD.channelBind,
        write: (writer) => {
          writer.attribute(TURN_ATTRIBUTE.channelNumber, channelNumberValue(channel.number));
          writer.xorAddress(TURN_ATTRIBUTE.xorPeerAddress, channel.peer);
        },
        done: (outcome, at) => {
          const answer = this.#answerOf(outcome);
          if (answer === null) return;
          this.#channels.settle(channel, answer, at);
          if (answer === 'granted') this.#permissions.extend(channel.peer.address, at);
        },
      },
      now,
    );
  }

  /** What an answer means for a peer; `null` when it means that there is no allocation (RFC 8656 §5). */
  #answerOf(outcome: TurnOutcome): 'granted' | 'refused' | 'unknown' | null {
    if (outcome.kind === 'success') return 'granted';
    if (outcome.code === TURN_ERROR.timedOut) return 'unknown';
    if (outcome.code !== TURN_ERROR.allocationMismatch) return 'refused';
    this.#failBy(outcome);
    return null;
  }

  // Input

  #handleMessage(packet: Uint8Array, now: number): void {
    if (isChannelData(packet)) {
      this.#handleChannelData(packet, now);
      return;
    }
    const message = parseStun(packet);
    if (message === null || message.messageClass === 'request') {
      this.stats.malformedPackets++;
    } else if (message.messageClass === 'indication') {
      if (message.method === TURN_METHOD.data) this.#handleData(message, now);
    } else {
      this.#requests.handleResponse(message, now);
    }
  }

  #handleChannelData(packet: Uint8Array, now: number): void {
    const data = channelDataOf(packet);
    const peer = this.#channels.peerOf(channelNumberOf(packet), now);
    if (data === null) this.stats.malformedPackets++;
    else if (peer === null || !this.#permissions.allows(peer.address, now)) this.stats.unexpectedData++;
    else this.#events.push({ kind: 'data', packet: data, peer });
  }

  /** RFC 8656 §11.4, §11.6. */
  #handleData(message: StunMessage, now: number): void {
    const peer = readXorAddresses(message, TURN_ATTRIBUTE.xorPeerAddress)?.[0];
    const data = findAttribute(message, TURN_ATTRIBUTE.data)?.value;
    const icmp = readIcmp(message);
    if (peer === undefined || unknownRequiredAttributes(message, DATA_ATTRIBUTES).length > 0)
      this.stats.malformedPackets++;
    else if (!this.#permissions.allows(peer.address, now)) this.stats.unexpectedData++;
    else if (data !== undefined) this.#events.push({ kind: 'data', packet: data, peer });
    else if (icmp) this.#events.push({ kind: 'peerUnreachable', peer, icmp });
    else this.stats.malformedPackets++;
  }

  #keepalive(): void {
    const { random } = this.#options;
    this.#transmit(new StunWriter('indication', BINDING, newTransactionId(random)).fingerprint().finish());
  }

  // Ends

  #failBy({ code, text, message }: Extract<TurnOutcome, { kind: 'error' }>): void {
    const alternateServer = code === STUN_ERROR.tryAlternate && message ? alternateServerOf(message) : undefined;
    const alternateDomain = alternateServer && message ? readText(message, STUN_ATTRIBUTE.alternateDomain) : null;
    this.#fail(code, text, {
      ...(alternateServer && { alternateServer }),
      ...(alternateDomain && { alternateDomain }),
    });
  }

  #fail(
    code: number,
    text: string,
    alternate: { readonly alternateServer?: SocketAddress; readonly alternateDomain?: string } = {},
  ): void {
    if (this.#state.kind === 'closed' || this.#state.kind === 'failed') return;
    const wasFreeing = this.#state.kind === 'closing';
    this.#state = { kind: 'failed' };
    if (!wasFreeing) this.#requests.clear(); // a Refresh that frees what we cannot use goes on
    this.#permissions.clear();
    this.#channels.clear();
    this.#events.push({ kind: 'failed', code, text, ...alternate });
  }

  /** There is no way to the server any more. */
  #lose(text: string): void {
    if (this.#state.kind === 'closing') this.#end();
    else this.#fail(0, text);
  }

  #end(): void {
    if (this.#state.kind === 'closed' || this.#state.kind === 'failed') return;
    this.#state = { kind: 'closed' };
    this.#requests.clear();
    this.#events.push({ kind: 'closed' });
  }
}

function isOf(families: readonly (4 | 6)[], address: string): boolean {
  return families.some((family) => family === addressFamily(address));
}

/** When an allocation of that lifetime is refreshed: a minute early, or half-way through a short one. */
function lifetimes(lifetimeMs: number, now: number): { refreshAt: number; expiresAt: number } {
  return { refreshAt: now + Math.max(lifetimeMs / 2, lifetimeMs - REFRESH_MARGIN_MS), expiresAt: now + lifetimeMs };
}

function alternateServerOf(message: StunMessage): SocketAddress | undefined {
  const server = readAddress(message, STUN_ATTRIBUTE.alternateServer);
  return server === null || server.port === 0 ? undefined : server;
}
