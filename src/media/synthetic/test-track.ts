/** A track without a camera, a microphone or a codec: a square that moves over a VP8 picture, or a tone of PCMU. */
import type { EncodedMediaFrame, MediaKind } from '../encoded-frame.ts';
import type { MediaClock } from '../media-clock.ts';
import { MediaPlayer, type PlayableTrack } from '../media-player.ts';
import type { MediaStreamTrack } from '../media-stream-track.ts';
import { completeCodec } from '../scripted-source.ts';
import { toneFrames } from './tone.ts';
import { vp8TestPicture, yuvOf } from './vp8-test-picture.ts';

export type TestTrackOptions = {
  /** Of the picture, in pixels. Default 320 × 240. */
  readonly width?: number;
  readonly height?: number;
  /** Pictures per second. Default 25. */
  readonly frameRate?: number;
  /** Of the tone, in Hz. Default 440. */
  readonly frequency?: number;
  /** After which the track ends, in ms. Default: never, but with `track.stop()`. */
  readonly durationMs?: number;
  /** Default: the machine's. */
  readonly clock?: MediaClock;
};

const BACKGROUND = yuvOf(32, 64, 128);
const SQUARE = yuvOf(255, 160, 0);

/** Begins by itself once somebody takes it. Every picture is a key frame: whoever joins sees it at once. */
export function testTrack(kind: MediaKind, options: TestTrackOptions = {}): MediaStreamTrack {
  const { clock } = options;
  return new MediaPlayer([testMedia(kind, options)], clock === undefined ? {} : { clock }).tracks[0]!;
}

/** The same, to be played beside other tracks. */
export function testMedia(kind: MediaKind, options: TestTrackOptions = {}): PlayableTrack {
  const { width = 320, height = 240, frameRate = 25, frequency = 440, durationMs = Infinity } = options;
  if (kind === 'audio') {
    const codec = completeCodec('audio', 'audio/PCMU');
    return { kind, codec, frames: () => toneFrames(codec, { frequency, durationMs }) };
  }
  return {
    kind,
    codec: completeCodec('video', 'video/VP8'),
    settings: { width, height, frameRate },
    frames: () => movingPictures(width, height, frameRate, durationMs),
  };
}

function* movingPictures(
  width: number,
  height: number,
  frameRate: number,
  durationMs: number,
): Generator<EncodedMediaFrame, void, undefined> {
  const columns = Math.ceil(width / 16);
  const rows = Math.ceil(height / 16);
  const duration = 1e6 / frameRate;
  for (let picture = 0; (picture + 1) * duration <= durationMs * 1000; picture++) {
    const [left, top] = [picture % columns, Math.floor(picture / columns) % rows];
    const colorAt = (column: number, row: number) => (column === left && row === top ? SQUARE : BACKGROUND);
    const data = vp8TestPicture({ width, height, colorAt });
    yield { type: 'key', timestamp: Math.round(picture * duration), duration: Math.round(duration), data };
  }
}
