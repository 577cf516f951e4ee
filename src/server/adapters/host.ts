/** Between a tracker and a runtime: the clock, one timer, randomness. Every adapter has one. */
import { clearTimeout, setTimeout } from 'node:timers'; // whose timers have `unref` on every runtime
import { defaultCrypto } from '../../crypto/index.ts';
import type { TrackerCluster } from '../cluster/tracker-cluster.ts';
import type { Admission, Refusal, Visitor } from '../tracker/admission.ts';
import type { TrackerConnection } from '../tracker/connection.ts';
import type { TrackerOptions } from '../tracker/options.ts';
import type { TrackerSession } from '../tracker/session.ts';
import { TrackerServer } from '../tracker/tracker-server.ts';
import { clientAddress, parseProxies } from './forwarded.ts';

export type HostOptions = TrackerOptions & {
  /** The other nodes (docs/cluster.md). */
  readonly cluster?: TrackerCluster;
  /**
   * Proxies whose `X-Forwarded-For` is believed, as addresses or ranges: `127.0.0.1`, `10.0.0.0/8`. Default: none, and every
   * visitor of a proxy has the proxy's address, and all of them together one address's share of connections.
   */
  readonly trustedProxies?: readonly string[];
};

export class TrackerHost {
  readonly tracker: TrackerServer;
  readonly #cluster: TrackerCluster | undefined;
  readonly #proxies: ReturnType<typeof parseProxies>;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #timerAt = Number.POSITIVE_INFINITY;
  #whenEmpty: (() => void) | null = null;

  constructor({ trustedProxies = [], cluster, ...options }: HostOptions) {
    const link = cluster && { cluster: cluster.link };
    this.tracker = new TrackerServer({ ...options, ...link, random: defaultCrypto().random });
    this.#cluster = cluster;
    cluster?.join(this.tracker);
    this.#proxies = parseProxies(trustedProxies);
  }

  /** Milliseconds on a clock that only goes forward. */
  now(): number {
    return performance.now();
  }

  /** Who sent a request: the socket's address, or what trusted proxies say is behind it. */
  addressOf(socketAddress: string, forwardedFor: string | null): string {
    return clientAddress(socketAddress, forwardedFor, this.#proxies);
  }

  admit(visitor: Visitor): Admission | Refusal {
    const decision = this.tracker.admit(visitor, this.now());
    this.arm();
    return decision;
  }

  open(connection: TrackerConnection, admission?: Admission): TrackerSession {
    const session = this.tracker.open(connection, this.now(), admission);
    this.arm();
    return session;
  }

  /** Sets the timer for what is due next. Unless somebody waits for `drain`, it alone does not keep the process alive. */
  arm(): void {
    const { nextTimeout } = this.tracker;
    if (this.tracker.connections === 0) this.#whenEmpty?.();
    if (nextTimeout === this.#timerAt) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timerAt = nextTimeout;
    if (nextTimeout === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.tracker.handleTimeout(this.now());
      this.arm();
    }, nextTimeout - this.now());
    if (this.#whenEmpty === null) this.#timer.unref();
  }

  /** Sends everybody away over 30 s; resolves when they are gone. */
  drain(): Promise<void> {
    this.#cluster?.leave();
    this.tracker.drain(this.now());
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
      this.arm();
    });
  }

  /** Ends all connections. */
  close(): void {
    this.tracker.close(this.now());
    this.#cluster?.close();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timerAt = Number.NaN; // and none is set again
  }
}
