/** RTCStatsReport (WebRTC §8.3): a read-only map from ids to RTCStats dictionaries. */
import { exposeInterface, requireInternal } from '../webidl/conversions.ts';

export type RTCStatsType =
  | 'peer-connection'
  | 'data-channel'
  | 'transport'
  | 'candidate-pair'
  | 'local-candidate'
  | 'remote-candidate'
  | 'certificate'
  | 'codec'
  | 'inbound-rtp'
  | 'outbound-rtp'
  | 'remote-inbound-rtp'
  | 'remote-outbound-rtp'
  | 'media-source';

/** The members that all have; the others are in `stats-dictionaries.ts`. */
export interface RTCStats {
  id: string;
  type: RTCStatsType;
  /** Milliseconds since 1970, with fractions. */
  timestamp: number;
}

// biome-ignore lint/suspicious/noExplicitAny: lib.dom has it so, and its users read members without a cast
type Value = any;

export class RTCStatsReport {
  readonly #stats: ReadonlyMap<string, Value>;

  static {
    exposeInterface(RTCStatsReport, 'RTCStatsReport', 0);
    // `maplike`: iterating is `entries`, the same function.
    Object.defineProperty(RTCStatsReport.prototype, Symbol.iterator, {
      value: RTCStatsReport.prototype.entries,
      configurable: true,
      writable: true,
    });
  }

  /** Not for scripts: throws "Illegal constructor". */
  constructor(key: symbol, stats: readonly RTCStats[]) {
    requireInternal(key);
    this.#stats = new Map(stats.map((entry) => [entry.id, entry]));
  }

  get size(): number {
    return this.#stats.size;
  }

  has(id: string): boolean {
    return this.#stats.has(`${id}`);
  }

  get(id: string): Value {
    return this.#stats.get(`${id}`);
  }

  keys(): MapIterator<string> {
    return this.#stats.keys();
  }

  values(): MapIterator<Value> {
    return this.#stats.values();
  }

  entries(): MapIterator<[string, Value]> {
    return this.#stats.entries();
  }

  declare [Symbol.iterator]: () => MapIterator<[string, Value]>;

  forEach(callback: (value: Value, key: string, parent: RTCStatsReport) => void, thisArg: unknown = undefined): void {
    for (const [id, entry] of this.#stats) callback.call(thisArg, entry, id, this);
  }
}
