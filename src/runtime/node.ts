/** The runtime on Node. */
import { defaultCrypto } from '../crypto/default.ts';
import { clearTimer, now, queueTurn, setTimer } from './clock.ts';
import { bindDgram, type DgramTuning, SEND_BUFFER_BYTES } from './dgram.ts';
import { lookup } from './dns.ts';
import { listInterfaces } from './interfaces.ts';
import { openMdns } from './multicast.ts';
import { connectTcp, listenTcp } from './net.ts';
import type { Runtime } from './runtime.ts';

const TUNING: DgramTuning = {
  prepare(socket, receiveBufferBytes) {
    socket.setRecvBufferSize(receiveBufferBytes);
    socket.setSendBufferSize(SEND_BUFFER_BYTES);
  },
};

export const nodeRuntime: Runtime = {
  name: 'node',
  now,
  setTimer,
  clearTimer,
  queueTurn,
  lookup,
  networkInterfaces: () => listInterfaces(true),
  bindUdp: (options) => bindDgram(options, defaultCrypto().random, TUNING),
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
