/** What a MediaFileWriter writes with. */
import type { EncodedMediaFrame, MediaCodec, MediaKind } from '../encoded-frame.ts';
import type { VideoDescription } from './codec-description.ts';

export type TrackToWrite = {
  readonly kind: MediaKind;
  readonly codec: MediaCodec;
  /** Of video: what its first frame, a key frame, said. */
  description: VideoDescription | null;
};

/** Timestamps are µs from the beginning of the file, 0 or more. */
export interface FileWriterBackend {
  write(track: number, frame: EncodedMediaFrame): Promise<void>;
  /** The tracks given up before the end have no more frames. */
  finish(): Promise<Uint8Array | null>;
  /** Closes what is open, without making it a whole file. */
  abort(): Promise<void>;
}
