/** Plays a media file into tracks. */
import { MediaPlayer, type MediaPlayerOptions } from '../media-player.ts';
import type { MediaFileSource } from './media-file.ts';
import { type ReadMediaFileOptions, readMediaFile } from './read-media-file.ts';

export type PlayFileOptions = Omit<MediaPlayerOptions, 'close'> & ReadMediaFileOptions;

/**
 * The tracks of a media file, played in real time as they are, without decoding. It begins once somebody takes a track.
 *
 * @param source not a stream: tracks are read side by side
 * @throws MediaFileError for a file that cannot be read, or has nothing that RTP can carry
 * @example
 * ```ts
 * await using player = await playFile('clip.webm', { loop: true });
 * for (const track of player.tracks) pc.addTrack(track, player.stream);
 * ```
 */
export async function playFile(
  source: Exclude<MediaFileSource, ReadableStream>,
  options: PlayFileOptions = {},
): Promise<MediaPlayer> {
  if (source instanceof ReadableStream) {
    throw new TypeError('tracks of a stream cannot be read side by side: pass a path, a Blob or bytes');
  }
  const file = await readMediaFile(source, options);
  const tracks = file.tracks.map(({ kind, codec, width, height, frames }) => ({
    kind,
    codec,
    settings: width === undefined || height === undefined ? {} : { width, height },
    frames,
  }));
  try {
    return new MediaPlayer(tracks, { ...options, close: () => file.close() });
  } catch (error) {
    file.close();
    throw error;
  }
}
