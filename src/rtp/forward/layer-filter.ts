/**
 * Which layers of an encoding a viewer gets. A filter decides packet by packet, and so that all packets of a frame fare
 * alike, in whatever order they come: a change is noted down with the place where it begins, and packets are judged by
 * what was in force at theirs.
 */
import type { EncodingPacket } from './encoding-reader.ts';

/** The highest layers a viewer wants; `Infinity` for all there are. */
export type LayerWish = { readonly spatialLayer: number; readonly temporalLayer: number };

export interface LayerFilter {
  /** What is wished from now on; the filter gets there as soon as what it lets through stays decodable. */
  wish: LayerWish;
  /** The layers in force. */
  readonly layers: LayerWish;
  /** Whether only a key frame gets to what is wished. */
  readonly needsKeyFrame: boolean;
  /** Whether to forward a packet. The first one asked for starts a key picture. */
  accepts(packet: EncodingPacket): boolean;
  /** Whether the picture ends for this viewer with an accepted packet: it goes without the layers above. */
  endsPicture(packet: EncodingPacket): boolean;
  /** The decode targets that can be decoded from this packet on, a bit each; `null` where packets do not tell of any. */
  decodeTargets(packet: EncodingPacket): number | null;
}

/**
 * Bound: how many changes are remembered, the oldest forgotten first. Packets that are older than all of them are dropped;
 * there are no more changes than pictures, and real viewers change layers every few seconds at most.
 */
const MAX_CHANGES = 16;

/** Values with the places from which on they are in force. */
export class History<Value> {
  readonly #changes: { readonly from: number; readonly value: Value }[] = [];

  /** What is in force for what comes next; call `change` first. */
  get latest(): Value {
    return this.#changes.at(-1)!.value;
  }

  get isEmpty(): boolean {
    return this.#changes.length === 0;
  }

  /** One that lies before the last change does nothing. */
  change(from: number, value: Value): void {
    const last = this.#changes.at(-1)?.from ?? -Infinity;
    if (from < last) return;
    if (from === last) this.#changes.pop();
    this.#changes.push({ from, value });
    if (this.#changes.length > MAX_CHANGES) this.#changes.shift();
  }

  /** What is in force at this place; `null` before the first change. */
  at(place: number): Value | null {
    for (let i = this.#changes.length - 1; i >= 0; i--) {
      const change = this.#changes[i]!;
      if (place >= change.from) return change.value;
    }
    return null;
  }
}
