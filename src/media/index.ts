/** Media files, and media made of nothing but numbers. */
export type { EncodedMediaFrame, MediaCodec, MediaKind } from './encoded-frame.ts';
export {
  type MediaFile,
  MediaFileError,
  type MediaFileFormat,
  type MediaFileSource,
  type MediaFileTrack,
} from './files/media-file.ts';
export {
  MediaFileWriter,
  type MediaFileWriterOptions,
  type MediaFileWriterStats,
  type MediaFileWriterTrack,
} from './files/media-file-writer.ts';
export type { PcmEncoding } from './files/pcm.ts';
export { type ReadMediaFileOptions, readMediaFile } from './files/read-media-file.ts';
export { opusSilenceFrames, type ToneOptions, toneFrames } from './synthetic/tone.ts';
export { type Vp8TestPictureOptions, vp8TestPicture, type Yuv, yuvOf } from './synthetic/vp8-test-picture.ts';
