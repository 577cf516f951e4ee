/** A tracker on Bun's own server and its WebSockets. */
import type { Admission } from '../tracker/admission.ts';
import type { TrackerConnection } from '../tracker/connection.ts';
import type { TrackerSession } from '../tracker/session.ts';
import type { TrackerServer } from '../tracker/tracker-server.ts';
import { type HostOptions, TrackerHost } from './host.ts';
import { type Batched, SendBatch } from './send-batch.ts';

/** What is used of Bun's `Server`. */
export type BunServer = {
  upgrade(request: Request, options: { data: BunVisitor }): boolean;
  requestIP(request: Request): { readonly address: string } | null;
};

/** What is used of Bun's `ServerWebSocket`. */
export type BunWebSocket = {
  readonly data: BunVisitor;
  readonly readyState: number;
  send(text: string): number;
  /** What is sent meanwhile leaves at once, in one write. */
  cork(callback: () => void): unknown;
  getBufferedAmount(): number;
  close(code: number, reason: string): void;
  terminate(): void;
  ping(): number;
};

/** What a WebSocket carries with it; nobody else's business. */
export type BunVisitor = Pick<TrackerConnection, 'ip' | 'origin' | 'url'> & {
  readonly admission: Admission;
  session: TrackerSession | null;
};

/** The `websocket` option of `Bun.serve`. */
export type BunWebSocketHandler = {
  readonly maxPayloadLength: number;
  readonly backpressureLimit: number;
  readonly closeOnBackpressureLimit: boolean;
  readonly idleTimeout: number;
  readonly sendPings: boolean;
  readonly perMessageDeflate: boolean;
  open(webSocket: BunWebSocket): void;
  message(webSocket: BunWebSocket, message: string | Uint8Array): void;
  pong(webSocket: BunWebSocket): void;
  close(webSocket: BunWebSocket): void;
};

export type BunTracker = {
  readonly tracker: TrackerServer;
  /** Whether a request is for the tracker, that is, to its path. */
  handles(request: Request): boolean;
  /** The answer to such a request; `undefined` when it is a WebSocket now. */
  fetch(request: Request, server: BunServer): Response | undefined;
  readonly websocket: BunWebSocketHandler;
  /** Refuses new visitors and sends those who are there away over 30 s (1012). Resolves when all are gone. */
  drain(): Promise<void>;
  /** Ends all connections (1001). */
  close(): void;
};

/** Bun hangs up after this many seconds without a frame; the tracker pings more often. */
const IDLE_TIMEOUT_S = 120;
const OPEN = 1;

/**
 * The parts of `Bun.serve` that make a tracker on `path`:
 *
 *     const tracker = bunTracker('/announce');
 *     Bun.serve({
 *       fetch: (request, server) => (tracker.handles(request) ? tracker.fetch(request, server) : yours(request)),
 *       websocket: tracker.websocket,
 *     });
 *
 * @throws RangeError, TypeError for options that make no sense
 */
export function bunTracker(path = '/announce', options: HostOptions = {}): BunTracker {
  const host = new TrackerHost(options);
  const batch = new SendBatch();
  const { maxMessageBytes, hardBufferBytes } = host.tracker.limits;
  return {
    tracker: host.tracker,
    handles: (request) => new URL(request.url).pathname === path,
    fetch(request, server) {
      const { headers } = request;
      if (headers.get('upgrade')?.toLowerCase() !== 'websocket') {
        return new Response('a WebSocket is needed\n', { status: 426, headers: { upgrade: 'websocket' } });
      }
      const { pathname, search } = new URL(request.url);
      const visitor = {
        ip: host.addressOf(server.requestIP(request)?.address ?? '', headers.get('x-forwarded-for')),
        origin: headers.get('origin'),
        url: pathname + search,
      };
      const admission = host.admit(visitor);
      if (admission.kind === 'refused') return new Response(`${admission.reason}\n`, { status: admission.status });
      const upgraded = server.upgrade(request, { data: { ...visitor, admission, session: null } });
      return upgraded ? undefined : new Response('not a WebSocket\n', { status: 400 });
    },
    websocket: {
      maxPayloadLength: maxMessageBytes,
      backpressureLimit: hardBufferBytes,
      closeOnBackpressureLimit: true,
      idleTimeout: IDLE_TIMEOUT_S,
      sendPings: false,
      perMessageDeflate: false,
      open(webSocket) {
        const { data } = webSocket;
        data.session = host.open(new BunConnection(webSocket, batch), data.admission);
      },
      message: (webSocket, message) => webSocket.data.session?.message(message, host.now()),
      pong: (webSocket) => webSocket.data.session?.heard(host.now()),
      close: (webSocket) => webSocket.data.session?.closed(host.now()),
    },
    drain: () => host.drain(),
    close: () => host.close(),
  };
}

class BunConnection implements TrackerConnection, Batched {
  readonly #webSocket: BunWebSocket;
  readonly #batch: SendBatch;
  /** Bound: what the tracker lets a slow connection have, `bufferedAmount` included. */
  #texts: string[] | null = null;
  /** UTF-16 units in `#texts`. */
  #waiting = 0;

  constructor(webSocket: BunWebSocket, batch: SendBatch) {
    this.#webSocket = webSocket;
    this.#batch = batch;
  }

  get ip(): string {
    return this.#webSocket.data.ip;
  }

  get origin(): string | null {
    return this.#webSocket.data.origin;
  }

  get url(): string {
    return this.#webSocket.data.url;
  }

  send(text: string): void {
    this.#waiting += text.length;
    if (this.#texts !== null) {
      this.#texts.push(text);
      return;
    }
    this.#texts = [text];
    this.#batch.add(this);
  }

  flush(): void {
    const texts = this.#texts;
    this.#texts = null;
    this.#waiting = 0;
    if (texts === null || this.#webSocket.readyState !== OPEN) return;
    this.#webSocket.cork(() => {
      for (const text of texts) this.#webSocket.send(text);
    });
  }

  bufferedAmount(): number {
    return this.#webSocket.getBufferedAmount() + this.#waiting;
  }

  close(code: number, reason: string): void {
    this.flush();
    this.#webSocket.close(code, reason);
  }

  terminate(): void {
    this.#webSocket.terminate();
  }

  ping(): void {
    if (this.#webSocket.readyState === OPEN) this.#webSocket.ping();
  }
}
