/** A web server for test pages: http://localhost is a secure context, which file: and data: are not. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
  json: 'application/json',
};

/** What a path answers: text, or a file to read. */
export type PageContent = string | URL;

export class PageServer {
  readonly origin: string;
  readonly #server: Server;

  private constructor(origin: string, server: Server) {
    this.origin = origin;
    this.#server = server;
  }

  /** Serves exactly these paths, on a free port of 127.0.0.1. */
  static async start(pages: Record<string, PageContent>): Promise<PageServer> {
    const server = createServer(async (request, response) => {
      const path = new URL(request.url ?? '/', 'http://localhost').pathname;
      const content = pages[path];
      if (content === undefined) return void response.writeHead(404).end();
      const name = content instanceof URL ? content.pathname : path === '/' ? 'index.html' : path;
      const body = content instanceof URL ? await readFile(content) : content;
      const type = TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
      response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new PageServer(`http://localhost:${(server.address() as AddressInfo).port}`, server);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
