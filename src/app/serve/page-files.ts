/** The files of the chat page, read once, and how they are answered. */
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

/**
 * The page runs what comes from this server and nothing else, may not be framed, and tells nobody its address, which has the
 * room's name in it.
 */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'permissions-policy': 'camera=(self), microphone=(self), display-capture=(self)',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cross-origin-opener-policy': 'same-origin',
};

type PageFile = { readonly type: string; readonly body: Uint8Array };

export class PageFiles {
  readonly #files: ReadonlyMap<string, PageFile>;

  /** @throws Error when the page has not been built */
  constructor(directory: URL) {
    const path = fileURLToPath(directory);
    let names: string[];
    try {
      names = readdirSync(path).filter((name) => extname(name) in TYPES);
    } catch {
      throw new Error(`the page is not built: there is no ${path}`);
    }
    this.#files = new Map(
      names.map((name) => [`/${name}`, { type: TYPES[extname(name)]!, body: readFileSync(new URL(name, directory)) }]),
    );
  }

  /** @returns false when there is no such file: the request is somebody else's */
  answer(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    const file = this.#files.get(path === '/' ? '/index.html' : path);
    if (file === undefined) return false;
    answerWith(request, response, file.type, file.body);
    return true;
  }
}

/** Answers GET and HEAD, with the page's headers. Nothing is stored without asking: a new version counts at once. */
export function answerWith(
  { method }: IncomingMessage,
  response: ServerResponse,
  type: string,
  body: Uint8Array | string,
): void {
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  const length = Buffer.byteLength(body);
  response.writeHead(200, { ...HEADERS, 'content-type': type, 'content-length': length, 'cache-control': 'no-cache' });
  response.end(method === 'HEAD' ? undefined : body);
}
