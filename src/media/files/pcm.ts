/** PCM in files, and PCM in RTP: L16 (RFC 3551 §4.5.11), or G.711 for what is sampled at 8,000 Hz. */
import { decodePcma, decodePcmu, encodePcma, encodePcmu } from '../../rtp/payload/g711.ts';
import type { EncodedMediaFrame, MediaCodec } from '../encoded-frame.ts';

/** How long a frame is, in ms: the first that fits. 20 is what everybody else has (RFC 3551 §4.2). */
const FRAME_DURATIONS_MS = [20, 10, 5, 2.5, 1] as const;
/** Bytes that fit any packet, since PCM is not cut: an MTU of 1,200 less headers and extensions. */
const MAX_FRAME_LENGTH = 1100;
/** A gap or an overlap of more than this is meant; less is rounding. */
const MAX_DRIFT_S = 0.01;

export type PcmChunk = {
  /** In µs. */
  readonly timestamp: number;
  /** Interleaved. */
  readonly samples: Int16Array;
};

export type PcmEncoding = 'PCMU' | 'PCMA' | 'L16';

/** Samples of a PCM codec, as mediabunny names them (`pcm-s16`, `pcm-f32be`, `ulaw`), in 16 bits; `null` for others. */
export function decodePcm(codec: string, data: Uint8Array): Int16Array | null {
  if (codec === 'ulaw') return decodePcmu(data);
  if (codec === 'alaw') return decodePcma(data);
  const match = /^pcm-([usf])(8|16|24|32|64)(be)?$/.exec(codec);
  if (match === null) return null;
  const [, type, bits, bigEndian] = match;
  const size = Number(bits) / 8;
  const isLittleEndian = bigEndian === undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const samples = new Int16Array(Math.floor(data.length / size));
  for (let i = 0; i < samples.length; i++) {
    const at = i * size;
    if (type === 'u') {
      samples[i] = (view.getUint8(at) - 128) << 8;
    } else if (type === 's') {
      // The two highest bytes; of one byte, that one.
      const high = isLittleEndian ? at + size - 1 : at;
      const low = isLittleEndian ? high - 1 : high + 1;
      samples[i] = (view.getUint8(high) << 8) | (size > 1 ? view.getUint8(low) : 0);
    } else {
      const value = size === 8 ? view.getFloat64(at, isLittleEndian) : view.getFloat32(at, isLittleEndian);
      samples[i] = Math.max(-32_768, Math.min(32_767, Math.round(value * 32_768)));
    }
  }
  return samples;
}

/**
 * What PCM of this rate is sent as. G.711 has one channel here: several are mixed.
 * @throws RangeError for G.711 of another rate than 8,000 Hz: nothing here resamples
 */
export function pcmCodec(encoding: PcmEncoding, sampleRate: number, channels: number): MediaCodec {
  if (encoding !== 'L16' && sampleRate !== 8000) {
    throw new RangeError(`${encoding} is sampled at 8000 Hz, the file at ${sampleRate} Hz: resample it, or send L16`);
  }
  return { mimeType: `audio/${encoding}`, clockRate: sampleRate, channels: encoding === 'L16' ? channels : 1 };
}

/** Frames for RTP from chunks of any length. The last one may be shorter. */
export async function* pcmFrames(
  chunks: AsyncIterable<PcmChunk>,
  codec: MediaCodec,
  channels: number,
): AsyncGenerator<EncodedMediaFrame, void, undefined> {
  const { clockRate } = codec;
  const samplesPerFrame = frameLength(codec) * channels;
  let pending = new Int16Array(0);
  let start = 0; // of pending, in µs
  for await (const { timestamp, samples } of chunks) {
    const expected = start + (pending.length / channels / clockRate) * 1e6;
    if (Math.abs(timestamp - expected) > MAX_DRIFT_S * 1e6) {
      if (pending.length > 0) yield frame(start, pending);
      pending = new Int16Array(0);
      start = timestamp;
    }
    const joined = new Int16Array(pending.length + samples.length);
    joined.set(pending);
    joined.set(samples, pending.length);
    let at = 0;
    for (; at + samplesPerFrame <= joined.length; at += samplesPerFrame) {
      yield frame(start + (at / channels / clockRate) * 1e6, joined.subarray(at, at + samplesPerFrame));
    }
    pending = joined.slice(at);
    start += (at / channels / clockRate) * 1e6;
  }
  if (pending.length > 0) yield frame(start, pending);

  function frame(timestamp: number, samples: Int16Array): EncodedMediaFrame {
    const duration = Math.round((samples.length / channels / clockRate) * 1e6);
    return { type: 'key', timestamp: Math.round(timestamp), duration, data: encodePcm(codec, samples, channels) };
  }
}

/** Samples as they are sent: G.711, or 16 bits with the high byte first. */
export function encodePcm(codec: MediaCodec, samples: Int16Array, channels: number): Uint8Array {
  switch (codec.mimeType.toLowerCase()) {
    case 'audio/pcmu':
      return encodePcmu(mix(samples, channels));
    case 'audio/pcma':
      return encodePcma(mix(samples, channels));
    default:
      return toBigEndian(samples);
  }
}

/** Samples per channel in a frame. */
function frameLength({ mimeType, clockRate, channels = 1 }: MediaCodec): number {
  const bytesPerSample = mimeType.toLowerCase() === 'audio/l16' ? 2 * channels : 1;
  for (const duration of FRAME_DURATIONS_MS) {
    const samples = Math.floor((clockRate * duration) / 1000);
    if (samples * bytesPerSample <= MAX_FRAME_LENGTH) return Math.max(samples, 1);
  }
  return Math.max(Math.floor(MAX_FRAME_LENGTH / bytesPerSample), 1);
}

function mix(samples: Int16Array, channels: number): Int16Array {
  if (channels === 1) return samples;
  const mono = new Int16Array(samples.length / channels);
  for (let i = 0; i < mono.length; i++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += samples[i * channels + channel]!;
    mono[i] = Math.round(sum / channels);
  }
  return mono;
}

function toBigEndian(samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array(2 * samples.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < samples.length; i++) view.setInt16(2 * i, samples[i]!);
  return bytes;
}
