/** Plays frames into a track in real time, again and again. */
import {
  type EncodedMediaFrame,
  EncodedTrackSource,
  type MediaCodec,
  type MediaKind,
} from '../../../src/media/index.ts';

const TICK_MS = 10;

export type Clip = {
  readonly kind: MediaKind;
  readonly codec: string | MediaCodec;
  /** From 0 on. */
  readonly frames: readonly EncodedMediaFrame[];
  /** After so long it begins again, in µs. */
  readonly length: number;
};

export class Player {
  readonly source: EncodedTrackSource;
  /** While it is, nothing is written, and the clip's time stands still. */
  isPaused = false;
  readonly #timer: NodeJS.Timeout;

  constructor({ kind, codec, frames, length }: Clip) {
    this.source = new EncodedTrackSource({ kind, codec });
    let at = performance.now();
    let [index, round, now] = [0, 0, 0];
    this.#timer = setInterval(() => {
      const before = at;
      at = performance.now();
      if (this.isPaused) return;
      now += (at - before) * 1000;
      for (;;) {
        const timestamp = round * length + frames[index]!.timestamp;
        if (timestamp > now) return;
        this.source.write({ ...frames[index]!, timestamp });
        index = (index + 1) % frames.length;
        if (index === 0) round++;
      }
    }, TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
