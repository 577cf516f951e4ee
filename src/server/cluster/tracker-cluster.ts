/** A tracker's membership of a cluster: the machine of cluster-node.ts on a bus, a clock and a timer. */
import { clearTimeout, setTimeout } from 'node:timers'; // whose timers have `unref` on every runtime
import { defaultCrypto } from '../../crypto/default.ts';
import type { ClusterLink, ClusterPort } from '../tracker/cluster-link.ts';
import type { Bus } from './bus.ts';
import { ClusterNode } from './cluster-node.ts';
import type { ClusterStatistics } from './statistics.ts';

export type TrackerClusterOptions = {
  /** What carries messages to the other nodes: `redisBus`, `natsBus`, `portBus`, `BusHub.connect`. */
  readonly bus: Bus;
  /** The same secret for all nodes, of 16 bytes or more: it hides rooms on the bus and proves who sends. */
  readonly key: string | Uint8Array;
  /** Begins every subject: letters, digits and dots. Clusters that share an engine need different ones. Default `purertc`. */
  readonly prefix?: string;
  /**
   * Rooms share so many subjects, instead of having one each: for an engine that minds tens of thousands of subscriptions,
   * 4096 or so. The same for all nodes. Default 0: a subject for each room.
   */
  readonly buckets?: number;
};

/**
 * @example
 * const cluster = new TrackerCluster({ bus, key });
 * attach(server, '/announce', { cluster });
 */
export class TrackerCluster {
  readonly #node: ClusterNode;
  readonly #bus: Bus;
  readonly #subscriptions = new Map<string, () => void>();
  #forgetBus: () => void = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /** @throws RangeError when the key is too short, TypeError for a prefix that engines would not take */
  constructor({ bus, ...options }: TrackerClusterOptions) {
    this.#bus = bus;
    const crypto = defaultCrypto();
    this.#node = new ClusterNode(
      { ...options, crypto, random: crypto.random },
      {
        publish: (subject, message) => bus.publish(subject, message),
        subscribe: (subject) => this.#subscribe(subject),
        unsubscribe: (subject) => {
          this.#subscriptions.get(subject)?.();
          this.#subscriptions.delete(subject);
        },
      },
    );
  }

  /** For the options of a `TrackerServer`, which must then be told to `join`. The adapters do both. */
  get link(): ClusterLink {
    return this.#node;
  }

  /** This node's name among the others: random, and another one at every start. */
  get nodeId(): string {
    return this.#node.id;
  }

  /** Whether the other nodes can be reached. When not, the tracker serves its own members as if it were alone. */
  get isUp(): boolean {
    return this.#node.isUp;
  }

  /** Other nodes heard of within the last 7 s. */
  get aliveNodes(): number {
    return this.#node.aliveNodes;
  }

  /** Counters since the start. */
  get statistics(): ClusterStatistics {
    return this.#node.statistics;
  }

  /** Tells the other nodes of the tracker's rooms, and begins to take their offers. Call it once. */
  join(tracker: ClusterPort): void {
    this.#forgetBus = this.#bus.onState((state) => {
      this.#node.setBusState(state, now());
      this.#rearm();
    });
    this.#node.start(tracker, this.#bus.state, now());
    this.#rearm();
  }

  /** Asks the other nodes for no more offers, while the tracker drains; answers still come. */
  leave(): void {
    this.#node.leave(now());
  }

  /** Leaves at once. The bus, and the client under it, are the caller's to close. */
  close(): void {
    this.#node.close(now());
    this.#forgetBus();
    clearTimeout(this.#timer);
  }

  #subscribe(subject: string): void {
    const unsubscribe = this.#bus.subscribe(subject, (message) => {
      this.#node.handleMessage(subject, message, now());
      this.#rearm();
    });
    this.#subscriptions.set(subject, unsubscribe);
  }

  #rearm(): void {
    const at = this.#node.nextTimeout;
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(
      () => {
        this.#timerAt = Number.POSITIVE_INFINITY;
        this.#node.handleTimeout(now());
        this.#rearm();
      },
      Math.max(0, at - now()),
    );
    this.#timer.unref(); // the connections of the tracker and of the bus keep a process alive
  }
}

/** The clock of the tracker's adapters. */
function now(): number {
  return performance.now();
}
