/** A tracker on an HTTP server of Node or Deno, whatever framework made it: `attach(server, '/announce')`. */
import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import type { Admission, Refusal } from '../tracker/admission.ts';
import type { TrackerConnection } from '../tracker/connection.ts';
import type { TrackerSession } from '../tracker/session.ts';
import type { TrackerServer } from '../tracker/tracker-server.ts';
import { type HostOptions, TrackerHost } from './host.ts';
import { BatchedSocket, SendBatch } from './send-batch.ts';

/** What is used of `http.Server`; `https.Server` and what frameworks return are as good. */
export type UpgradingServer = Pick<Server, 'on' | 'off' | 'listenerCount'>;

export type AttachedTracker = {
  readonly tracker: TrackerServer;
  /** Refuses new visitors and sends those who are there away over 30 s (1012). Resolves when all are gone. */
  drain(): Promise<void>;
  /** Ends all connections (1001) and lets go of the server, which stays open. */
  close(): void;
};

/** Paths taken on a server, so that a request to none of them is turned down once nobody else wants it. */
const taken = new WeakMap<UpgradingServer, Set<string>>();

/**
 * Serves the tracker protocol to WebSockets that ask for `path`. Other requests, and upgrades to other paths, are the
 * server's own business.
 * @throws RangeError, TypeError for options that make no sense; Error when the path is taken
 */
export function attach(server: UpgradingServer, path = '/announce', options: HostOptions = {}): AttachedTracker {
  const paths = taken.get(server) ?? new Set();
  if (paths.has(path)) throw new Error(`a tracker is attached to ${path} already`);
  const host = new TrackerHost(options);
  const batch = new SendBatch();
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false, // the tracker knows its sessions
    perMessageDeflate: false, // memory for each connection, and nothing to gain with messages this small
    maxPayload: Math.min(host.tracker.limits.maxMessageBytes, 2 ** 30),
    WebSocket: TrackerSocket,
  });

  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const requested = pathOf(request.url ?? '/');
    if (requested !== path) {
      if (!paths.has(requested) && server.listenerCount('upgrade') === paths.size) refuse(socket, NOT_FOUND);
      return;
    }
    const visitor = {
      ip: host.addressOf(remoteAddressOf(socket), headerOf(request, 'x-forwarded-for')),
      origin: headerOf(request, 'origin'),
      url: request.url ?? '/',
    };
    const decision = host.admit(visitor);
    if (decision.kind === 'refused') {
      refuse(socket, decision);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) =>
      webSocket.start(host, socket, batch, visitor, decision),
    );
  };
  paths.add(path);
  taken.set(server, paths);
  server.on('upgrade', onUpgrade);

  const close = (): void => {
    server.off('upgrade', onUpgrade);
    paths.delete(path);
    host.close();
    sockets.close();
  };
  return { tracker: host.tracker, drain: () => host.drain(), close };
}

const NOT_FOUND = { status: 404, reason: 'nothing here' } as const;

function refuse(socket: Duplex, { status, reason }: Pick<Refusal, 'reason'> & { readonly status: number }): void {
  if (socket.destroyed || socket.writableEnded) return;
  socket.on('error', () => {}); // who is turned away may be gone already
  const retry = status === 429 || status === 503 ? 'Retry-After: 30\r\n' : '';
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\n${retry}` +
      `Content-Length: ${reason.length + 1}\r\n\r\n${reason}\n`,
    () => socket.destroy(),
  );
}

/** A WebSocket with its tracker session: one object, whose handlers are shared by all. */
class TrackerSocket extends WebSocket {
  session: TrackerSession | null = null;
  host: TrackerHost | null = null;

  start(
    host: TrackerHost,
    socket: Duplex,
    batch: SendBatch,
    visitor: Pick<TrackerConnection, 'ip' | 'origin' | 'url'>,
    admission: Admission,
  ): void {
    this.host = host;
    this.session = host.open(new NodeConnection(this, socket, batch, visitor), admission);
    this.on('message', onMessage);
    this.on('pong', onPong);
    this.on('close', onClose);
    this.on('error', ignore); // 'close' follows
  }
}

function onMessage(this: WebSocket, data: WebSocket.RawData, isBinary: boolean): void {
  const { session, host } = this as TrackerSocket;
  const bytes = data as Buffer; // `binaryType` is ws's default, nodebuffer
  session!.message(isBinary ? bytes : bytes.toString(), host!.now());
}

function onPong(this: WebSocket): void {
  const { session, host } = this as TrackerSocket;
  session!.heard(host!.now());
}

function onClose(this: WebSocket): void {
  const { session, host } = this as TrackerSocket;
  session!.closed(host!.now());
}

function ignore(): void {}

class NodeConnection implements TrackerConnection {
  readonly ip: string;
  readonly origin: string | null;
  readonly url: string;
  readonly #webSocket: WebSocket;
  readonly #sending: BatchedSocket;

  constructor(
    webSocket: WebSocket,
    socket: Duplex,
    batch: SendBatch,
    { ip, origin, url }: Pick<TrackerConnection, 'ip' | 'origin' | 'url'>,
  ) {
    this.#webSocket = webSocket;
    this.#sending = new BatchedSocket(socket, batch);
    this.ip = ip;
    this.origin = origin;
    this.url = url;
  }

  send(text: string): void {
    if (this.#webSocket.readyState === WebSocket.OPEN) this.#sending.send(text);
  }

  bufferedAmount(): number {
    return this.#webSocket.bufferedAmount + this.#sending.waiting;
  }

  close(code: number, reason: string): void {
    if (this.#webSocket.readyState === WebSocket.OPEN) this.#sending.flush();
    this.#webSocket.close(code, reason);
  }

  terminate(): void {
    this.#webSocket.terminate();
  }

  ping(): void {
    if (this.#webSocket.readyState === WebSocket.OPEN) this.#webSocket.ping();
  }
}

function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

function headerOf(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return value === undefined ? null : Array.isArray(value) ? value.join(',') : value;
}

function remoteAddressOf(socket: Duplex): string {
  return (socket as Partial<{ remoteAddress: string }>).remoteAddress ?? '';
}
