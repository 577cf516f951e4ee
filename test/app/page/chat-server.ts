/** The built chat page and a tracker on one port, as `purertc serve` has them, and nothing else. */
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AttachedTracker, attach } from '../../../src/server/index.ts';

const PAGE = new URL('../../../dist/app/page/', import.meta.url);
const TYPES: Record<string, string> = {
  '/index.html': 'text/html; charset=utf-8',
  '/page.js': 'text/javascript; charset=utf-8',
  '/style.css': 'text/css; charset=utf-8',
  '/icon.svg': 'image/svg+xml',
};

/** As strict as the page allows: no inline script or style, nothing from elsewhere. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export class ChatServer {
  readonly origin: string;
  readonly #server: Server;
  readonly #tracker: AttachedTracker;

  private constructor(server: Server, tracker: AttachedTracker) {
    this.origin = `http://localhost:${(server.address() as AddressInfo).port}`;
    this.#server = server;
    this.#tracker = tracker;
  }

  static async start(): Promise<ChatServer> {
    if (!existsSync(new URL('page.js', PAGE))) throw new Error('the page is not built: npm run build');
    const server = createServer((request, response) => {
      const path = request.url === '/' ? '/index.html' : (request.url ?? '');
      const type = TYPES[path];
      if (path === '/config.json') {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ trackers: ['announce'], iceServers: [], iceServersFromTracker: false }));
      } else if (type === undefined) {
        response.writeHead(404).end();
      } else {
        response.writeHead(200, { 'content-type': type, 'content-security-policy': CONTENT_SECURITY_POLICY });
        response.end(readFileSync(new URL(path.slice(1), PAGE)));
      }
    });
    const tracker = attach(server, '/announce');
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new ChatServer(server, tracker);
  }

  async close(): Promise<void> {
    this.#tracker.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
