/** Tracks of WebM, Matroska, MP4, Ogg and WAV, which mediabunny takes apart. */
import type * as Mediabunny from 'mediabunny';
import type { EncodedMediaFrame, MediaCodec } from '../encoded-frame.ts';
import { describeKeyFrame } from './codec-description.ts';
import { av1Converter, type FrameConverter, nalUnitConverter } from './decoder-configuration.ts';
import { type MediaFile, MediaFileError, type MediaFileFormat, type MediaFileTrack } from './media-file.ts';
import { decodePcm, type PcmChunk, type PcmEncoding, pcmCodec, pcmFrames } from './pcm.ts';

const VIDEO_MIME_TYPES: ReadonlyMap<string, string> = new Map([
  ['vp8', 'video/VP8'],
  ['vp9', 'video/VP9'],
  ['av1', 'video/AV1'],
  ['avc', 'video/H264'],
  ['hevc', 'video/H265'],
]);
const FORMATS: ReadonlyMap<string, MediaFileFormat> = new Map([
  ['WebM', 'webm'],
  ['Matroska', 'mkv'],
  ['MP4', 'mp4'],
  ['QuickTime File Format', 'mp4'],
  ['Ogg', 'ogg'],
  ['WAVE', 'wav'],
]);

/** @throws MediaFileError for what is none of these */
export async function readContainer(
  mediabunny: typeof Mediabunny,
  source: Mediabunny.Source,
  pcm: PcmEncoding | undefined,
): Promise<MediaFile> {
  const { Input, MATROSKA, WEBM, MP4, QTFF, OGG, WAVE } = mediabunny;
  const input = new Input({ source, formats: [WEBM, MATROSKA, MP4, QTFF, OGG, WAVE] });
  try {
    const format = FORMATS.get((await input.getFormat()).name);
    const unsupportedCodecs: string[] = [];
    const tracks: MediaFileTrack[] = [];
    for (const track of await input.getTracks()) {
      const read = track.isVideoTrack()
        ? await videoTrack(mediabunny, track)
        : track.isAudioTrack()
          ? await audioTrack(mediabunny, track, pcm)
          : null;
      if (read !== null) tracks.push(read);
      else unsupportedCodecs.push(String((await track.getCodec()) ?? (await track.getInternalCodecId())));
    }
    if (format === undefined) throw new MediaFileError('a format that is not known here');
    return { format, tracks, unsupportedCodecs, close: () => input.dispose() };
  } catch (error) {
    input.dispose();
    if (error instanceof mediabunny.UnsupportedInputFormatError) {
      throw new MediaFileError('not a WebM, Matroska, MP4, Ogg, WAV or IVF file', { cause: error });
    }
    throw error;
  }
}

async function videoTrack(
  mediabunny: typeof Mediabunny,
  track: Mediabunny.InputVideoTrack,
): Promise<MediaFileTrack | null> {
  const codec = await track.getCodec();
  const mimeType = VIDEO_MIME_TYPES.get(codec ?? '');
  if (mimeType === undefined) return null;
  const description = toBytes((await track.getDecoderConfig())?.description);
  const makeConverter = (): FrameConverter => {
    if (codec === 'av1') return av1Converter(description);
    if (codec !== 'avc' && codec !== 'hevc') return (data) => data;
    const converter = nalUnitConverter(codec === 'avc' ? 'H264' : 'H265', description);
    if (converter === null)
      throw new MediaFileError(`the ${mimeType} track has no decoder configuration that can be read`);
    return converter;
  };
  const sink = new mediabunny.EncodedPacketSink(track);
  const first = await sink.getFirstPacket();
  const firstFrame = first && makeConverter()(first.data, first.type === 'key');
  const described = firstFrame && describeKeyFrame(mimeType, firstFrame);
  return {
    kind: 'video',
    codec: {
      mimeType,
      clockRate: 90_000,
      ...(described?.sdpFmtpLine !== undefined && { sdpFmtpLine: described.sdpFmtpLine }),
    },
    width: described?.width ?? (await track.getCodedWidth()),
    height: described?.height ?? (await track.getCodedHeight()),
    async *frames() {
      const convert = makeConverter();
      for await (const packet of sink.packets()) {
        const data = convert(packet.data, packet.type === 'key');
        if (data !== null) yield toFrame(packet, data);
      }
    },
  };
}

async function audioTrack(
  mediabunny: typeof Mediabunny,
  track: Mediabunny.InputAudioTrack,
  pcm: PcmEncoding | undefined,
): Promise<MediaFileTrack | null> {
  const codec = await track.getCodec();
  if (codec === null) return null;
  const sink = new mediabunny.EncodedPacketSink(track);
  const channels = await track.getNumberOfChannels();
  if (codec === 'opus') {
    return {
      kind: 'audio',
      codec: opusCodec(channels),
      async *frames() {
        for await (const packet of sink.packets()) yield toFrame(packet, packet.data);
      },
    };
  }
  if (decodePcm(codec, new Uint8Array(0)) === null) return null;
  const sampleRate = await track.getSampleRate();
  const pcmFormat = pcmCodec(pcm ?? defaultEncoding(codec, sampleRate), sampleRate, channels);
  async function* chunks(): AsyncGenerator<PcmChunk> {
    for await (const { data, timestamp } of sink.packets()) {
      yield { timestamp: timestamp * 1e6, samples: decodePcm(codec!, data)! };
    }
  }
  return { kind: 'audio', codec: pcmFormat, frames: () => pcmFrames(chunks(), pcmFormat, channels) };
}

/** RFC 7587 §7: always `opus/48000/2`; that there really are two is said in the parameters. */
function opusCodec(channels: number): MediaCodec {
  const codec = { mimeType: 'audio/opus', clockRate: 48_000, channels: 2 };
  return channels === 2 ? { ...codec, sdpFmtpLine: 'sprop-stereo=1' } : codec;
}

function defaultEncoding(codec: string, sampleRate: number): PcmEncoding {
  if (sampleRate !== 8000) return 'L16';
  return codec === 'alaw' ? 'PCMA' : 'PCMU';
}

function toFrame(packet: Mediabunny.EncodedPacket, data: Uint8Array): EncodedMediaFrame {
  const { type, timestamp, duration } = packet;
  return {
    type,
    timestamp: Math.round(timestamp * 1e6),
    ...(duration > 0 && { duration: Math.round(duration * 1e6) }),
    data,
  };
}

function toBytes(source: AllowSharedBufferSource | undefined): Uint8Array | undefined {
  if (source === undefined) return undefined;
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
}
