/**
 * A TURN server, its clients and their peers over a network of a few lines: latency, loss and rules as data, a virtual clock,
 * everything from one seed.
 */
import { nodeCrypto } from '../../src/crypto/node.ts';
import { type RandomSource, randomBetween } from '../../src/machine.ts';
import { formatSocketAddress, type SocketAddress } from '../../src/stun/index.ts';
import {
  type RelayRequest,
  StreamFramer,
  TurnClient,
  type TurnClientEvent,
  type TurnClientOptions,
  type TurnFlow,
  TurnServer,
  type TurnServerEvent,
  type TurnServerOptions,
} from '../../src/turn/index.ts';
import { seededRandom } from '../crypto/seeded-random.ts';

export const USERS: Record<string, string> = { alice: 'wonderland', bob: 'builder' };
export const RELAY_ADDRESSES = { 4: '203.0.113.1', 6: '2001:db8::1' } as const;
export const PEER: SocketAddress = { address: '198.51.100.7', port: 5000 };

export type Received = { readonly packet: Uint8Array; readonly from: SocketAddress };

export class World {
  now = 1000;
  latencyMs = 10;
  loss = 0;
  /** Besides `loss`: whether a packet between client and server is lost. */
  drops: (packet: Uint8Array, direction: 'up' | 'down') => boolean = () => false;
  /** Whether a relay opens: at once, later by the test, or not at all. */
  opens: (request: RelayRequest) => 'now' | 'later' | 'never' = () => 'now';
  readonly random: RandomSource;
  readonly server: TurnServer;
  readonly serverEvents: TurnServerEvent[] = [];
  readonly opened: RelayRequest[] = [];
  readonly closed: number[] = [];
  /** What the server answered, by flow. */
  readonly answers: { readonly packet: Uint8Array; readonly flow: TurnFlow }[] = [];
  /** What peers got. */
  readonly received: (Received & { readonly to: SocketAddress })[] = [];
  readonly relayed: Map<number, SocketAddress> = new Map();
  readonly clients: Client[] = [];
  readonly #queue: { at: number; action: () => void }[] = [];

  constructor(options: Partial<TurnServerOptions> = {}, seed = 1) {
    this.random = seededRandom(seed);
    this.server = new TurnServer(
      {
        crypto: nodeCrypto,
        random: this.random,
        realm: 'example.org',
        credentials: (username) => (username in USERS ? { password: USERS[username]! } : null),
        ...options,
      },
      {
        transmit: (packet, flow) => {
          this.answers.push({ packet: packet.slice(), flow });
          const client = this.clients.find(({ flow: { id } }) => id === flow.id);
          if (client !== undefined)
            this.#carry(packet, 'down', client, () => client.machine.handlePacket(packet, this.now));
        },
        openRelay: (request) => {
          this.opened.push(request);
          const fate = this.opens(request);
          if (fate === 'now') this.open(request);
          else if (fate === 'never') this.server.relayFailed(request.relayId, this.now);
        },
        closeRelay: (relayId) => {
          this.closed.push(relayId);
          this.relayed.delete(relayId);
        },
        relay: (packet, relayId, peer) => {
          const from = this.relayed.get(relayId)!;
          const copy = packet.slice();
          this.later(this.latencyMs, () => this.#arrive(copy, from, peer));
        },
        event: (event) => this.serverEvents.push(event),
      },
    );
  }

  open({ relayId, family }: RelayRequest): void {
    const address = { address: RELAY_ADDRESSES[family], port: 50_000 + relayId };
    this.relayed.set(relayId, address);
    this.server.relayOpened(relayId, address, this.now);
  }

  /** A datagram of a peer to a relayed address. */
  fromPeer(packet: Uint8Array, to: SocketAddress, from: SocketAddress = PEER): void {
    this.later(this.latencyMs, () => this.#arrive(packet, from, to));
  }

  later(delayMs: number, action: () => void): void {
    const at = this.now + delayMs;
    let index = this.#queue.length;
    while (index > 0 && this.#queue[index - 1]!.at > at) index--;
    this.#queue.splice(index, 0, { at, action });
  }

  /** Runs the clock on for that long. */
  run(durationMs: number): void {
    const end = this.now + durationMs;
    for (let steps = 0; ; steps++) {
      if (steps > 200_000) throw new Error('the clock does not move on: a machine is due again and again');
      const machines = [this.server, ...this.clients.map(({ machine }) => machine)];
      const next = Math.min(this.#queue[0]?.at ?? Infinity, ...machines.map(({ nextTimeout }) => nextTimeout));
      if (next > end) break;
      this.now = Math.max(this.now, next);
      while (this.#queue.length > 0 && this.#queue[0]!.at <= this.now) this.#queue.shift()!.action();
      for (const machine of machines) if (machine.nextTimeout <= this.now) machine.handleTimeout(this.now);
    }
    this.now = end;
  }

  /** To the server, as if from the client's address. */
  toServer(packet: Uint8Array, flow: TurnFlow): void {
    this.server.handlePacket(packet, flow, this.now);
  }

  up(packet: Uint8Array, client: Client): void {
    this.#carry(packet, 'up', client, () => client.deliver(packet));
  }

  #carry(packet: Uint8Array, direction: 'up' | 'down', client: Client, arrive: () => void): void {
    const isLossy = client.flow.transport === 'udp';
    if (isLossy && (this.drops(packet, direction) || randomBetween(this.random, 0, 1) < this.loss)) return;
    this.later(this.latencyMs, arrive);
  }

  #arrive(packet: Uint8Array, from: SocketAddress, to: SocketAddress): void {
    for (const [relayId, address] of this.relayed) {
      if (formatSocketAddress(address) !== formatSocketAddress(to)) continue;
      this.server.handleRelayPacket(packet, relayId, from, this.now);
      return;
    }
    this.received.push({ packet, from, to });
  }
}

let lastPort = 6000;

export class Client {
  readonly machine: TurnClient;
  readonly flow: TurnFlow;
  readonly events: TurnClientEvent[] = [];
  /** Everything it sent. */
  readonly sent: Uint8Array[] = [];
  readonly #world: World;
  readonly #framer: StreamFramer = new StreamFramer();

  constructor(world: World, options: Partial<TurnClientOptions> = {}) {
    this.#world = world;
    const remote = { address: '192.0.2.33', port: ++lastPort };
    const transport = options.transport ?? 'udp';
    this.flow = { id: `${transport} ${formatSocketAddress(remote)}`, transport, remote };
    this.machine = new TurnClient(
      { crypto: nodeCrypto, random: world.random, username: 'alice', password: USERS['alice']!, ...options },
      {
        transmit: (packet) => {
          this.sent.push(packet.slice());
          world.up(packet, this);
        },
        event: (event) => this.events.push(event),
      },
    );
    world.clients.push(this);
  }

  deliver(packet: Uint8Array): void {
    if (this.flow.transport === 'udp') this.#world.toServer(packet, this.flow);
    else this.#framer.push(packet, (message) => this.#world.toServer(message, this.flow));
  }

  start(): this {
    this.machine.start(this.#world.now);
    return this;
  }

  /** Started and, after a while, allocated. */
  allocate(): this {
    this.start();
    this.#world.run(1000);
    if (this.machine.state !== 'allocated') throw new Error(`not allocated: ${JSON.stringify(this.events)}`);
    return this;
  }

  send(text: string, peer: SocketAddress = PEER): boolean {
    return this.machine.send(new TextEncoder().encode(text), peer, this.#world.now);
  }

  get data(): string[] {
    return this.events.flatMap((event) => (event.kind === 'data' ? [new TextDecoder().decode(event.packet)] : []));
  }

  get failure(): Extract<TurnClientEvent, { kind: 'failed' }> | undefined {
    return this.events.find((event) => event.kind === 'failed');
  }
}

export function text({ packet }: { readonly packet: Uint8Array }): string {
  return new TextDecoder().decode(packet);
}
