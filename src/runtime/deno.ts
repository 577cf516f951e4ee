/**
 * The runtime on Deno, over its `node:dgram`: `Deno.listenDatagram` wants `--unstable-net` and is no faster once a
 * socket is prepared as here. Permissions needed: `--allow-net`, and `--allow-sys=networkInterfaces` for candidates.
 */
import type { Socket } from 'node:dgram';
import { defaultCrypto } from '../crypto/default.ts';
import { isUnspecified } from '../ice/address.ts';
import { clearTimer, now, queueTurn, setTimer } from './clock.ts';
import { bindDgram, type DgramTuning } from './dgram.ts';
import { lookup } from './dns.ts';
import { listInterfaces } from './interfaces.ts';
import { openMdns } from './multicast.ts';
import { connectTcp, listenTcp } from './net.ts';
import type { Runtime } from './runtime.ts';

/**
 * On Deno the receive buffer size is not the system's: it is what Deno allocates and clears for every single datagram,
 * doubled on Linux; 64 KiB at first. Datagrams of WebRTC fit in one Ethernet frame, so 4 KiB (2 KiB elsewhere) hold
 * them, and receiving costs a third.
 */
const BYTES_PER_DATAGRAM = 2048;
/** How long a socket may wait for its own first datagram, which nothing but a local firewall holds back. */
const MAX_WAIT_MS = 50;

const TUNING: DgramTuning = {
  async prepare(socket) {
    socket.setRecvBufferSize(BYTES_PER_DATAGRAM);
    await waitUntilWritable(socket);
  },
};

/**
 * Until Deno has heard that a new socket is writable it lets sends wait, and then carries them out in reverse order. So
 * the socket first sends itself an empty datagram and waits for it.
 */
function waitUntilWritable(socket: Socket): Promise<void> {
  const { address, family, port } = socket.address();
  const loopback = family === 'IPv6' ? '::1' : '127.0.0.1';
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      socket.removeListener('message', done);
      resolve();
    };
    const timer = setTimeout(done, MAX_WAIT_MS);
    socket.on('message', done);
    socket.send(new Uint8Array(0), port, isUnspecified(address) ? loopback : address);
  });
}

export const denoRuntime: Runtime = {
  name: 'deno',
  now,
  setTimer,
  clearTimer,
  queueTurn,
  lookup,
  networkInterfaces: () => listInterfaces(false),
  bindUdp: (options) => bindDgram(options, defaultCrypto().random, TUNING),
  connectTcp,
  listenTcp: (options) => listenTcp(options, defaultCrypto().random),
  openMulticast: async (options) => openMdns(options, listInterfaces(false)),
  get random() {
    return defaultCrypto().random;
  },
  get crypto() {
    return defaultCrypto();
  },
};
