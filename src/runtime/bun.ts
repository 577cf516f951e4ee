/**
 * The runtime on Bun. `Bun.udpSocket` can hand the system many datagrams in one call, which is a third cheaper a
 * datagram; what a turn sends is collected and goes out in its microtask.
 */
import { defaultCrypto } from '../crypto/default.ts';
import { addressFamily, type SocketAddress } from '../ice/address.ts';
import { builtin } from './builtin.ts';
import { clearTimer, now, queueTurn, setTimer } from './clock.ts';
import { RECEIVE_BUFFER_BYTES } from './dgram.ts';
import { lookup } from './dns.ts';
import { listInterfaces } from './interfaces.ts';
import { openMdns } from './multicast.ts';
import { connectTcp, listenTcp } from './net.ts';
import { candidatePorts, checkBindOptions, isPortTaken } from './ports.ts';
import type { Runtime, UdpOptions, UdpSocket, UdpStats } from './runtime.ts';

/** Datagrams in one call to the system. */
const MAX_BATCH = 64;
/** Bound on datagrams that wait for the system; past it they are dropped and counted. About 1 MB of full ones. */
const MAX_QUEUED_DATAGRAMS = 1024;

/** What we use of Bun's own API (bun.com/docs/runtime/networking/udp), whose types we do not depend on. */
type BunSocket = {
  readonly hostname: string;
  readonly port: number;
  send(packet: Uint8Array, port: number, address: string): boolean;
  sendMany(triples: readonly (Uint8Array | number | string)[]): number;
  close(): void;
};
type BunSocketOptions = {
  hostname: string;
  port: number;
  binaryType: 'uint8array';
  flags: number;
  socket: {
    data(socket: BunSocket, packet: Uint8Array, port: number, address: string): void;
    drain(socket: BunSocket): void;
    error(socket: BunSocket, error: Error): void;
  };
};
declare const Bun: { udpSocket(options: BunSocketOptions): Promise<BunSocket> };

/** The flags that Bun's own `node:dgram` passes. */
const REUSE_PORT = 4;
const IPV6_ONLY = 8;

export const bunRuntime: Runtime = {
  name: 'bun',
  now,
  setTimer,
  clearTimer,
  queueTurn,
  lookup,
  networkInterfaces: () => listInterfaces(true),
  bindUdp,
  connectTcp,
  listenTcp: (options) => listenTcp(options, defaultCrypto().random),
  openMulticast: async (options) => openMdns(options, listInterfaces(true)),
  get random() {
    return defaultCrypto().random;
  },
  get crypto() {
    return defaultCrypto();
  },
};

async function bindUdp(options: UdpOptions): Promise<UdpSocket> {
  checkBindOptions(options);
  let failure: unknown;
  for (const port of candidatePorts(options, defaultCrypto().random)) {
    try {
      return await BunUdpSocket.bind(options, port);
    } catch (error) {
      failure = error;
      if (!isPortTaken(error)) break;
    }
  }
  throw failure;
}

/**
 * The system's own receive buffer, 208 KiB on Linux, holds some 90 full datagrams: a process that is kept from running for
 * a few ms loses the rest. `Bun.udpSocket` has no way to ask for more, but Bun's `node:dgram` is made of the same sockets:
 * its setter is lent ours. Where that fails, in another version, the system's size has to do.
 */
function setReceiveBuffer(socket: BunSocket, bytes: number): void {
  try {
    const lender = builtin('node:dgram').createSocket('udp4');
    const fields = lender as unknown as Record<symbol, { readonly handle?: unknown } | undefined>;
    const state = Object.getOwnPropertySymbols(lender).find((key) => fields[key]?.handle !== undefined);
    if (state !== undefined) lender.setRecvBufferSize.call({ [state]: { handle: { socket } } }, bytes);
    lender.close();
  } catch {
    // Nothing was changed.
  }
}

/** `sendMany` takes packet, port, address, packet, port, address … */
const FIELDS = 3;

class BunUdpSocket implements UdpSocket {
  readonly stats: UdpStats = { packetsSent: 0, bytesSent: 0, packetsReceived: 0, bytesReceived: 0, sendErrors: 0 };
  readonly localAddress: SocketAddress;
  readonly #socket: BunSocket;
  readonly #onPacket: UdpOptions['onPacket'];
  readonly #onError: UdpOptions['onError'];
  #isOpen = true;
  #lastRemote: SocketAddress = { address: '', port: 0 };
  readonly #queue: (Uint8Array | number | string)[] = [];
  /** A flush is on its way, or the system is full and `drain` will come. */
  #isWaiting = false;

  static async bind(options: UdpOptions, port: number): Promise<BunUdpSocket> {
    let bound: BunUdpSocket | undefined;
    const socket = await Bun.udpSocket({
      hostname: options.address,
      port,
      binaryType: 'uint8array',
      flags: (options.reuse ? REUSE_PORT : 0) | (addressFamily(options.address) === 6 ? IPV6_ONLY : 0),
      socket: {
        data(_socket, packet, port, address) {
          if (bound !== undefined) bound.#receive(packet, port, address);
        },
        drain() {
          if (bound !== undefined) bound.#flush();
        },
        error(_socket, error) {
          if (bound !== undefined) bound.#fail(error);
        },
      },
    });
    setReceiveBuffer(socket, options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES);
    bound = new BunUdpSocket(socket, options);
    return bound;
  }

  constructor(socket: BunSocket, { onPacket, onError }: UdpOptions) {
    this.#socket = socket;
    this.localAddress = { address: socket.hostname, port: socket.port };
    this.#onPacket = onPacket;
    this.#onError = onError;
  }

  send(packet: Uint8Array, { address, port }: SocketAddress): void {
    // Bun would take port 0 for a good one, and 65,536 for 0.
    const isSendable = this.#isOpen && port >= 1 && port <= 65_535;
    if (!isSendable || this.#queue.length >= FIELDS * MAX_QUEUED_DATAGRAMS) {
      this.stats.sendErrors++;
      return;
    }
    this.#queue.push(packet, port, address);
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    queueMicrotask(this.#flush);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#flush();
    this.#isOpen = false;
    this.#socket.close();
  }

  /** Hands the queue over until it is empty or the system is full. */
  readonly #flush = (): void => {
    if (!this.#isOpen) return;
    this.#isWaiting = false;
    const queue = this.#queue;
    let at = 0;
    while (at < queue.length) {
      const isWhole = at === 0 && queue.length <= FIELDS * MAX_BATCH;
      const batch = isWhole ? queue : queue.slice(at, at + FIELDS * MAX_BATCH);
      const sent = this.#sendBatch(batch);
      at += FIELDS * sent;
      if (FIELDS * sent === batch.length) continue;
      if (!this.#sendOne(at)) {
        this.#isWaiting = true;
        break;
      }
      at += FIELDS;
    }
    queue.splice(0, at);
  };

  #sendBatch(batch: (Uint8Array | number | string)[]): number {
    let sent: number;
    try {
      sent = this.#socket.sendMany(batch);
    } catch {
      return 0; // the first one was refused
    }
    for (let i = 0; i < FIELDS * sent; i += FIELDS) this.#count(batch[i] as Uint8Array);
    return sent;
  }

  /**
   * The datagram at which a batch stopped: it is done with, sent or refused, unless the system is full, which is when
   * the answer is false.
   */
  #sendOne(at: number): boolean {
    const packet = this.#queue[at] as Uint8Array;
    try {
      if (!this.#socket.send(packet, this.#queue[at + 1] as number, this.#queue[at + 2] as string)) return false;
      this.#count(packet);
    } catch {
      this.stats.sendErrors++;
    }
    return true;
  }

  #count(packet: Uint8Array): void {
    this.stats.packetsSent++;
    this.stats.bytesSent += packet.length;
  }

  #receive(packet: Uint8Array, port: number, address: string): void {
    if (!this.#isOpen) return;
    this.stats.packetsReceived++;
    this.stats.bytesReceived += packet.length;
    let remote = this.#lastRemote;
    if (remote.port !== port || remote.address !== address) {
      remote = { address, port };
      this.#lastRemote = remote;
    }
    this.#onPacket(packet, remote);
  }

  #fail(error: Error): void {
    if (this.#isOpen) this.#onError?.(error);
  }
}
