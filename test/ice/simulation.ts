/**
 * Agents joined by a virtual clock and a network of a few lines: latency, loss as a number or a rule, NATs, STUN servers
 * and trickled signalling. Everything follows from the seed.
 */
import { toHex } from '../../src/binary/bytes.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { formatSocketAddress, type SocketAddress } from '../../src/ice/address.ts';
import {
  IceAgent,
  type IceAgentOptions,
  type IceCredentials,
  type IceEvent,
  type IceState,
} from '../../src/ice/index.ts';
import { type RandomSource, randomBetween } from '../../src/machine.ts';
import {
  findAttribute,
  isStun,
  parseStun,
  STUN_ATTRIBUTE,
  type StunMessage,
  StunWriter,
} from '../../src/stun/index.ts';
import { seededRandom } from '../crypto/seeded-random.ts';

export type Datagram = {
  readonly at: number;
  readonly from: SocketAddress;
  readonly to: SocketAddress;
  readonly packet: Uint8Array;
};

/** Where datagrams for an address go. */
type Endpoint = (packet: Uint8Array, from: SocketAddress, now: number) => void;

export type Nat = {
  /** All mappings are on this address, one port per inner address (endpoint-independent mapping, RFC 4787 §4.1). */
  readonly publicAddress: string;
  /** Lets in only who was sent to before (address- and port-dependent filtering, RFC 4787 §5). Default true. */
  readonly filters?: boolean;
};

export class Simulation {
  now = 0;
  latencyMs = 10;
  /** The part of all datagrams that is lost. */
  loss = 0;
  /** Besides `loss`: whether this datagram is lost. */
  drops: (datagram: Datagram) => boolean = () => false;
  /** Everything that was sent, lost datagrams included. */
  readonly sent: Datagram[] = [];
  readonly random: RandomSource;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #peers: Peer[] = [];
  readonly #queue: { at: number; action: () => void }[] = [];

  constructor(seed = 1) {
    this.random = seededRandom(seed);
  }

  bind(address: SocketAddress, endpoint: Endpoint): void {
    this.#endpoints.set(formatSocketAddress(address), endpoint);
  }

  add(peer: Peer): void {
    this.#peers.push(peer);
  }

  send(packet: Uint8Array, from: SocketAddress, to: SocketAddress): void {
    const datagram = { at: this.now, from, to, packet: packet.slice() };
    this.sent.push(datagram);
    const isLost = this.loss > 0 && randomBetween(this.random, 0, 1) < this.loss;
    if (isLost || this.drops(datagram)) return;
    this.later(this.latencyMs, () => this.#endpoints.get(formatSocketAddress(to))?.(packet, from, this.now));
  }

  later(delayMs: number, action: () => void): void {
    const at = this.now + delayMs;
    let index = this.#queue.length;
    while (index > 0 && this.#queue[index - 1]!.at > at) index--;
    this.#queue.splice(index, 0, { at, action });
  }

  /** Runs until the virtual time `until`, or until nothing is left to happen. */
  run(until: number): void {
    for (;;) {
      const next = Math.min(this.#queue[0]?.at ?? Infinity, ...this.#peers.map(({ agent }) => agent.nextTimeout));
      if (next > until) break;
      this.now = Math.max(this.now, next);
      while (this.#queue[0] !== undefined && this.#queue[0].at <= this.now) this.#queue.shift()!.action();
      for (const { name, agent } of this.#peers) {
        if (agent.nextTimeout > this.now) continue;
        agent.handleTimeout(this.now);
        if (agent.nextTimeout <= this.now) {
          throw new Error(`${name}: nextTimeout ${agent.nextTimeout} is not after ${this.now}`);
        }
      }
    }
    this.now = Math.max(this.now, until);
  }

  /** Runs until `condition` holds; throws when it does not within `limitMs`. */
  runUntil(condition: () => boolean, limitMs = 60_000): void {
    const limit = this.now + limitMs;
    while (!condition()) {
      if (this.now >= limit) throw new Error(`not within ${limitMs} ms: ${condition}`);
      this.run(this.now + 1);
    }
  }

  /** A STUN server that answers Binding requests. */
  addStunServer(address: SocketAddress): void {
    this.bind(address, (packet, from) => {
      const request = parseStun(packet);
      if (request?.messageClass !== 'request') return;
      const response = new StunWriter('success', request.method, request.transactionId);
      this.send(response.xorAddress(STUN_ATTRIBUTE.xorMappedAddress, from).finish(), address, from);
    });
  }
}

export type PeerOptions = Partial<Omit<IceAgentOptions, 'crypto' | 'random'>> & { readonly nat?: Nat };

export class Peer {
  readonly name: string;
  readonly agent: IceAgent;
  readonly events: IceEvent[] = [];
  /** Datagrams that are not STUN and came over an authorized path. */
  readonly data: { at: number; text: string }[] = [];
  /** Datagrams that are not STUN and came over any other path. */
  unauthorized = 0;
  readonly simulation: Simulation;
  readonly #nat: Nat | undefined;
  readonly #sockets = new Map<number, SocketAddress>();
  readonly #mappings = new Map<string, SocketAddress>();
  readonly #sentTo = new Set<string>();
  #lastSocketId = 0;

  constructor(simulation: Simulation, name: string, { nat, ...options }: PeerOptions = {}) {
    this.name = name;
    this.simulation = simulation;
    this.#nat = nat;
    this.agent = new IceAgent(
      { controlling: false, ...options, crypto: nodeCrypto, random: simulation.random },
      {
        transmit: (packet, socketId, remote) => this.#send(packet, socketId, remote),
        event: (event) => this.events.push(event),
      },
    );
    simulation.add(this);
  }

  /** Binds a socket and gives it to the agent. @returns its id */
  addSocket(address: string, port = 5000, options: { mdnsName?: string; localPreference?: number } = {}): number {
    const socketId = this.bind(address, port);
    this.agent.addSocket({ type: 'host', socketId, address, port, ...options }, this.simulation.now);
    return socketId;
  }

  bind(address: string, port: number): number {
    const { simulation } = this;
    const socketId = ++this.#lastSocketId;
    const own = { address, port };
    this.#sockets.set(socketId, own);
    const receive: Endpoint = (packet, from) => this.#receive(packet, socketId, from);
    if (this.#nat === undefined) {
      simulation.bind(own, receive);
      return socketId;
    }
    const { publicAddress, filters = true } = this.#nat;
    const outer = { address: publicAddress, port: 40_000 + 100 * this.#mappings.size + (port % 100) };
    this.#mappings.set(formatSocketAddress(own), outer);
    simulation.bind(outer, (packet, from, now) => {
      if (!filters || this.#sentTo.has(`${socketId} ${formatSocketAddress(from)}`)) receive(packet, from, now);
    });
    return socketId;
  }

  gather(): void {
    this.agent.gather(this.simulation.now);
    this.agent.endOfLocalSockets(this.simulation.now);
  }

  /** Sends data on the selected pair. */
  sendData(text: string): void {
    const pair = this.agent.selectedPair;
    if (pair !== null) this.#send(new TextEncoder().encode(text), pair.socketId, pair.remoteAddress);
  }

  get states(): IceState[] {
    return this.events.flatMap((event) => (event.kind === 'state' ? [event.state] : []));
  }

  /** Our Binding requests and answers, in order. */
  get stunSent(): (Datagram & { readonly message: StunMessage })[] {
    const own = [...this.#sockets.values(), ...this.#mappings.values()].map(formatSocketAddress);
    return this.simulation.sent.flatMap((datagram) => {
      const message = own.includes(formatSocketAddress(datagram.from)) ? parseStun(datagram.packet) : null;
      return message === null ? [] : [{ ...datagram, message }];
    });
  }

  #send(packet: Uint8Array, socketId: number, to: SocketAddress): void {
    const from = this.#sockets.get(socketId);
    if (from === undefined) return;
    this.#sentTo.add(`${socketId} ${formatSocketAddress(to)}`);
    this.simulation.send(packet, this.#mappings.get(formatSocketAddress(from)) ?? from, to);
  }

  #receive(packet: Uint8Array, socketId: number, from: SocketAddress): void {
    const { now } = this.simulation;
    if (isStun(packet)) this.agent.handlePacket(packet, socketId, from, now);
    else if (!this.agent.isAuthorizedPath(socketId, from)) this.unauthorized++;
    else this.data.push({ at: now, text: new TextDecoder().decode(packet) });
  }
}

export type SignalOptions = { readonly delayMs?: number; readonly endOfCandidates?: boolean };

/** Tells each the other's credentials, and candidates as they come. */
export function signal(a: Peer, b: Peer, { delayMs = 5, endOfCandidates = true }: SignalOptions = {}): void {
  const { simulation } = a;
  const { now } = simulation;
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    to.agent.setRemoteLite(from.agent.lite);
    to.agent.setRemoteCredentials(from.agent.localCredentials, now);
    forward(from, to, delayMs, endOfCandidates);
  }
}

/** Trickles the candidates of `from` that are known and those to come to `to`. */
function forward(from: Peer, to: Peer, delayMs: number, endOfCandidates: boolean): void {
  const { simulation } = from;
  const generation = from.agent.localCredentials.usernameFragment;
  const tell = (event: IceEvent): void => {
    if (from.agent.localCredentials.usernameFragment !== generation) return;
    if (event.kind === 'candidate') {
      const { socketId: _, base, ...candidate } = event.candidate;
      const resolved = candidate.address.endsWith('.local') ? base.address : undefined;
      simulation.later(delayMs, () => to.agent.addRemoteCandidate(candidate, simulation.now, resolved));
    } else if (event.kind === 'gatheringState' && event.state === 'complete' && endOfCandidates) {
      simulation.later(delayMs, () => to.agent.endOfRemoteCandidates(simulation.now));
    }
  };
  for (const event of from.events.slice(Math.max(0, lastGathering(from.events)))) tell(event);
  const push = from.events.push.bind(from.events);
  from.events.push = (...events) => {
    for (const event of events) tell(event);
    return push(...events);
  };
}

function lastGathering(events: readonly IceEvent[]): number {
  return events.findLastIndex((event) => event.kind === 'gatheringState' && event.state === 'gathering');
}

/** Two agents, each with a socket, the first controlling, signalled to each other. */
export function connect(
  simulation: Simulation,
  left: PeerOptions = {},
  right: PeerOptions = {},
  options: SignalOptions = {},
): [Peer, Peer] {
  const a = new Peer(simulation, 'a', { controlling: true, ...left });
  const b = new Peer(simulation, 'b', right);
  a.addSocket('192.0.2.1');
  b.addSocket('198.51.100.1');
  a.gather();
  b.gather();
  signal(a, b, options);
  return [a, b];
}

export function isNomination(message: StunMessage): boolean {
  return findAttribute(message, STUN_ATTRIBUTE.useCandidate) !== undefined;
}

/** Fixed credentials for scripted peers. */
export const CREDENTIALS: IceCredentials = {
  usernameFragment: 'peer',
  password: 'a password of 22 chars'.replace(/ /g, '+'),
};

export function transcript(simulation: Simulation): string[] {
  return simulation.sent.map(({ at, from, to, packet }) =>
    [at, formatSocketAddress(from), formatSocketAddress(to), toHex(packet)].join(' '),
  );
}
