/** Looks for the first whole key frame among packets that come in any order. */
import { frameEnd, isFrameStart, scanFrame } from './frame-boundaries.ts';
import { KEY_FRAME, type PacketRing } from './packet-ring.ts';

/** Bound: beginnings of key frames that are watched at a time. The oldest goes: a newer one makes it superfluous. */
const MAX_CANDIDATES = 8;

type Candidate = { readonly start: number; scanned: number };

export class KeyFrameSearch {
  readonly #ring: PacketRing;
  #candidates: Candidate[] = [];

  constructor(ring: PacketRing) {
    this.#ring = ring;
  }

  /** Whether a key frame has begun. */
  get hasCandidates(): boolean {
    return this.#candidates.length > 0;
  }

  clear(): void {
    this.#candidates = [];
  }

  /** Forgets what begins before a number. */
  forgetBefore(number: number): void {
    if (this.#candidates.length > 0) this.#candidates = this.#candidates.filter(({ start }) => start >= number);
  }

  /** Looks at a packet that came, and at the one behind it, whose beginning it may have made certain. */
  look(number: number, boundary: number): void {
    this.#lookAt(number, boundary);
    this.#lookAt(number + 1, boundary);
  }

  #lookAt(start: number, boundary: number): void {
    const ring = this.#ring;
    if (!ring.has(start) || (ring.flags(start) & KEY_FRAME) === 0 || !isFrameStart(ring, start, boundary)) return;
    if (this.#candidates.some((candidate) => candidate.start === start)) return;
    this.#candidates.push({ start, scanned: start });
    if (this.#candidates.length > MAX_CANDIDATES) this.#candidates.shift();
  }

  /** A whole key frame; `null` when there is none. */
  find(): { readonly start: number; readonly end: number } | null {
    for (const candidate of this.#candidates) {
      const { start } = candidate;
      candidate.scanned = scanFrame(this.#ring, start, candidate.scanned);
      const end = frameEnd(this.#ring, start, candidate.scanned);
      if (end >= 0) return { start, end };
    }
    return null;
  }
}
