/** What a track gives to its sender, counted: for RTCMediaSourceStats. */
import type { EncodedMediaFrame, MediaCodec } from '../media/tracks.ts';
import { audioPacketDuration, FrameRate } from '../rtp/index.ts';

export class SourceMeter {
  frames = 0;
  /** Seconds of sound. */
  totalDuration = 0;
  readonly frameRate: FrameRate = new FrameRate();
  /** Of the last key frame that told it. */
  frameSize: { readonly width: number; readonly height: number } | null = null;
  #timestamp = Number.NaN;

  get hasFrames(): boolean {
    return this.frames > 0;
  }

  /** Of simulcast, the encodings of one picture count once: they have one timestamp. */
  note(
    { timestamp, data, metadata }: EncodedMediaFrame,
    { mimeType, clockRate, channels }: MediaCodec,
    now: number,
  ): void {
    const { width = 0, height = 0 } = metadata ?? {};
    const isAnother = timestamp !== this.#timestamp;
    if (width > 0 && height > 0 && (isAnother || width > (this.frameSize?.width ?? 0))) {
      this.frameSize = { width, height };
    }
    if (!isAnother) return;
    this.#timestamp = timestamp;
    this.frames++;
    this.frameRate.note(now);
    if (mimeType.startsWith('audio/')) {
      this.totalDuration += audioPacketDuration(mimeType, data, channels ?? 1) / clockRate;
    }
  }
}
