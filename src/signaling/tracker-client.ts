/** The tracker protocol alone, for those who make their connections themselves: a `TrackerMachine` with a WebSocket. */
/// <reference lib="esnext.disposable" preserve="true" />

import { Alarm, type SignalingPlatform } from './platform.ts';
import type { RoomKey } from './room-key.ts';
import { type TrackerEvent, TrackerMachine, type TrackerMember, type TrackerState } from './tracker-machine.ts';
import { TrackerSocket } from './tracker-socket.ts';
import {
  ID_BYTES,
  type ScrapeCounts,
  type ScrapeResponse,
  type WireId,
  wireIdFromBytes,
  wireIdFromHex,
  wireIdToHex,
} from './wire.ts';

/** A scrape that is not answered by then never will be. */
const SCRAPE_TIMEOUT_MS = 15_000;

/**
 * An access token, or what gives one that is good now. It goes into announces to a tracker that knows PureRTC's additions, and
 * takes the place of `token=` in the tracker's URL, if there is one, whenever a connection is opened.
 */
export type AccessToken = string | (() => string);

export type TrackerClientOptions = {
  /** 40 hexadecimal digits; random if left out. One for all rooms of a connection: some trackers insist. */
  readonly peerId?: string;
  readonly token?: AccessToken;
};

/** A room on one tracker. */
export interface TrackerMembership {
  /** Announces soon, not before `delayMs` (default 0) and as soon as the tracker allows. Nothing is sent without offers. */
  hurry(delayMs?: number): void;
  /** Announces soon, offers or not, and so learns how many there are. */
  refresh(delayMs?: number): void;
  /** Answers an offer of another member. `false`: there is no connection now, and the offer is lost. */
  answer(answer: { readonly toPeerId: WireId; readonly offerId: WireId; readonly sdp: string }): boolean;
  leave(): void;
}

type Scrape = { readonly resolve: (response: ScrapeResponse) => void; readonly reject: (error: Error) => void };

/** Connects when a room is joined, and stays connected, or tries to, until it is closed. */
export class TrackerClient {
  readonly url: string;
  readonly #platform: SignalingPlatform;
  readonly #token: (() => string) | null;
  readonly #machine: TrackerMachine;
  readonly #alarm: Alarm;
  readonly #stopListening: () => void;
  #socket: TrackerSocket | null = null;
  readonly #scrapes: Scrape[] = [];

  /** @throws SyntaxError unless the URL's scheme is `ws:` or `wss:` */
  constructor(url: string, options: TrackerClientOptions, platform: SignalingPlatform) {
    this.url = normalizeTrackerUrl(url);
    this.#platform = platform;
    const { token } = options;
    this.#token = typeof token === 'string' ? () => token : (token ?? null);
    const peerId = options.peerId === undefined ? randomWireId(platform) : wireIdFromHex(options.peerId);
    this.#machine = new TrackerMachine(
      { peerId, random: platform.random, token: this.#token },
      {
        connect: () => this.#connect(),
        disconnect: () => {
          this.#socket?.drop();
          this.#socket = null;
        },
        send: (message) => this.#socket?.send(message),
        scraped: (response) => this.#scrapes.shift()?.resolve(response),
      },
    );
    this.#alarm = new Alarm(platform, (now) => this.#run(() => this.#machine.handleTimeout(now)));
    this.#stopListening = platform.onWake(() => this.#run((now) => this.#machine.wake(now)));
  }

  /** 40 lower-case hexadecimal digits. */
  get peerId(): string {
    return wireIdToHex(this.#machine.peerId);
  }

  get state(): TrackerState {
    return this.#machine.state;
  }

  /** Why there is no connection; `null` when there is one. */
  get lastError(): string | null {
    return this.#machine.lastError;
  }

  /** Messages that were none, and messages about nothing of ours. */
  get stats(): { readonly badMessages: number; readonly strayMessages: number } {
    return this.#machine.stats;
  }

  /** @throws RangeError when this client is in that room already */
  join(room: RoomKey, member: TrackerMember): TrackerMembership {
    const infoHash = room.toWire();
    this.#run((now) => this.#machine.join(infoHash, member, now));
    let isMember = true;
    return {
      hurry: (delayMs = 0) => {
        if (isMember) this.#run((now) => this.#machine.hurry(infoHash, now + delayMs));
      },
      refresh: (delayMs = 0) => {
        if (isMember) this.#run((now) => this.#machine.refresh(infoHash, now + delayMs));
      },
      answer: (answer) => isMember && this.#machine.answer({ ...answer, infoHash }),
      leave: () => {
        if (isMember) this.#run(() => this.#machine.leave(infoHash));
        isMember = false;
      },
    };
  }

  /**
   * How many there are in these rooms, as far as the tracker knows; rooms it does not know may be left out.
   * @throws Error when there is no connection, or no answer within 15 s; not every tracker answers
   */
  async scrape(rooms: readonly RoomKey[]): Promise<Map<string, ScrapeCounts>> {
    if (!this.#machine.scrape(rooms.map((room) => room.toWire()))) throw new Error('not connected to the tracker');
    let timer: unknown;
    const { files } = await new Promise<ScrapeResponse>((resolve, reject) => {
      const scrape = { resolve, reject };
      this.#scrapes.push(scrape);
      timer = this.#platform.setTimer(() => {
        this.#scrapes.splice(this.#scrapes.indexOf(scrape), 1);
        reject(new Error('the tracker does not answer'));
      }, SCRAPE_TIMEOUT_MS);
    }).finally(() => this.#platform.clearTimer(timer));
    return new Map([...files].map(([infoHash, counts]) => [wireIdToHex(infoHash), counts]));
  }

  /** Leaves every room and closes the connection, which takes a second at most. Nothing is left running. */
  async close(): Promise<void> {
    this.#stopListening();
    this.#run((now) => this.#machine.close(now));
    this.#alarm.clear();
    this.#failScrapes();
    const socket = this.#socket;
    this.#socket = null;
    await socket?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #connect(): void {
    const socket: TrackerSocket = new TrackerSocket(this.#urlWithToken(), this.#platform, {
      open: () => this.#run((now) => this.#machine.handleOpen(now)),
      message: (data) => this.#run((now) => this.#machine.handleMessage(data, now)),
      end: (code, reason) => {
        if (this.#socket !== socket) return;
        this.#socket = null;
        this.#failScrapes();
        this.#run((now) => this.#machine.handleEnd(code, reason, now));
      },
    });
    this.#socket = socket;
  }

  #urlWithToken(): string {
    const url = new URL(this.url);
    if (this.#token === null || !url.searchParams.has('token')) return this.url;
    url.searchParams.set('token', this.#token());
    return url.href;
  }

  #run(call: (now: number) => void): void {
    try {
      call(this.#platform.now());
    } finally {
      this.#alarm.set(this.#machine.nextTimeout);
    }
  }

  #failScrapes(): void {
    for (const { reject } of this.#scrapes.splice(0)) reject(new Error('the connection to the tracker was lost'));
  }
}

/** One spelling for each address, so that a tracker named twice is one. @throws SyntaxError unless ws: or wss: */
export function normalizeTrackerUrl(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new SyntaxError(`not a URL: ${url}`);
  }
  if (parsed.protocol !== 'ws:' && parsed.protocol !== 'wss:') {
    throw new SyntaxError(`a tracker's URL begins with ws: or wss:, not ${parsed.protocol}`);
  }
  parsed.hash = '';
  return parsed.href;
}

export function randomWireId(platform: Pick<SignalingPlatform, 'random'>): WireId {
  const bytes = new Uint8Array(ID_BYTES);
  platform.random.fill(bytes);
  return wireIdFromBytes(bytes);
}

export type { TrackerEvent, TrackerMember, TrackerState };
