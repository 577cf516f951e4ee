/**
 * The TURN servers of one connection: an allocation on each, with a way to the server and a timer of its own, that ICE sees
 * as one more local socket, or as two where the server relays both families.
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import { addressFamily, formatSocketAddress, type SocketAddress } from '../ice/address.ts';
import type { RelaySocket } from '../ice/index.ts';
import type { Runtime, TimerHandle } from '../runtime/runtime.ts';
import { TURN_ERROR, TurnClient, type TurnClientEvent } from '../turn/index.ts';
import { openServerLink, type ServerLink, type ServerTransport } from './server-link.ts';

/** Bound: the application names the servers; each allocation costs a socket, a port there, and a pair per peer candidate. */
const MAX_RELAYS = 8;
/** RFC 8656 §7.4: on 437 "the client SHOULD try three different client transport addresses". A redirection counts as well. */
const MAX_ATTEMPTS = 3;
/** W3C webrtc §4.8.2: "If no host candidate can reach the server, errorCode will be set to the value 701". */
export const SERVER_UNREACHABLE = 701;

/**
 * RFC 8445 §5.1.2.1 leaves the local preference to us: of two relays the one that is reached over UDP is better, for what is
 * lost on the way to a server over TCP holds up everything behind it; and TLS costs more than TCP. Below what sockets get
 * by themselves (local-bases.ts), with room for each relay of a connection.
 */
const STREAM_PREFERENCE = { tcp: 24_575, tls: 16_383 } as const;
const PREFERENCE_STEP = 256;

/** A TURN server at an address; what else there is to say about it is the application's. */
export type RelayServer = SocketAddress & {
  readonly url: string;
  readonly transport: ServerTransport;
  /** As the URL names it: what a TLS server's certificate must be for. */
  readonly host: string;
  readonly username: string;
  readonly credential: string;
};

export type RelaysOutput = {
  /** A relayed address is there. */
  readonly opened: (socket: RelaySocket) => void;
  readonly receive: (packet: Uint8Array, socketId: number, remote: SocketAddress) => void;
  /** It is there no longer. */
  readonly ended: (socketId: number) => void;
  readonly failed: (socketId: number, url: string, errorCode: number, errorText: string) => void;
};

export type RelaysOptions = {
  readonly runtime: Runtime;
  readonly crypto: CryptoProvider;
  readonly nextSocketId: () => number;
  /** Of addresses to send from, where the application chose them; empty: the system chooses the way to the server. */
  readonly bindTo: () => readonly string[];
  readonly trustedCertificates: readonly string[] | undefined;
};

type Relay = {
  readonly server: RelayServer;
  /** What ICE calls the relayed address of each family. */
  readonly socketIds: Readonly<Record<4 | 6, number>>;
  readonly settled: () => void;
  /** Of the addresses that were opened. */
  readonly opened: Set<number>;
  /** Servers asked so far: redirections must not go round in circles. */
  readonly asked: Set<string>;
  link: ServerLink | null;
  client: TurnClient | null;
  timer: TimerHandle | null;
  attempts: number;
  isOver: boolean;
};

export class Relays {
  readonly #options: RelaysOptions;
  readonly #output: RelaysOutput;
  readonly #relays = new Set<Relay>();
  readonly #bySocketId = new Map<number, Relay>();
  /** Relayed addresses opened so far; the next one gets a lower preference. */
  #openings = 0;

  constructor(options: RelaysOptions, output: RelaysOutput) {
    this.#options = options;
    this.#output = output;
  }

  /** Ends the allocations on other servers than these, and asks those for one that have none. Resolves when all answered. */
  async use(servers: readonly RelayServer[]): Promise<void> {
    const wanted = new Map(servers.slice(0, MAX_RELAYS).map((server) => [keyOf(server), server]));
    for (const relay of this.#relays) {
      if (!wanted.delete(keyOf(relay.server))) this.#end(relay);
    }
    const openings = [...wanted.values()].map(
      (server) =>
        new Promise<void>((settled) => {
          const { nextSocketId } = this.#options;
          const relay: Relay = {
            server,
            socketIds: { 4: nextSocketId(), 6: nextSocketId() },
            settled,
            opened: new Set(),
            asked: new Set(),
            link: null,
            client: null,
            timer: null,
            attempts: 0,
            isOver: false,
          };
          this.#relays.add(relay);
          for (const socketId of Object.values(relay.socketIds)) this.#bySocketId.set(socketId, relay);
          this.#attempt(relay, server, server.host);
        }),
    );
    await Promise.all(openings);
  }

  /** Waits no longer for servers that have not answered. */
  giveUp(): void {
    for (const relay of this.#relays) {
      if (relay.opened.size === 0) this.#fail(relay, SERVER_UNREACHABLE, 'The TURN server did not answer.');
    }
  }

  /** @returns whether `socketId` is one of ours */
  send(packet: Uint8Array, socketId: number, remote: SocketAddress): boolean {
    const relay = this.#bySocketId.get(socketId);
    if (relay === undefined) return false;
    this.#run(relay, (client, now) => client.send(packet, remote, now));
    return true;
  }

  /** Gives every relayed address back and frees every socket and timer. Nothing is told any more. */
  close(): void {
    for (const relay of this.#relays) this.#end(relay, false);
  }

  /** Asks that server, which is the one named or one it sent us to. */
  #attempt(relay: Relay, server: SocketAddress, serverName: string): void {
    const { runtime, crypto, bindTo, trustedCertificates } = this.#options;
    const { username, credential: password, transport } = relay.server;
    relay.attempts++;
    relay.asked.add(formatSocketAddress(server));
    this.#release(relay);
    const client = new TurnClient(
      { crypto, random: runtime.random, username, password, transport, family: 'both' },
      {
        transmit: (packet) => link.send(packet),
        event: (event) => this.#handle(relay, server, serverName, event),
      },
    );
    const run = (call: (client: TurnClient, now: number) => void): void => {
      if (relay.client === client) this.#run(relay, call);
    };
    const link: ServerLink = openServerLink(
      { runtime, transport, server, serverName, trustedCertificates, bindTo: bindTo() },
      {
        opened: () => run((it, now) => it.start(now)),
        received: (packet) => run((it, now) => it.handlePacket(packet, now)),
        lost: (text) => {
          if (relay.client === client) this.#fail(relay, SERVER_UNREACHABLE, text);
        },
      },
    );
    relay.client = client;
    relay.link = link;
  }

  #handle(relay: Relay, server: SocketAddress, serverName: string, event: TurnClientEvent): void {
    switch (event.kind) {
      case 'allocated':
        this.#open(relay, event.relayed, event.mapped);
        if (event.alsoRelayed !== undefined) this.#open(relay, event.alsoRelayed, event.mapped);
        relay.settled();
        break;
      case 'data': {
        const family = addressFamily(event.peer.address);
        if (family !== 0) this.#output.receive(event.packet, relay.socketIds[family], event.peer);
        break;
      }
      case 'failed': {
        const { code, alternateServer, alternateDomain, text } = event;
        const isFirst = relay.opened.size === 0 && relay.attempts < MAX_ATTEMPTS;
        // RFC 8489 §10: in our family, and not one that was asked already.
        const isReachable = addressFamily(alternateServer?.address ?? '') === addressFamily(server.address);
        if (isFirst && alternateServer && isReachable && !relay.asked.has(formatSocketAddress(alternateServer))) {
          this.#attempt(relay, alternateServer, alternateDomain ?? serverName);
        } else if (isFirst && code === TURN_ERROR.allocationMismatch) {
          this.#attempt(relay, server, serverName); // from another port
        } else {
          const isAnswer = code !== TURN_ERROR.timedOut && code !== 0;
          this.#fail(relay, isAnswer ? code : SERVER_UNREACHABLE, text);
        }
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

  /** Gives ICE a relayed address. */
  #open(relay: Relay, relayed: SocketAddress, mapped: SocketAddress): void {
    const family = addressFamily(relayed.address);
    if (family === 0) return;
    const { transport, url } = relay.server;
    const socketId = relay.socketIds[family];
    relay.opened.add(socketId);
    const place = this.#openings++;
    this.#output.opened({
      type: 'relay',
      socketId,
      ...relayed,
      relatedAddress: mapped.address,
      relatedPort: mapped.port,
      relayProtocol: transport,
      url,
      ...(transport !== 'udp' && {
        localPreference: Math.max(0, STREAM_PREFERENCE[transport] - PREFERENCE_STEP * place),
      }),
    });
  }

  #fail(relay: Relay, errorCode: number, errorText: string): void {
    if (relay.isOver) return;
    if (relay.opened.size === 0) this.#output.failed(relay.socketIds[4], relay.server.url, errorCode, errorText);
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
    this.#relays.delete(relay);
    for (const socketId of Object.values(relay.socketIds)) this.#bySocketId.delete(socketId);
    relay.client?.close(this.#options.runtime.now()); // one request; if that is lost, the allocation runs out
    this.#release(relay);
    relay.settled();
    if (isTold) for (const socketId of relay.opened) this.#output.ended(socketId);
  }

  #release(relay: Relay): void {
    if (relay.timer !== null) this.#options.runtime.clearTimer(relay.timer);
    relay.timer = null;
    relay.client = null;
    relay.link?.close();
    relay.link = null;
  }
}

/** What makes two entries of a configuration one allocation. */
function keyOf({ transport, host, address, port, username, credential }: RelayServer): string {
  return [transport, host, formatSocketAddress({ address, port }), username, credential].join('\0');
}
