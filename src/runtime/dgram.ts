/**
 * UDP over `node:dgram`, for Node and Deno. What is tuned here, and why, is measured by bench/udp.ts: no DNS lookup per
 * send (IP literals pass through a synchronous `lookup`), no closure per packet, and one remote object for as long as
 * one sender goes on sending.
 */
import type { RemoteInfo, Socket } from 'node:dgram';
import { addressFamily, type SocketAddress } from '../ice/address.ts';
import type { RandomSource } from '../machine.ts';
import { builtin } from './builtin.ts';
import { candidatePorts, checkBindOptions, isPortTaken } from './ports.ts';
import type { UdpOptions, UdpSocket, UdpStats } from './runtime.ts';

/** Room for about 1,700 full datagrams while the process is busy elsewhere. */
export const RECEIVE_BUFFER_BYTES: number = 2 * 1024 * 1024;
/** Less: what waits here only grows old. */
export const SEND_BUFFER_BYTES: number = 512 * 1024;
/** Below so many datagrams without a word from the system, nobody looks whether they pile up. */
const EASY_PENDING = 1024;
/**
 * Bounds on what the system has not taken and the runtime keeps: bytes where it tells (Node), else datagrams. Past them,
 * datagrams are dropped and counted, as by a full router: SCTP and congestion control above are made for that.
 */
const MAX_QUEUED_BYTES = 1024 * 1024;
const MAX_PENDING = 4096;

/** What differs between runtimes that have `node:dgram`. */
export type DgramTuning = {
  /** What a bound socket needs before it is used: buffer sizes above all. May fail without harm. */
  readonly prepare: (socket: Socket, receiveBufferBytes: number) => void | Promise<void>;
};

export async function bindDgram(options: UdpOptions, random: RandomSource, tuning: DgramTuning): Promise<UdpSocket> {
  checkBindOptions(options);
  let failure: unknown;
  for (const port of candidatePorts(options, random)) {
    try {
      const socket = await open(options, port);
      try {
        await tuning.prepare(socket, options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES);
      } catch {
        // The system's own sizes serve too.
      }
      return new DgramSocket(socket, options);
    } catch (error) {
      failure = error;
      if (!isPortTaken(error)) break;
    }
  }
  throw failure;
}

/** A bound `node:dgram` socket. */
export function open({ address, reuse }: Pick<UdpOptions, 'address' | 'reuse'>, port: number): Promise<Socket> {
  const isIpv6 = addressFamily(withoutZone(address)) === 6;
  const socket = builtin('node:dgram').createSocket({
    type: isIpv6 ? 'udp6' : 'udp4',
    ipv6Only: isIpv6,
    reuseAddr: reuse ?? false,
    // Called for every send. By default it is dns.lookup, which answers a turn later even for an IP literal.
    lookup: (literal, _options, callback) => callback(null, literal, isIpv6 ? 6 : 4),
  });
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    // exclusive: workers of a cluster must not be given each other's packets.
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

class DgramSocket implements UdpSocket {
  readonly localAddress: SocketAddress;
  readonly stats: UdpStats = { packetsSent: 0, bytesSent: 0, packetsReceived: 0, bytesReceived: 0, sendErrors: 0 };
  readonly #socket: Socket;
  readonly #onPacket: UdpOptions['onPacket'];
  /** One callback for all packets, told by the system of each: sends and refusals are counted here. */
  readonly #onSent = (error: Error | null, bytes: number): void => {
    this.#pending--;
    if (error) {
      this.stats.sendErrors++;
    } else {
      this.stats.packetsSent++;
      this.stats.bytesSent += bytes;
    }
  };
  #lastRemote: SocketAddress = { address: '', port: 0 };
  #pending = 0;
  #isOpen = true;

  constructor(socket: Socket, { onPacket, onError }: UdpOptions) {
    const { address, port } = socket.address();
    this.localAddress = { address: withoutZone(address), port };
    this.#socket = socket;
    this.#onPacket = onPacket;
    socket.on('message', (packet, remote) => this.#receive(packet, remote));
    socket.on('error', (error) => {
      if (this.#isOpen) onError?.(error);
    });
  }

  send(packet: Uint8Array, { address, port }: SocketAddress): void {
    if (!this.#isOpen || !this.#hasRoom()) {
      this.stats.sendErrors++;
      return;
    }
    try {
      this.#socket.send(packet, port, address, this.#onSent);
      this.#pending++;
    } catch {
      this.stats.sendErrors++; // an address of the wrong kind, a port of 0
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#socket.close();
  }

  #receive(packet: Uint8Array, from: RemoteInfo): void {
    if (!this.#isOpen) return;
    this.stats.packetsReceived++;
    this.stats.bytesReceived += packet.length;
    let remote = this.#lastRemote;
    if (remote.port !== from.port || remote.address !== from.address) {
      remote = { address: from.address, port: from.port };
      this.#lastRemote = remote;
    }
    // Not a Buffer: its slice() shares memory where Uint8Array's copies, and one class keeps the parsers monomorphic.
    this.#onPacket(new Uint8Array(packet.buffer, packet.byteOffset, packet.length), remote);
  }

  #hasRoom(): boolean {
    if (this.#pending < EASY_PENDING) return true;
    // Node answers for this turn's sends only later, so that many pending ones may have left long ago.
    const queuedBytes = this.#socket.getSendQueueSize?.();
    return queuedBytes === undefined ? this.#pending < MAX_PENDING : queuedBytes <= MAX_QUEUED_BYTES;
  }
}

/** `fe80::1%eth0` → `fe80::1` */
function withoutZone(address: string): string {
  const percent = address.indexOf('%');
  return percent < 0 ? address : address.slice(0, percent);
}
