/** A browser with the media page, and calls between it and a connection of ours. */
import type { Page } from 'puppeteer-core';
import { RTCPeerConnection } from '../../../src/index.ts';
import { type BrowserName, TestBrowser } from '../../browser/browsers.ts';
import { PageServer } from '../../browser/page-server.ts';
import { type NegotiationCounts, negotiator, type SignalingMessage } from './negotiator.mjs';

const PAGE = `<!doctype html><meta charset="utf-8"><title>media</title><script type="module" src="/media-page.mjs"></script>`;

declare global {
  var callPage: (method: string, params: string) => Promise<string>;
  var takeMessages: () => Promise<string>;
}

/** What the page makes a track of: pictures of one or two CSS colours, or a tone in Hz. */
export type PageSource =
  | { readonly left: string; readonly right?: string; readonly width?: number; readonly height?: number }
  | { readonly frequency: number };

export type PageTransceiver = {
  readonly mid: string | null;
  readonly kind: string;
  readonly direction: string;
  readonly currentDirection: string | null;
  readonly state: string;
  readonly muted: boolean;
};

export type Peak = { readonly frequency: number; readonly level: number };
export type Rgb = readonly [number, number, number];

type Methods = {
  open(params: { polite: boolean; answers?: readonly PageSource[] }): void;
  /** What went wrong in it. */
  close(): string[] | null;
  signal(params: { message: SignalingMessage }): void;
  counts(): NegotiationCounts;
  connectionState(): string;
  codecs(params: { kind: string }): string[];
  addTrack(params: { source: PageSource }): number;
  addTransceivers(params: {
    transceivers: readonly { kind: string; source?: PageSource; direction: string; codec?: string }[];
  }): void;
  setDirection(params: { mid: string; direction: string }): void;
  removeTrack(params: { mid: string }): void;
  stop(params: { mid: string }): void;
  restartIce(): void;
  replaceTrack(params: { mid: string; source: PageSource | null }): void;
  transceivers(): PageTransceiver[];
  pixels(params: { mid: string; points: readonly (readonly [number, number])[] }): Rgb[] | null;
  spectrum(params: { mid: string; count?: number }): Peak[];
  insertDTMF(params: { mid: string; tones: string; duration: number; gap: number }): void;
  tones(): string[];
  stats(): Record<string, unknown>[];
  remoteDescription(): string | null;
};

export type MediaPage = {
  [Name in keyof Methods]: (...params: Parameters<Methods[Name]>) => Promise<ReturnType<Methods[Name]>>;
};

export class MediaBrowser {
  readonly name: BrowserName;
  readonly page: MediaPage;
  readonly #browser: TestBrowser;
  readonly #server: PageServer;
  #call: Call | null = null;
  #isClosed = false;

  private constructor(name: BrowserName, browser: TestBrowser, server: PageServer, page: Page) {
    this.name = name;
    this.#browser = browser;
    this.#server = server;
    this.page = new Proxy({} as MediaPage, {
      get: (_, method: string) => (params: unknown) => ask(page, method, params),
    });
    void this.#relay(page);
  }

  static async launch(name: BrowserName): Promise<MediaBrowser> {
    const server = await PageServer.start({
      '/': PAGE,
      '/media-page.mjs': new URL('./media-page.mjs', import.meta.url),
      '/negotiator.mjs': new URL('./negotiator.mjs', import.meta.url),
    });
    const browser = await TestBrowser.launch(name, { exposeHostCandidates: true, playsMedia: true });
    const page = await browser.openPage(`${server.origin}/`);
    await page.waitForFunction(() => globalThis.callPage !== undefined);
    return new MediaBrowser(name, browser, server, page);
  }

  /** A call, in place of the one before. Nothing is negotiated until one of the two adds something. */
  async open(options: CallOptions = {}): Promise<Call> {
    await this.end();
    const polite = options.polite ?? true;
    await this.page.open({ polite: !polite, ...(options.answers && { answers: options.answers }) });
    this.#call = new Call(this.page, polite, options.beforeAnswer);
    return this.#call;
  }

  /** Ends the call; what went wrong in it, at either end. */
  async end(): Promise<string[]> {
    const call = this.#call;
    if (call === null) return [];
    this.#call = null;
    call.pc.close();
    return [...call.faults, ...((await this.page.close()) ?? [])];
  }

  async close(): Promise<void> {
    await this.end();
    this.#isClosed = true;
    await this.#browser.close();
    await this.#server.close();
  }

  async #relay(page: Page): Promise<void> {
    try {
      while (!this.#isClosed) {
        const messages = JSON.parse(await page.evaluate(() => globalThis.takeMessages())) as SignalingMessage[];
        for (const message of messages) this.#call?.toNode.push(message);
      }
    } catch (error) {
      if (!this.#isClosed) this.#call?.faults.push(String(error));
    }
  }
}

async function ask(page: Page, method: string, params: unknown): Promise<unknown> {
  const json = await page.evaluate((m, p) => globalThis.callPage(m, p), method, JSON.stringify(params ?? {}));
  const reply = JSON.parse(json) as { result: unknown; error?: string };
  if (reply.error !== undefined) throw new Error(`${method} in the page: ${reply.error}`);
  return reply.result;
}

export type CallOptions = {
  /** Whether it is us who give way. Default true. */
  readonly polite?: boolean;
  /** What the page sends in the sections of our first offer, in their order. */
  readonly answers?: readonly PageSource[];
  /** Between an offer of the page's and our answer. */
  readonly beforeAnswer?: (pc: RTCPeerConnection) => void | Promise<void>;
};

/** One way of the signaling: messages in order, one at a time, and none while it is held. */
export class SignalingWay {
  readonly #take: (message: SignalingMessage) => Promise<void>;
  #waiting: SignalingMessage[] = [];
  #isHeld = false;
  #isTaking = false;

  constructor(take: (message: SignalingMessage) => Promise<void>) {
    this.#take = take;
  }

  get isIdle(): boolean {
    return !this.#isTaking && this.#waiting.length === 0;
  }

  get waiting(): readonly SignalingMessage[] {
    return this.#waiting;
  }

  push(message: SignalingMessage): void {
    this.#waiting.push(message);
    void this.#flush();
  }

  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    void this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#isTaking) return;
    this.#isTaking = true;
    while (!this.#isHeld && this.#waiting.length > 0) await this.#take(this.#waiting.shift()!);
    this.#isTaking = false;
  }
}

/** A connection of ours and one of the page's, with perfect negotiation between them. */
export class Call {
  readonly pc: RTCPeerConnection;
  readonly page: MediaPage;
  readonly faults: string[];
  readonly counts: NegotiationCounts;
  readonly toNode: SignalingWay;
  readonly toPage: SignalingWay;

  constructor(page: MediaPage, polite: boolean, beforeAnswer?: CallOptions['beforeAnswer']) {
    this.page = page;
    this.pc = new RTCPeerConnection({}, { loopback: true });
    this.toPage = new SignalingWay((message) =>
      page.signal({ message }).catch((error: unknown) => void this.faults.push(String(error))),
    );
    const { counts, faults, receive } = negotiator(this.pc, {
      polite,
      send: (message) => this.toPage.push(message),
      ...(beforeAnswer && { beforeAnswer: () => beforeAnswer(this.pc) }),
    });
    this.counts = counts;
    this.faults = faults;
    this.toNode = new SignalingWay(receive);
  }

  /** Whether there was an answer, and nothing is on its way. */
  get hasNegotiated(): boolean {
    const isQuiet = this.toPage.isIdle && this.toNode.isIdle && this.pc.signalingState === 'stable';
    return isQuiet && this.pc.remoteDescription !== null;
  }

  /** Connected, and nothing left to negotiate on our side. */
  async connected(): Promise<void> {
    const { pc } = this;
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (pc.connectionState === 'connected' && pc.signalingState === 'stable') resolve();
        if (pc.connectionState === 'failed') reject(new Error('the connection failed'));
      };
      pc.addEventListener('connectionstatechange', look);
      pc.addEventListener('signalingstatechange', look);
      look();
    });
  }
}
