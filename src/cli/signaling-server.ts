/**
 * The demonstration's web server: the page, and the signaling between a page and this process. A page listens to
 * `GET /signal` (server-sent events: first its id, then our messages) and posts its own to `/signal/<id>`.
 * It is for this machine only: bound to 127.0.0.1, and deaf to pages of other origins.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What both sides exchange: a session description or a candidate (`null`: no more of them). */
export type SignalingMessage =
  | { readonly description: { readonly type: 'offer' | 'answer'; readonly sdp: string } }
  | { readonly candidate: { readonly candidate: string; readonly sdpMid: string | null } | null };

/** One page that listens. */
export type SignalingSession = {
  /** From 1, in order of arrival. */
  readonly number: number;
  send(message: SignalingMessage): void;
};

export type SignalingHandlers = {
  opened(session: SignalingSession): void;
  message(session: SignalingSession, message: SignalingMessage): void;
  /** The page is gone or reloads. */
  closed(session: SignalingSession): void;
};

/** Bound: pages at a time. More are told to come back later. */
const MAX_SESSIONS = 32;
/** Bound: bytes of one message. A description with data channels only is under 2 KiB. */
const MAX_MESSAGE_BYTES = 65_536;
/** Ports tried after the wanted one. */
const PORTS_TO_TRY = 20;

/** The page's files, which are served as they stand in src: the build does not touch them. */
const PAGE = new URL('../../src/cli/page/', import.meta.url);
const FILES: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '/': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/app.js': { file: 'app.js', type: 'text/javascript; charset=utf-8' },
  '/style.css': { file: 'style.css', type: 'text/css; charset=utf-8' },
  '/icon.svg': { file: 'icon.svg', type: 'image/svg+xml' },
};

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'self'; style-src 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
};

export class SignalingServer {
  readonly url: string;
  readonly #server: Server;
  readonly #hosts: ReadonlySet<string>;
  readonly #handlers: SignalingHandlers;
  readonly #sessions = new Map<string, { session: SignalingSession; response: ServerResponse }>();
  #sessionCount = 0;

  private constructor(server: Server, port: number, handlers: SignalingHandlers) {
    this.url = `http://localhost:${port}/`;
    this.#server = server;
    this.#hosts = new Set([`localhost:${port}`, `127.0.0.1:${port}`]);
    this.#handlers = handlers;
    server.on('request', (request, response) => void this.#handle(request, response));
  }

  /** Listens on `port` of 127.0.0.1, or on the next free one after it. */
  static async start(port: number, handlers: SignalingHandlers): Promise<SignalingServer> {
    for (let candidate = port; ; candidate++) {
      const server = createServer();
      try {
        await new Promise<void>((resolve, reject) => {
          server.once('error', reject);
          server.listen(candidate, '127.0.0.1', resolve);
        });
        return new SignalingServer(server, (server.address() as AddressInfo).port, handlers);
      } catch (error) {
        const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
        if (!taken || candidate - port >= PORTS_TO_TRY) throw error;
      }
    }
  }

  async close(): Promise<void> {
    for (const { response } of this.#sessions.values()) response.end();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const status = await this.#route(request, response);
    if (status !== null) response.writeHead(status, HEADERS).end();
  }

  /** The status to answer with, or `null` when the answer is given or under way. */
  async #route(request: IncomingMessage, response: ServerResponse): Promise<number | null> {
    // A page of another site could reach 127.0.0.1 by a name of its own (DNS rebinding), or post to it.
    const { host, origin } = request.headers;
    if (host === undefined || !this.#hosts.has(host)) return 403;
    if (origin !== undefined && origin !== `http://${host}`) return 403;
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (request.method === 'POST' && pathname.startsWith('/signal/')) return this.#take(request, pathname);
    if (request.method !== 'GET') return 405;
    if (pathname === '/signal') return this.#openSession(response);
    const page = FILES[pathname];
    if (page === undefined) return 404;
    const body = await readFile(new URL(page.file, PAGE));
    response.writeHead(200, { ...HEADERS, 'content-type': page.type }).end(body);
    return null;
  }

  #openSession(response: ServerResponse): number | null {
    if (this.#sessions.size >= MAX_SESSIONS) return 503;
    const id = crypto.randomUUID();
    const push = (event: unknown): void => void response.write(`data: ${JSON.stringify(event)}\n\n`);
    const session: SignalingSession = { number: ++this.#sessionCount, send: push };
    this.#sessions.set(id, { session, response });
    response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream' });
    response.on('close', () => {
      this.#sessions.delete(id);
      this.#handlers.closed(session);
    });
    push({ id });
    this.#handlers.opened(session);
    return null;
  }

  async #take(request: IncomingMessage, pathname: string): Promise<number> {
    const entry = this.#sessions.get(pathname.slice('/signal/'.length));
    if (entry === undefined) return 404;
    // This type makes a browser ask first before it lets a page of another origin post.
    if (request.headers['content-type'] !== 'application/json') return 415;
    const message = parse(await readBody(request));
    if (message === null) return 400;
    this.#handlers.message(entry.session, message);
    return 204;
  }
}

/** The whole body, or `null` when it is too long. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_MESSAGE_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(body: string | null): SignalingMessage | null {
  if (body === null) return null;
  try {
    const value = JSON.parse(body) as Record<string, Record<string, unknown> | null> | null;
    if (value === null) return null;
    const { description, candidate } = value;
    if (description && typeof description['sdp'] === 'string' && /^(offer|answer)$/.test(String(description['type']))) {
      return { description: { type: description['type'] as 'offer' | 'answer', sdp: description['sdp'] } };
    }
    if (candidate === null) return { candidate: null };
    if (typeof candidate?.['candidate'] !== 'string') return null;
    const sdpMid = typeof candidate['sdpMid'] === 'string' ? candidate['sdpMid'] : null;
    return { candidate: { candidate: candidate['candidate'], sdpMid } };
  } catch {
    return null;
  }
}
