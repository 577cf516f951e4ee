/** Sound without a codec library: tones of PCMU, PCMA and L16, and silence of Opus. */
import type { EncodedMediaFrame, MediaCodec } from '../encoded-frame.ts';
import { encodePcm } from '../files/pcm.ts';

export type ToneOptions = {
  /** Hz. Default 440. */
  readonly frequency?: number;
  /** 0 … 1 of full scale. Default 0.25, which is -12 dB. */
  readonly amplitude?: number;
  /** Of all frames together, in ms. Default: without end. */
  readonly durationMs?: number;
  /** Of one frame, in ms. Default 20. L16 of 48,000 Hz fits packets up to 10. */
  readonly frameMs?: number;
};

/**
 * Frames of a sine, one after the other from timestamp 0, as fast as they are asked for.
 * @throws TypeError for a codec other than PCMU, PCMA and L16
 */
export function* toneFrames(
  codec: MediaCodec,
  options: ToneOptions = {},
): Generator<EncodedMediaFrame, void, undefined> {
  const { frequency = 440, amplitude = 0.25, durationMs = Infinity, frameMs = 20 } = options;
  const { mimeType, clockRate, channels = 1 } = codec;
  if (!['audio/pcmu', 'audio/pcma', 'audio/l16'].includes(mimeType.toLowerCase())) {
    throw new TypeError(`expected audio/PCMU, audio/PCMA or audio/L16, got ${mimeType}`);
  }
  const samplesPerFrame = Math.round((clockRate * frameMs) / 1000);
  const total = (durationMs / 1000) * clockRate;
  for (let start = 0; start + samplesPerFrame <= total; start += samplesPerFrame) {
    const samples = new Int16Array(samplesPerFrame * channels);
    for (let i = 0; i < samples.length; i++) {
      const time = (start + Math.floor(i / channels)) / clockRate;
      samples[i] = Math.round(32_767 * amplitude * Math.sin(2 * Math.PI * frequency * time));
    }
    yield {
      type: 'key',
      timestamp: Math.round((start / clockRate) * 1e6),
      duration: Math.round((samplesPerFrame / clockRate) * 1e6),
      data: encodePcm(codec, samples, channels),
    };
  }
}

/** 20 ms of Opus: CELT, full band, one channel, nothing in it. */
const OPUS_SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe);
const OPUS_SILENCE_US = 20_000;

/** Frames of silence in Opus of 20 ms each, one after the other from timestamp 0. */
export function* opusSilenceFrames(
  options: { durationMs?: number } = {},
): Generator<EncodedMediaFrame, void, undefined> {
  const end = (options.durationMs ?? Infinity) * 1000;
  for (let timestamp = 0; timestamp + OPUS_SILENCE_US <= end; timestamp += OPUS_SILENCE_US) {
    yield { type: 'key', timestamp, duration: OPUS_SILENCE_US, data: OPUS_SILENCE.slice() };
  }
}
