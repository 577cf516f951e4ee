/** Reads media files: WebM, Matroska, MP4, Ogg, WAV and IVF. */
import { boundedSource } from './bounded-source.ts';
import { openSource, pathOf, peek } from './byte-source.ts';
import { readContainer } from './container.ts';
import { IVF_HEADER_LENGTH, isIvf, readIvf } from './ivf.ts';
import type { MediaFile, MediaFileSource } from './media-file.ts';
import type { PcmEncoding } from './pcm.ts';

export type ReadMediaFileOptions = {
  /**
   * What PCM is sent as. G.711 needs a file of 8,000 Hz, and mixes its channels. Default: for 8,000 Hz, PCMA where the
   * file has A-law and otherwise PCMU; for other rates L16, which browsers do not take.
   */
  readonly pcm?: PcmEncoding;
};

/**
 * The tracks of a media file, as frames that can be sent as they are: H.264 and H.265 as byte streams with parameter sets
 * in each key frame, AV1 without temporal delimiters. Nothing is decoded but PCM.
 *
 * @throws MediaFileError for a file that cannot be read
 * @example
 * ```ts
 * const file = await readMediaFile('clip.webm');
 * for await (const frame of file.tracks[0]!.frames()) console.log(frame.type, frame.timestamp, frame.data.length);
 * ```
 */
export async function readMediaFile(source: MediaFileSource, options: ReadMediaFileOptions = {}): Promise<MediaFile> {
  if (source instanceof ReadableStream) {
    const { head, stream } = await peek(source, IVF_HEADER_LENGTH);
    if (isIvf(head)) return readIvf(await openSource(stream, IVF_HEADER_LENGTH));
    const mediabunny = await import('mediabunny');
    return readContainer(mediabunny, boundedSource(new mediabunny.ReadableStreamSource(stream)), options.pcm);
  }
  const opened = await openSource(source, IVF_HEADER_LENGTH);
  if (isIvf(opened.head)) return readIvf(opened);
  const mediabunny = await import('mediabunny');
  return readContainer(mediabunny, boundedSource(await containerSource(source)), options.pcm);

  async function containerSource(place: Exclude<MediaFileSource, ReadableStream>) {
    if (place instanceof Uint8Array) return new mediabunny.BufferSource(place);
    if (place instanceof Blob) return new mediabunny.BlobSource(place);
    return new mediabunny.FilePathSource(await pathOf(place));
  }
}
