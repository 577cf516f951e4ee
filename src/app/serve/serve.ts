/** Everything a room needs from a server, in one process: the chat page, the tracker, STUN and TURN. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import {
  type AttachedTracker,
  attach,
  type HostOptions,
  type StatusOptions,
  statusHandler,
  TurnService,
  type TurnServiceOptions,
} from '../../server/index.ts';
import { answerWith, PageFiles } from './page-files.ts';

export type ServeOptions = {
  /** IP address to listen at. Default: every address of the machine. */
  readonly host?: string;
  /** Of HTTP. Default 8080, or the next free one; what is given is taken or refused. 0: any free one. */
  readonly port?: number;
  /** PEM. With it, pages and signaling are served over HTTPS, and TURN over TLS. */
  readonly tls?: { readonly certificateChain: string; readonly privateKey: string };
  /** Of the tracker. Default `/announce`. */
  readonly path?: string;
  /** What monitoring gets to see, besides `/healthz` and `/readyz`. */
  readonly status?: Pick<StatusOptions, 'stats' | 'metrics'>;
  /** Whether the chat page is served. Default true. */
  readonly page?: boolean;
  /** Where the page is, as `npm run build` makes it. Default: where the build has it. */
  readonly pageDirectory?: URL;
  readonly tracker?: Omit<HostOptions, 'iceServers'>;
  /** `false`: no STUN and TURN. */
  readonly turn?: ServeTurnOptions | false;
  /** What goes on without being asked for: a port that was taken, a service that is left out. */
  readonly onWarning?: (message: string) => void;
};

export type ServeTurnOptions = {
  /** IP addresses to listen at. Default: those of HTTP. Behind a proxy HTTP is for this machine, and TURN for everybody. */
  readonly hosts?: readonly string[];
  /** Of UDP and TCP. Default 3478, or the next free one. */
  readonly port?: number;
  /** Of TLS, where there is a certificate. Default 5349, or the next free one. */
  readonly tlsPort?: number;
} & Partial<
  Pick<
    TurnServiceOptions,
    | 'publicAddresses'
    | 'relayPortRange'
    | 'hostname'
    | 'realm'
    | 'credentials'
    | 'allowedPeers'
    | 'maxAllocationsPerUser'
  >
>;

const DEFAULT_PORT = 8080;
const DEFAULT_TURN_PORT = 3478; // RFC 8656 §4
const DEFAULT_TURN_TLS_PORT = 5349;
/** How far a default port may move when it is taken. */
const PORTS_TRIED = 20;
const REALM = 'purertc';

/** A server that runs. */
export type Served = {
  /** The page and the tracker, as visitors of this machine reach them. */
  readonly urls: readonly string[];
  readonly tracker: AttachedTracker;
  readonly turn: TurnService | null;
  /** Lets nobody in, sends everybody away over 30 s, and ends. */
  drain(): Promise<void>;
  /** Ends at once. */
  close(): Promise<void>;
};

/** @throws Error when a port that was asked for cannot be had; TypeError, RangeError for options that make no sense */
export async function serve(options: ServeOptions = {}): Promise<Served> {
  const { path = '/announce', tls, onWarning = () => {} } = options;
  const { pageDirectory = new URL('../page/', import.meta.url) } = options;
  const page = options.page === false ? null : new PageFiles(pageDirectory);
  let attached: AttachedTracker | null = null;
  const turn = await startTurn(options, (sessionId) => attached?.tracker.isLive(sessionId) ?? false, onWarning);
  let answerStatus: ReturnType<typeof statusHandler> = () => false;
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const [pathname = '/'] = (request.url ?? '/').split('?'); // as it came: `//` is no URL, and must not throw
    if (answerStatus(request, response)) return;
    if (pathname === '/config.json') {
      answerWith(request, response, 'application/json', JSON.stringify(pageConfig(path, turn)));
    } else if (!page?.answer(request, response, pathname)) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('nothing here\n');
    }
  };
  const server = tls
    ? createSecureServer({ cert: tls.certificateChain, key: tls.privateKey }, answer)
    : createServer(answer);
  try {
    attached = attach(server, path, {
      ...options.tracker,
      ...(turn && { iceServers: (sessionId) => turn.iceServersFor(sessionId) }),
    });
    answerStatus = statusHandler(attached.tracker, { ...options.status, ...(turn && { turn }) });
    const port = await firstFree(options.port, DEFAULT_PORT, (candidate) => listen(server, candidate, options.host));
    if (port.moved) onWarning(`port ${DEFAULT_PORT} is taken: ${port.value.port} it is`);
    return running(server, attached, turn, urlsOf(port.value, tls !== undefined));
  } catch (error) {
    attached?.close();
    server.close();
    await turn?.close();
    throw error;
  }
}

/** What the page asks its server for (docs/app.md). The tracker's address is relative to the page's. */
function pageConfig(path: string, turn: TurnService | null): object {
  return { trackers: [path.replace(/^\//, '')], iceServers: [], iceServersFromTracker: turn !== null };
}

function running(server: Server, tracker: AttachedTracker, turn: TurnService | null, urls: readonly string[]): Served {
  const end = async (): Promise<void> => {
    tracker.close();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await Promise.all([closed, turn?.close()]);
  };
  const drain = async (): Promise<void> => {
    server.close(); // no more visitors; those who are there stay until the tracker lets them go
    await tracker.drain();
    await end();
  };
  return { urls, tracker, turn, drain, close: end };
}

async function startTurn(
  { turn = {}, tls, host }: ServeOptions,
  isLive: (sessionId: string) => boolean,
  warn: (message: string) => void,
): Promise<TurnService | null> {
  if (turn === false) return null;
  const { port, tlsPort, hosts, ...rest } = turn;
  const addresses = hosts ?? (host === undefined ? ['0.0.0.0', ...(hasIpv6() ? ['::'] : [])] : [host]);
  const start = (main: number, secure: number): Promise<TurnService> =>
    TurnService.start({
      realm: REALM,
      ...rest,
      listen: addresses.flatMap((address) => [
        { protocol: 'udp' as const, address, port: main },
        { protocol: 'tcp' as const, address, port: main },
        ...(tls ? [{ protocol: 'tls' as const, address, port: secure, tls }] : []),
      ]),
      sessions: { isLive },
    });
  try {
    const found = await firstFree(port, DEFAULT_TURN_PORT, (candidate) =>
      start(candidate, tlsPort ?? DEFAULT_TURN_TLS_PORT + (candidate - (port ?? DEFAULT_TURN_PORT))),
    );
    return found.value;
  } catch (error) {
    if (port !== undefined || turn.publicAddresses !== undefined) throw error;
    warn(`no TURN: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

/** The port that was asked for, or the first free one from the default on. */
async function firstFree<Value>(
  wanted: number | undefined,
  fallback: number,
  take: (port: number) => Promise<Value>,
): Promise<{ readonly value: Value; readonly moved: boolean }> {
  if (wanted !== undefined) return { value: await take(wanted), moved: false };
  for (let port = fallback; ; port++) {
    try {
      return { value: await take(port), moved: port !== fallback };
    } catch (error) {
      if (!isTaken(error) || port === fallback + PORTS_TRIED) throw error;
    }
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

function listen(server: Server, port: number, host: string | undefined): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host }, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

/** The name of this machine to itself, then its addresses to others. */
function urlsOf({ address, port }: AddressInfo, isSecure: boolean): string[] {
  const isAny = address === '::' || address === '0.0.0.0';
  const others = Object.values(networkInterfaces())
    .flat()
    .flatMap((one) => (one && !one.internal && one.family === 'IPv4' ? [one.address] : []));
  const hosts = isAny ? ['localhost', ...others] : [isIPv6(address) ? `[${address}]` : address];
  return hosts.map((host) => `${isSecure ? 'https' : 'http'}://${host}:${port}/`);
}

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ family }) => family === 'IPv6'));
}
