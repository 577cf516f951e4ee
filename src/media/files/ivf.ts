/**
 * IVF: the simplest file of video, which the tools of VP8, VP9 and AV1 write. A header of 32 bytes, and frames behind
 * 12 bytes each: length, and timestamp in units of the header's time base. All numbers have the low byte first.
 */
import type { EncodedMediaFrame } from '../encoded-frame.ts';
import type { OpenedSource } from './byte-source.ts';
import { describeKeyFrame } from './codec-description.ts';
import { av1Converter, type FrameConverter, nalUnitConverter } from './decoder-configuration.ts';
import { isKeyFrame } from './key-frame.ts';
import { type MediaFile, MediaFileError } from './media-file.ts';

const HEADER = {
  fourCc: 8,
  width: 12,
  height: 14,
  timeBaseDenominator: 16,
  timeBaseNumerator: 20,
  frameCount: 24,
} as const;
export const IVF_HEADER_LENGTH = 32;
const FRAME_HEADER = { length: 0, timestamp: 4, size: 12 } as const;
const SIGNATURE = 'DKIF';
/** Bound: a longer frame is a damaged file. A raw picture of 4096 × 2160 has 13 MB. */
const MAX_FRAME_LENGTH = 64 * 1024 * 1024;

const FOUR_CCS: ReadonlyMap<string, string> = new Map([
  ['VP80', 'video/VP8'],
  ['VP90', 'video/VP9'],
  ['AV01', 'video/AV1'],
  ['H264', 'video/H264'],
  ['H265', 'video/H265'],
  ['HEVC', 'video/H265'],
]);

export function isIvf(head: Uint8Array): boolean {
  return String.fromCharCode(...head.subarray(0, 4)) === SIGNATURE;
}

/** @throws MediaFileError when the header is cut short, or has a codec we do not know */
export async function readIvf(source: OpenedSource): Promise<MediaFile> {
  const { head } = source;
  if (head.length < IVF_HEADER_LENGTH) throw new MediaFileError('the IVF file ends in its header');
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const fourCc = String.fromCharCode(...head.subarray(HEADER.fourCc, HEADER.fourCc + 4));
  const mimeType = FOUR_CCS.get(fourCc);
  if (mimeType === undefined) throw new MediaFileError(`no codec known as ${JSON.stringify(fourCc)} in an IVF file`);
  const denominator = view.getUint32(HEADER.timeBaseDenominator, true);
  const numerator = view.getUint32(HEADER.timeBaseNumerator, true);
  if (denominator === 0 || numerator === 0) throw new MediaFileError('the IVF file has no time base');
  const unitUs = (1e6 * numerator) / denominator;

  const bytes = source.open();
  async function* frames(iterable = source.open()): AsyncGenerator<EncodedMediaFrame, void, undefined> {
    const convert = converterOf(mimeType!);
    for await (const { timestamp, data } of ivfFrames(iterable)) {
      const frame = toFrame(mimeType!, convert, timestamp * unitUs, data);
      if (frame !== null) yield frame;
    }
  }
  // One look at the first frame tells the profile. A stream goes on from there.
  const iterator = frames(bytes);
  const { value: first } = await iterator.next();
  const description = first ? describeKeyFrame(mimeType, first.data) : null;
  let isFirst = true;
  return {
    format: 'ivf',
    unsupportedCodecs: [],
    tracks: [
      {
        kind: 'video',
        codec: {
          mimeType,
          clockRate: 90_000,
          ...(description?.sdpFmtpLine !== undefined && { sdpFmtpLine: description.sdpFmtpLine }),
        },
        width: description?.width ?? view.getUint16(HEADER.width, true),
        height: description?.height ?? view.getUint16(HEADER.height, true),
        async *frames() {
          if (!isFirst) {
            yield* frames();
            return;
          }
          isFirst = false;
          if (first) yield first;
          yield* iterator;
        },
      },
    ],
    close: () => void iterator.return(),
  };
}

/** The header of a file of microseconds. */
export function ivfHeader(mimeType: string, width: number, height: number, frameCount: number): Uint8Array {
  const bytes = new Uint8Array(IVF_HEADER_LENGTH);
  const view = new DataView(bytes.buffer);
  const fourCc = [...FOUR_CCS].find(([, type]) => type.toLowerCase() === mimeType.toLowerCase())![0];
  bytes.set(asciiBytes(SIGNATURE));
  view.setUint16(6, IVF_HEADER_LENGTH, true); // behind the version, 0
  bytes.set(asciiBytes(fourCc), HEADER.fourCc);
  view.setUint16(HEADER.width, width, true);
  view.setUint16(HEADER.height, height, true);
  view.setUint32(HEADER.timeBaseDenominator, 1_000_000, true);
  view.setUint32(HEADER.timeBaseNumerator, 1, true);
  view.setUint32(HEADER.frameCount, frameCount, true);
  return bytes;
}

/** What stands in front of a frame. @param timestamp in µs */
export function ivfFrameHeader(length: number, timestamp: number): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER.size);
  const view = new DataView(bytes.buffer);
  view.setUint32(FRAME_HEADER.length, length, true);
  view.setBigUint64(FRAME_HEADER.timestamp, BigInt(timestamp), true);
  return bytes;
}

/** Whole frames from chunks of any length. One that is cut short at the end is left out. */
async function* ivfFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<{ timestamp: number; data: Uint8Array }> {
  const parts: Uint8Array[] = [];
  let available = 0;
  let needed = IVF_HEADER_LENGTH;
  let state: 'fileHeader' | 'frameHeader' | 'frame' = 'fileHeader';
  let timestamp = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    available += chunk.length;
    while (available >= needed) {
      const bytes = takeBytes(parts, needed);
      available -= needed;
      if (state === 'frameHeader') {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        needed = view.getUint32(FRAME_HEADER.length, true);
        timestamp = Number(view.getBigUint64(FRAME_HEADER.timestamp, true));
        if (needed > MAX_FRAME_LENGTH) throw new MediaFileError(`a frame of ${needed} bytes in an IVF file`);
        state = 'frame';
      } else {
        if (state === 'frame') yield { timestamp, data: bytes };
        needed = FRAME_HEADER.size;
        state = 'frameHeader';
      }
    }
  }
}

/** The first `length` bytes of these parts, taken from them. */
function takeBytes(parts: Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const part = parts[0]!;
    const taken = part.subarray(0, length - at);
    bytes.set(taken, at);
    at += taken.length;
    if (taken.length === part.length) parts.shift();
    else parts[0] = part.subarray(taken.length);
  }
  return bytes;
}

function converterOf(mimeType: string): FrameConverter {
  if (mimeType === 'video/AV1') return av1Converter(undefined);
  if (mimeType === 'video/H264' || mimeType === 'video/H265') {
    return nalUnitConverter(mimeType === 'video/H264' ? 'H264' : 'H265', undefined)!;
  }
  return (data) => data;
}

/** IVF does not say which frames are key frames: they do. */
function toFrame(
  mimeType: string,
  convert: FrameConverter,
  timestamp: number,
  data: Uint8Array,
): EncodedMediaFrame | null {
  const type = isKeyFrame(mimeType, data) ? 'key' : 'delta';
  const converted = data.length > 0 ? convert(data, type === 'key') : null;
  return converted && { type, timestamp: Math.round(timestamp), data: converted };
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
