/** Writes WebM, Matroska, MP4, Ogg and WAV, which mediabunny puts together. */
import type * as Mediabunny from 'mediabunny';
import { audioPacketDuration } from '../../rtp/payload/audio-duration.ts';
import { decodePcma, decodePcmu } from '../../rtp/payload/g711.ts';
import type { EncodedMediaFrame } from '../encoded-frame.ts';
import { pathOf } from './byte-source.ts';
import type { FileWriterBackend, TrackToWrite } from './file-writer-backend.ts';
import { withSuperframeIndex } from './ivf-writer.ts';
import type { MediaFileFormat } from './media-file.ts';

/** What we write to: a path, a stream that only goes on, or memory. */
export type MediaFileTarget = string | URL | WritableStream<Uint8Array> | undefined;

/** Bound: silence put into one gap of a WAV file, whose samples have no timestamps. A longer gap is cut to this. */
const MAX_SILENCE_S = 60;

const VIDEO_CODECS: ReadonlyMap<string, Mediabunny.VideoCodec> = new Map([
  ['video/vp8', 'vp8'],
  ['video/vp9', 'vp9'],
  ['video/av1', 'av1'],
  ['video/h264', 'avc'],
  ['video/h265', 'hevc'],
]);

type Source =
  | { kind: 'video'; source: Mediabunny.EncodedVideoPacketSource; track: TrackToWrite; isStarted: boolean }
  | {
      kind: 'audio';
      source: Mediabunny.EncodedAudioPacketSource;
      track: TrackToWrite;
      isStarted: boolean;
      codec: Mediabunny.AudioCodec;
      /** Where the samples written so far end, in µs. */
      end: number;
    };

export class ContainerWriter implements FileWriterBackend {
  readonly #mediabunny: typeof Mediabunny;
  readonly #format: MediaFileFormat;
  readonly #output: Mediabunny.Output;
  readonly #memory: Mediabunny.BufferTarget | null;
  readonly #sources: Source[];

  private constructor(
    mediabunny: typeof Mediabunny,
    format: MediaFileFormat,
    output: Mediabunny.Output,
    memory: Mediabunny.BufferTarget | null,
    sources: Source[],
  ) {
    this.#mediabunny = mediabunny;
    this.#format = format;
    this.#output = output;
    this.#memory = memory;
    this.#sources = sources;
  }

  static async open(
    format: MediaFileFormat,
    tracks: readonly TrackToWrite[],
    target: MediaFileTarget,
  ): Promise<ContainerWriter> {
    const mediabunny = await import('mediabunny');
    const memory = target === undefined ? new mediabunny.BufferTarget() : null;
    const output = new mediabunny.Output({
      format: outputFormat(mediabunny, format, target instanceof WritableStream),
      target: memory ?? (await fileOrStream(mediabunny, target!)),
    });
    const sources = tracks.map((track): Source => {
      if (track.kind === 'video') {
        const codec = VIDEO_CODECS.get(track.codec.mimeType.toLowerCase())!;
        const source = new mediabunny.EncodedVideoPacketSource(codec);
        output.addVideoTrack(source);
        return { kind: 'video', source, track, isStarted: false };
      }
      const codec = audioCodec(track.codec.mimeType, format);
      const source = new mediabunny.EncodedAudioPacketSource(codec);
      output.addAudioTrack(source);
      return { kind: 'audio', source, track, isStarted: false, codec, end: 0 };
    });
    await output.start();
    return new ContainerWriter(mediabunny, format, output, memory, sources);
  }

  async write(index: number, frame: EncodedMediaFrame): Promise<void> {
    const source = this.#sources[index]!;
    const isFirst = !source.isStarted;
    source.isStarted = true;
    if (source.kind === 'audio') {
      await this.#writeAudio(source, frame, isFirst);
      return;
    }
    const { codecString, width, height } = source.track.description!;
    const packet = this.#packet(frame, withSuperframeIndex(source.track, frame), (frame.duration ?? 0) / 1e6);
    const config = { codec: codecString, codedWidth: width, codedHeight: height };
    await source.source.add(packet, isFirst ? { decoderConfig: config } : undefined);
  }

  async finish(): Promise<Uint8Array | null> {
    for (const { source } of this.#sources) source.close();
    await this.#output.finalize();
    return this.#memory === null ? null : new Uint8Array(this.#memory.buffer!);
  }

  async abort(): Promise<void> {
    await this.#output.cancel();
  }

  async #writeAudio(source: Source & { kind: 'audio' }, frame: EncodedMediaFrame, isFirst: boolean): Promise<void> {
    const { codec, track } = source;
    const { clockRate, channels = 1, mimeType } = track.codec;
    const meta = isFirst
      ? {
          decoderConfig: {
            codec,
            sampleRate: clockRate,
            numberOfChannels: channels,
            ...(codec === 'opus' && { description: opusHead(channels, clockRate) }),
          },
        }
      : undefined;
    const durationUs = frame.duration ?? (audioPacketDuration(mimeType, frame.data, channels) / clockRate) * 1e6;
    const data = toPcm(codec, mimeType, frame.data);
    if (this.#format === 'wav') {
      const silence = this.#silence(source, frame.timestamp, data.length / Math.max(durationUs, 1));
      source.end += durationUs;
      await source.source.add(this.#packet({ ...frame, timestamp: 0 }, joined(silence, data), durationUs / 1e6), meta);
    } else {
      await source.source.add(this.#packet(frame, data, durationUs / 1e6), meta);
    }
  }

  /** What is missing between the samples written so far and `timestamp`, if that is more than rounding. */
  #silence(source: Source & { kind: 'audio' }, timestamp: number, bytesPerUs: number): Uint8Array {
    const gapUs = Math.min(timestamp - source.end, MAX_SILENCE_S * 1e6);
    if (gapUs < 2000) return new Uint8Array(0);
    source.end = timestamp;
    const { channels = 1 } = source.track.codec;
    const blockLength = channels * (source.codec === 'pcm-s16' ? 2 : 1);
    const blocks = Math.round((gapUs * bytesPerUs) / blockLength);
    const zero = source.codec === 'ulaw' ? 0xff : source.codec === 'alaw' ? 0xd5 : 0;
    return new Uint8Array(blocks * blockLength).fill(zero);
  }

  #packet(frame: EncodedMediaFrame, data: Uint8Array, duration: number): Mediabunny.EncodedPacket {
    return new this.#mediabunny.EncodedPacket(data, frame.type, frame.timestamp / 1e6, duration);
  }
}

function outputFormat(
  mediabunny: typeof Mediabunny,
  format: MediaFileFormat,
  appendOnly: boolean,
): Mediabunny.OutputFormat {
  switch (format) {
    case 'webm':
      return new mediabunny.WebMOutputFormat({ appendOnly });
    case 'mkv':
      return new mediabunny.MkvOutputFormat({ appendOnly });
    case 'mp4':
      return new mediabunny.Mp4OutputFormat(appendOnly ? { fastStart: 'fragmented' } : { fastStart: false });
    case 'ogg':
      return new mediabunny.OggOutputFormat();
    case 'wav':
      return new mediabunny.WavOutputFormat();
    case 'ivf':
      throw new TypeError('IVF is no container of mediabunny’s');
    default:
      throw format satisfies never;
  }
}

async function fileOrStream(
  mediabunny: typeof Mediabunny,
  target: string | URL | WritableStream<Uint8Array>,
): Promise<Mediabunny.Target> {
  if (target instanceof WritableStream) return new mediabunny.AppendOnlyStreamTarget(target);
  return new mediabunny.FilePathTarget(await pathOf(target));
}

/** WAV has G.711 and low bytes first; the others have 16 bits of PCM. */
function audioCodec(mimeType: string, format: MediaFileFormat): Mediabunny.AudioCodec {
  switch (mimeType.toLowerCase()) {
    case 'audio/opus':
      return 'opus';
    case 'audio/pcmu':
      return format === 'wav' ? 'ulaw' : 'pcm-s16';
    case 'audio/pcma':
      return format === 'wav' ? 'alaw' : 'pcm-s16';
    default:
      return 'pcm-s16';
  }
}

function toPcm(codec: Mediabunny.AudioCodec, mimeType: string, data: Uint8Array): Uint8Array {
  if (codec !== 'pcm-s16') return data;
  const type = mimeType.toLowerCase();
  const bytes = new Uint8Array(type === 'audio/l16' ? data.length & ~1 : 2 * data.length);
  const view = new DataView(bytes.buffer);
  if (type === 'audio/l16') {
    for (let i = 0; i < bytes.length; i += 2) view.setUint16(i, (data[i]! << 8) | data[i + 1]!, true);
  } else {
    const samples = type === 'audio/pcmu' ? decodePcmu(data) : decodePcma(data);
    for (let i = 0; i < samples.length; i++) view.setInt16(2 * i, samples[i]!, true);
  }
  return bytes;
}

/** OpusHead (RFC 7845 §5.1). Nothing is skipped at the beginning: the stream was joined somewhere in its middle anyway. */
function opusHead(channels: number, sampleRate: number): Uint8Array {
  const head = new Uint8Array(19);
  head.set([0x4f, 0x70, 0x75, 0x73, 0x48, 0x65, 0x61, 0x64, 1, channels]);
  new DataView(head.buffer).setUint32(12, sampleRate, true);
  return head;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
