/**
 * The TURN servers of one connection: an allocation on each, with a socket and a timer of its own, that ICE sees as one more
 * local socket. Over UDP; servers that are to be reached over TCP or TLS are left out.
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import { addressFamily, formatSocketAddress, isLoopback, type SocketAddress } from '../ice/address.ts';
import type { RelaySocket } from '../ice/index.ts';
import type { Runtime, TimerHandle, UdpSocket } from '../runtime/runtime.ts';
import { TURN_ERROR, TurnClient, type TurnClientEvent } from '../turn/index.ts';

/** Bound: the application names the servers; each allocation costs a socket, a port there, and a pair per peer candidate. */
const MAX_RELAYS = 8;
/** RFC 8656 §7.4: on 437 "the client SHOULD try three different client transport addresses". A redirection counts as well. */
const MAX_ATTEMPTS = 3;
/** W3C webrtc §4.8.2: "If no host candidate can reach the server, errorCode will be set to the value 701". */
const SERVER_UNREACHABLE = 701;

/** A TURN server at an address; what else there is to say about it is the application's. */
export type RelayServer = SocketAddress & {
  readonly url: string;
  readonly username: string;
  readonly credential: string;
};

export type RelaysOutput = {
  /** A relayed address is there. */
  readonly opened: (socket: RelaySocket) => void;
  readonly receive: (packet: Uint8Array, socketId: number, remote: SocketAddress) => void;
  /** It is there no longer, or was never to be had. `wasOpen` tells which. */
  readonly ended: (socketId: number, wasOpen: boolean) => void;
  readonly failed: (socketId: number, url: string, errorCode: number, errorText: string) => void;
};

export type RelaysOptions = {
  readonly runtime: Runtime;
  readonly crypto: CryptoProvider;
  readonly nextSocketId: () => number;
  /** Of addresses to send from, where the application chose them; empty: the system chooses the way to the server. */
  readonly bindTo: () => readonly string[];
};

type Relay = {
  readonly server: RelayServer;
  readonly socketId: number;
  readonly settled: () => void;
  socket: UdpSocket | null;
  client: TurnClient | null;
  timer: TimerHandle | null;
  attempts: number;
  isOpen: boolean;
  isOver: boolean;
};

export class Relays {
  readonly #options: RelaysOptions;
  readonly #output: RelaysOutput;
  readonly #relays = new Map<number, Relay>();

  constructor(options: RelaysOptions, output: RelaysOutput) {
    this.#options = options;
    this.#output = output;
  }

  /** Ends the allocations on other servers than these, and asks those for one that have none. Resolves when all answered. */
  async use(servers: readonly RelayServer[]): Promise<void> {
    const wanted = new Map(servers.slice(0, MAX_RELAYS).map((server) => [keyOf(server), server]));
    for (const relay of this.#relays.values()) {
      if (!wanted.delete(keyOf(relay.server))) this.#end(relay);
    }
    const openings = [...wanted.values()].map(
      (server) =>
        new Promise<void>((settled) => {
          const socketId = this.#options.nextSocketId();
          const relay: Relay = {
            server,
            socketId,
            settled,
            socket: null,
            client: null,
            timer: null,
            attempts: 0,
            isOpen: false,
            isOver: false,
          };
          this.#relays.set(socketId, relay);
          void this.#attempt(relay, server);
        }),
    );
    await Promise.all(openings);
  }

  /** Waits no longer for servers that have not answered. */
  giveUp(): void {
    for (const relay of this.#relays.values()) {
      if (!relay.isOpen) this.#fail(relay, SERVER_UNREACHABLE, 'The TURN server did not answer.');
    }
  }

  /** @returns whether `socketId` is one of ours */
  send(packet: Uint8Array, socketId: number, remote: SocketAddress): boolean {
    const relay = this.#relays.get(socketId);
    if (relay === undefined) return false;
    this.#run(relay, (client, now) => client.send(packet, remote, now));
    return true;
  }

  /** Gives every relayed address back and frees every socket and timer. Nothing is told any more. */
  close(): void {
    for (const relay of this.#relays.values()) this.#end(relay, false);
  }

  async #attempt(relay: Relay, server: SocketAddress): Promise<void> {
    const { runtime, crypto } = this.#options;
    relay.attempts++;
    this.#release(relay);
    const address = this.#sourceFor(server);
    let socket: UdpSocket;
    try {
      socket = await runtime.bindUdp({
        address,
        onPacket: (packet, remote) => {
          if (relay.socket !== socket || formatSocketAddress(remote) !== formatSocketAddress(server)) return;
          this.#run(relay, (client, now) => client.handlePacket(packet, now));
        },
        onError: () => this.#fail(relay, SERVER_UNREACHABLE, 'The socket towards the TURN server broke.'),
      });
    } catch {
      this.#fail(relay, SERVER_UNREACHABLE, `No socket could be bound to ${address}.`);
      return;
    }
    if (relay.isOver) {
      socket.close();
      return;
    }
    const { username, credential: password } = relay.server;
    relay.socket = socket;
    relay.client = new TurnClient(
      { crypto, random: runtime.random, username, password },
      { transmit: (packet) => socket.send(packet, server), event: (event) => this.#handle(relay, server, event) },
    );
    this.#run(relay, (client, now) => client.start(now));
  }

  #sourceFor(server: SocketAddress): string {
    const family = addressFamily(server.address);
    const candidates = this.#options.bindTo().filter((address) => addressFamily(address) === family);
    const fitting = candidates.find((address) => isLoopback(address) === isLoopback(server.address)) ?? candidates[0];
    return fitting ?? (family === 6 ? '::' : '0.0.0.0');
  }

  #handle(relay: Relay, server: SocketAddress, event: TurnClientEvent): void {
    switch (event.kind) {
      case 'allocated':
        relay.isOpen = true;
        this.#output.opened({
          type: 'relay',
          socketId: relay.socketId,
          address: event.relayed.address,
          port: event.relayed.port,
          relatedAddress: event.mapped.address,
          relatedPort: event.mapped.port,
          relayProtocol: 'udp',
          url: relay.server.url,
        });
        relay.settled();
        break;
      case 'data':
        this.#output.receive(event.packet, relay.socketId, event.peer);
        break;
      case 'failed': {
        const next = event.alternateServer ?? (event.code === TURN_ERROR.allocationMismatch ? server : null);
        const isReachable = next !== null && addressFamily(next.address) === addressFamily(server.address);
        if (!relay.isOpen && isReachable && relay.attempts < MAX_ATTEMPTS) {
          void this.#attempt(relay, next);
          break;
        }
        const isAnswer = event.code !== TURN_ERROR.timedOut && event.code !== 0;
        this.#fail(relay, isAnswer ? event.code : SERVER_UNREACHABLE, event.text);
        break;
      }
      case 'peerRefused': // its pair fails for want of answers
      case 'peerUnreachable': // nobody proved it
      case 'closed':
        break;
      default:
        event satisfies never;
    }
  }

  #fail(relay: Relay, errorCode: number, errorText: string): void {
    if (relay.isOver) return;
    if (!relay.isOpen) this.#output.failed(relay.socketId, relay.server.url, errorCode, errorText);
    this.#end(relay);
  }

  /** Calls into the client and sees to its timer. */
  #run(relay: Relay, call: (client: TurnClient, now: number) => void): void {
    const { runtime } = this.#options;
    const { client } = relay;
    if (client === null || relay.isOver) return;
    call(client, runtime.now());
    if (relay.isOver || relay.client !== client) return;
    if (relay.timer !== null) runtime.clearTimer(relay.timer);
    relay.timer = null;
    const { nextTimeout } = client;
    if (nextTimeout === Infinity) return;
    relay.timer = runtime.setTimer(nextTimeout - runtime.now(), () => {
      relay.timer = null;
      this.#run(relay, (due, now) => due.handleTimeout(now));
    });
  }

  #end(relay: Relay, isTold = true): void {
    if (relay.isOver) return;
    relay.isOver = true;
    this.#relays.delete(relay.socketId);
    relay.client?.close(this.#options.runtime.now()); // one datagram; if that is lost, the allocation runs out
    this.#release(relay);
    relay.settled();
    if (isTold) this.#output.ended(relay.socketId, relay.isOpen);
  }

  #release(relay: Relay): void {
    if (relay.timer !== null) this.#options.runtime.clearTimer(relay.timer);
    relay.timer = null;
    relay.client = null;
    relay.socket?.close();
    relay.socket = null;
  }
}

/** What makes two entries of a configuration one allocation. */
function keyOf({ address, port, username, credential }: RelayServer): string {
  return [formatSocketAddress({ address, port }), username, credential].join('\0');
}
