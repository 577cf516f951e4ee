/** What a media file is to us: tracks of encoded frames. */
import type { EncodedMediaFrame, MediaCodec, MediaKind } from '../encoded-frame.ts';

/** A path or `file:` URL (Node, Deno, Bun), a Blob or File, all its bytes, or a stream of them. */
export type MediaFileSource = string | URL | Blob | Uint8Array | ReadableStream<Uint8Array>;

export type MediaFileFormat = 'webm' | 'mkv' | 'mp4' | 'ogg' | 'wav' | 'ivf';

export type MediaFile = {
  readonly format: MediaFileFormat;
  /** Those with a codec that RTP can carry. */
  readonly tracks: readonly MediaFileTrack[];
  /** Names of the codecs of tracks that were left out, as the file has them. */
  readonly unsupportedCodecs: readonly string[];
  /** Lets go of the file. Iterations under way end with an error. */
  close(): void;
};

export type MediaFileTrack = {
  readonly kind: MediaKind;
  /** As for RTP: PCM is already what it will be sent as, H.264 has its `profile-level-id`. */
  readonly codec: MediaCodec;
  /** Of video, in pixels as coded. */
  readonly width?: number;
  readonly height?: number;
  /**
   * The frames from the beginning, in decoding order, as fast as they are asked for. Of a source that is a stream, one
   * track can be read, once.
   */
  frames(): AsyncGenerator<EncodedMediaFrame, void, undefined>;
};

/** The file is not what it should be, or has nothing we can use. */
export class MediaFileError extends Error {
  override readonly name = 'MediaFileError';
}
