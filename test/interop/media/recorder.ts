/** Records tracks to files, as an application would. */
import { join } from 'node:path';
import type { MediaStreamTrack } from '../../../src/index.ts';
import {
  type EncodedMediaFrame,
  encodedFrames,
  type MediaCodec,
  type MediaFileFormat,
  MediaFileWriter,
  type MediaFileWriterStats,
  rtpPackets,
  type TrackFrame,
  type TrackPacket,
} from '../../../src/media/index.ts';

export type Recording = {
  readonly codec: MediaCodec;
  readonly frames: readonly EncodedMediaFrame[];
  /** RTP timestamps of the packets that came beside it, each once, from that of the first frame on and counted from there. */
  readonly packetTimestamps: readonly number[];
  readonly stats: MediaFileWriterStats;
  readonly path: string;
};

/** The first frames of a track, in a file. */
export async function record(
  track: MediaStreamTrack,
  options: { folder: string; name: string; format: MediaFileFormat; count: number },
): Promise<Recording> {
  const path = join(options.folder, `${options.name}.${options.format}`);
  const writer = new MediaFileWriter({ target: path });
  const timestamps = new Set<number>();
  const packets = rtpPackets(track).getReader();
  void notePackets(packets, timestamps);
  const frames: EncodedMediaFrame[] = [];
  let file: ReturnType<MediaFileWriter['addTrack']> | null = null;
  for await (const frame of encodedFrames(track) as unknown as AsyncIterable<TrackFrame>) {
    file ??= writer.addTrack(frame.codec);
    frames.push(frame);
    file.write(frame);
    if (frames.length === options.count) break;
  }
  await packets.cancel();
  if (file === null) throw new Error(`${options.name} ended without a frame`);
  await writer.finalize();
  return { codec: file.codec, frames, packetTimestamps: fromFirst(timestamps), stats: writer.stats, path };
}

async function notePackets(reader: ReadableStreamDefaultReader<TrackPacket>, timestamps: Set<number>): Promise<void> {
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    timestamps.add(next.value.packet.timestamp);
  }
}

/** RFC 3550 §5.1: timestamps are modulo 2^32. */
function fromFirst(timestamps: ReadonlySet<number>): number[] {
  const [first = 0] = timestamps;
  return Array.from(timestamps, (timestamp) => (timestamp - first) >>> 0).sort((a, b) => a - b);
}
