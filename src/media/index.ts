/** Streams, tracks, where their content comes from and goes to; media files, and media made of nothing but numbers. */

export type { EncodedMediaFrame, MediaCodec, MediaKind } from './encoded-frame.ts';
export { EncodedTrackSource } from './encoded-track-source.ts';
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
export { type PlayFileOptions, playFile } from './files/play-file.ts';
export { type ReadMediaFileOptions, readMediaFile } from './files/read-media-file.ts';
export {
  type LayerSelection,
  LayerSelector,
  type LayerSelectorEventMap,
  type LayerSelectorOptions,
} from './layer-selector.ts';
export type { MediaClock } from './media-clock.ts';
export {
  MediaPlayer,
  type MediaPlayerEventMap,
  type MediaPlayerOptions,
  type MediaPlayerState,
  type PlayableTrack,
} from './media-player.ts';
export { encodedFrames, rtpPackets, type TrackFrame, type TrackPacket } from './readers.ts';
export { RtpTrackSource, type RtpTrackSourceInit, type RtpTrackSourceStats } from './rtp-track-source.ts';
export {
  BitrateEvent,
  KeyFrameRequestEvent,
  type ScriptedSource,
  type ScriptedSourceEventMap,
  type ScriptedSourceInit,
} from './scripted-source.ts';
export { type TestTrackOptions, testMedia, testTrack } from './synthetic/test-track.ts';
export { opusSilenceFrames, type ToneOptions, toneFrames } from './synthetic/tone.ts';
export { type Vp8TestPictureOptions, vp8TestPicture, type Yuv, yuvOf } from './synthetic/vp8-test-picture.ts';
export {
  type RecordingEnd,
  type RecordTracksOptions,
  recordTracks,
  TrackRecorder,
  type TrackRecorderEventMap,
} from './track-recorder.ts';
export type { EncodingId, TrackSettings } from './track-source.ts';
export {
  MediaStream,
  type MediaStreamEventMap,
  MediaStreamTrack,
  MediaStreamTrackEvent,
  type MediaStreamTrackEventInit,
  type MediaStreamTrackEventMap,
  type MediaStreamTrackState,
} from './tracks.ts';
