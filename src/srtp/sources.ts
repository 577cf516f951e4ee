/**
 * The state of each synchronization source: which of its indices have been used. "Separate replay lists and packet
 * counters for each stream (SSRC) MUST still be maintained" (RFC 3711 §3.2.1) where they share keys, as here.
 *
 * The highest index is ROC and s_l in one (§3.3.1): `estimateIndex` starts from it.
 */
import { ReplayWindow } from '../binary/replay-window.ts';

/**
 * Bound: sources with a replay window. Only packets that were authentic (or our own) make one, so only the peer (or we)
 * can fill the table. One more retires the source that was silent longest: of that, its highest index is all that is
 * kept. When it speaks again it goes on from there; what it sent before, late or replayed, is refused. A conference of
 * 300 that send audio, video and retransmissions over one transport fits; an entry takes some 400 bytes.
 */
export const MAX_ACTIVE_SOURCES = 1024;

/**
 * Bound: retired sources. None is ever forgotten, for then its old packets could be replayed; at the bound a new source
 * is refused. A peer that changes seven SSRCs a minute gets there after 39 hours; an entry takes some 50 bytes.
 */
export const MAX_RETIRED_SOURCES = 16_384;

/** Highest index of each source. */
export type SourceIndices = ReadonlyMap<number, number>;

type Source = { readonly window: ReplayWindow; lastUse: number };

export class SourceTable {
  readonly #windowSize: number;
  readonly #active = new Map<number, Source>();
  readonly #retired: Map<number, number>;
  /** Counts uses of any source, to find the one that was not used longest. */
  #uses = 0;
  /** The source looked at last: most packets come from the same one as the packet before. */
  #lastSsrc = -1;
  #lastSource: Source | null = null;

  /**
   * @param windowSize of every source's replay window, in packets
   * @param indices sources of an earlier table, which count as retired
   */
  constructor(windowSize: number, indices?: SourceIndices) {
    if (indices !== undefined && indices.size > MAX_RETIRED_SOURCES) {
      throw new RangeError(`a context goes on from at most ${MAX_RETIRED_SOURCES} sources, not ${indices.size}`);
    }
    this.#windowSize = windowSize;
    this.#retired = new Map(indices);
  }

  /** The highest index of a source; -1 for one not heard of. */
  newest(ssrc: number): number {
    const source = this.#find(ssrc);
    return source !== null ? source.window.newest : (this.#retired.get(ssrc) ?? -1);
  }

  /** Whether this index of a source may still be new. Makes no state. */
  mayBeNew(ssrc: number, index: number): boolean {
    const source = this.#find(ssrc);
    return source !== null ? source.window.mayBeNew(index) : index > (this.#retired.get(ssrc) ?? -1);
  }

  /** Whether `add` may be called for this source. Makes no state. */
  hasRoom(ssrc: number): boolean {
    return (
      this.#active.size < MAX_ACTIVE_SOURCES ||
      this.#retired.size < MAX_RETIRED_SOURCES ||
      this.#find(ssrc) !== null ||
      this.#retired.has(ssrc)
    );
  }

  /** Notes an index that `mayBeNew`, of a source that there is room for: the packet was authentic, or is being sent. */
  add(ssrc: number, index: number): void {
    const source = this.#find(ssrc) ?? this.#activate(ssrc);
    source.lastUse = ++this.#uses;
    source.window.add(index);
  }

  /** The highest index of every source, retired or not. */
  indices(): Map<number, number> {
    const indices = new Map(this.#retired);
    for (const [ssrc, { window }] of this.#active) indices.set(ssrc, window.newest);
    return indices;
  }

  #find(ssrc: number): Source | null {
    if (ssrc === this.#lastSsrc) return this.#lastSource;
    const source = this.#active.get(ssrc);
    if (source === undefined) return null;
    this.#lastSsrc = ssrc;
    this.#lastSource = source;
    return source;
  }

  #activate(ssrc: number): Source {
    const newest = this.#retired.get(ssrc) ?? -1;
    this.#retired.delete(ssrc);
    if (this.#active.size >= MAX_ACTIVE_SOURCES) this.#retireOne();
    const source = { window: new ReplayWindow(this.#windowSize, newest), lastUse: 0 };
    this.#active.set(ssrc, source);
    return source;
  }

  #retireOne(): void {
    let oldest = -1;
    let oldestUse = Number.POSITIVE_INFINITY;
    for (const [ssrc, { lastUse }] of this.#active) {
      if (lastUse >= oldestUse) continue;
      oldest = ssrc;
      oldestUse = lastUse;
    }
    this.#retired.set(oldest, this.#active.get(oldest)!.window.newest);
    this.#active.delete(oldest);
    if (this.#lastSsrc === oldest) this.#lastSsrc = -1;
  }
}
