/**
 * A relay between a browser and us that loses and reorders datagrams, the same ones for the same seed. Each side is shown
 * one candidate, the relay's, in place of the other's.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { SeededRandom } from '../../../src/runtime/memory.ts';

export type RelayPath = {
  /** One way. */
  readonly delayMs: number;
  /** 0 … 1, each datagram by itself. */
  readonly loss: number;
  /** 0 … 1: so many come later than those behind them. */
  readonly reorder: number;
  readonly reorderMs: number;
};

type Address = { readonly address: string; readonly port: number };
type Count = { sent: number; lost: number; reordered: number };

const CANDIDATE = /^a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host.*$/im;
const PRIORITY = 2_113_937_151; // RFC 8445 §5.1.2: of a host candidate

export class LossyRelay {
  /** From now on; until then all comes through, after `delayMs`. */
  isLossy = false;
  readonly fromBrowser: Count = { sent: 0, lost: 0, reordered: 0 };
  readonly fromUs: Count = { sent: 0, lost: 0, reordered: 0 };
  readonly #path: RelayPath;
  readonly #random: SeededRandom;
  readonly #browserSide: Socket;
  readonly #ourSide: Socket;
  #browser: Address | null = null;
  #us: Address | null = null;
  #isClosed = false;

  private constructor(seed: number, path: RelayPath, browserSide: Socket, ourSide: Socket) {
    this.#path = path;
    this.#random = new SeededRandom(seed);
    this.#browserSide = browserSide;
    this.#ourSide = ourSide;
    browserSide.on('message', (packet, { port }) => {
      if (port === this.#browser?.port) this.#pass(packet, this.fromBrowser, ourSide, this.#us);
    });
    ourSide.on('message', (packet, { port }) => {
      if (port === this.#us?.port) this.#pass(packet, this.fromUs, browserSide, this.#browser);
    });
  }

  /** @param browserDescription with its candidates: the relay is on the address of one of them */
  static async start(seed: number, path: RelayPath, browserDescription: string): Promise<LossyRelay> {
    const browser = candidateOf(browserDescription);
    const sockets = [createSocket('udp4'), createSocket('udp4')] as const;
    for (const socket of sockets) {
      socket.bind(0, browser.address);
      await once(socket, 'listening');
    }
    const relay = new LossyRelay(seed, path, ...sockets);
    relay.#browser = browser;
    return relay;
  }

  /** The browser's description, for us. */
  towardsUs(sdp: string): string {
    return withCandidate(sdp, this.#ourSide);
  }

  /** Our description, for the browser. */
  towardsBrowser(sdp: string): string {
    this.#us = candidateOf(sdp, this.#browser!.address);
    return withCandidate(sdp, this.#browserSide);
  }

  close(): void {
    this.#isClosed = true;
    this.#browserSide.close();
    this.#ourSide.close();
  }

  #pass(packet: Uint8Array, count: Count, from: Socket, to: Address | null): void {
    const { delayMs, loss, reorder, reorderMs } = this.#path;
    const [isLost, isLate] = [this.#random.chance(loss), this.#random.chance(reorder)];
    count.sent++;
    if (this.isLossy && isLost) {
      count.lost++;
      return;
    }
    if (this.isLossy && isLate) count.reordered++;
    setTimeout(
      () => {
        if (!this.#isClosed && to !== null) from.send(packet, to.port, to.address);
      },
      delayMs + (this.isLossy && isLate ? reorderMs : 0),
    );
  }
}

/** The first one over UDP and IPv4, of this address if one is given. */
function candidateOf(sdp: string, wanted?: string): Address {
  for (const line of sdp.split(/\r?\n/)) {
    const [, address, port] = CANDIDATE.exec(line) ?? [];
    if (address !== undefined && (wanted ?? address) === address) return { address, port: Number(port) };
  }
  throw new Error(`there is no candidate ${wanted ?? 'over UDP and IPv4'} in:\n${sdp}`);
}

/** With this one instead of those that are in it, in the first section, where all is bundled. */
function withCandidate(sdp: string, socket: Socket): string {
  const { address, port } = socket.address();
  const candidate = `a=candidate:1 1 udp ${PRIORITY} ${address} ${port} typ host`;
  const lines = sdp.split('\r\n').filter((line) => !/^a=(candidate|end-of-candidates)/.test(line));
  const firstMid = lines.findIndex((line) => line.startsWith('a=mid:'));
  return lines.toSpliced(firstMid + 1, 0, candidate).join('\r\n');
}

/** Chromium's own parameters of a format. */
export function withBitrate(sdp: string): string {
  return sdp.replace(
    /a=rtpmap:(\d+) VP8.*\r\n/,
    '$&a=fmtp:$1 x-google-min-bitrate=1000;x-google-start-bitrate=1500\r\n',
  );
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
