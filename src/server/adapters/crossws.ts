/** A tracker as hooks of crossws, the WebSocket layer of h3 and Nitro. */
import type { TrackerConnection } from '../tracker/connection.ts';
import type { TrackerSession } from '../tracker/session.ts';
import type { TrackerServer } from '../tracker/tracker-server.ts';
import { type HostOptions, TrackerHost } from './host.ts';

/** What is used of a crossws `Peer`. */
export type CrosswsPeer = {
  readonly remoteAddress?: string | undefined;
  readonly request: Request;
  readonly websocket: { readonly bufferedAmount?: number | undefined; readonly readyState?: number | undefined };
  send(text: string): unknown;
  close(code?: number, reason?: string): void;
  terminate(): void;
};

export type CrosswsHooks = {
  open(peer: CrosswsPeer): void;
  message(peer: CrosswsPeer, message: { text(): string }): void;
  close(peer: CrosswsPeer): void;
};

export type CrosswsTracker = {
  readonly tracker: TrackerServer;
  /** For `defineWebSocketHandler`, or the `hooks` of a crossws adapter. */
  readonly hooks: CrosswsHooks;
  /** Refuses new visitors and sends those who are there away over 30 s (1012). Resolves when all are gone. */
  drain(): Promise<void>;
  /** Ends all connections (1001). */
  closeAll(): void;
};

/**
 * Crossws knows a visitor's address only once the WebSocket is open: who is not let in is told so with a close code (1008), not
 * with an HTTP status. It has no pings either, and its limits of size are its own: set `maxPayload` there.
 * @throws RangeError, TypeError for options that make no sense
 */
export function crosswsTracker(options: HostOptions = {}): CrosswsTracker {
  const host = new TrackerHost(options);
  const sessions = new WeakMap<CrosswsPeer, TrackerSession>();
  return {
    tracker: host.tracker,
    hooks: {
      open(peer) {
        const forwardedFor = peer.request.headers.get('x-forwarded-for');
        sessions.set(
          peer,
          host.open(new CrosswsConnection(peer, host.addressOf(peer.remoteAddress ?? '', forwardedFor))),
        );
      },
      message: (peer, message) => sessions.get(peer)?.message(message.text(), host.now()),
      close: (peer) => sessions.get(peer)?.closed(host.now()),
    },
    drain: () => host.drain(),
    closeAll: () => host.close(),
  };
}

class CrosswsConnection implements TrackerConnection {
  readonly ip: string;
  readonly origin: string | null;
  readonly url: string;
  readonly #peer: CrosswsPeer;

  constructor(peer: CrosswsPeer, ip: string) {
    this.#peer = peer;
    this.ip = ip;
    this.origin = peer.request.headers.get('origin');
    const { pathname, search } = new URL(peer.request.url);
    this.url = pathname + search;
  }

  send(text: string): void {
    this.#peer.send(text);
  }

  bufferedAmount(): number {
    return this.#peer.websocket.bufferedAmount ?? 0;
  }

  close(code: number, reason: string): void {
    this.#peer.close(code, reason);
  }

  terminate(): void {
    this.#peer.terminate();
  }
}
