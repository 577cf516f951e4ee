/** Streams and tracks: the part of the door that RTCPeerConnection stands on, without files. */

export type { EncodedMediaFrame, MediaCodec, MediaKind } from './encoded-frame.ts';
export {
  MediaStream,
  type MediaStreamEventMap,
  type MediaStreamLike,
  makeRemoteStream,
  remoteStream,
} from './media-stream.ts';
export {
  endTracksOf,
  MediaStreamTrack,
  type MediaStreamTrackEventMap,
  type MediaStreamTrackLike,
  type MediaStreamTrackState,
  muteTracksOf,
  type TrackConstraints,
  type TrackSlots,
  trackSlots,
} from './media-stream-track.ts';
export { MediaStreamTrackEvent, type MediaStreamTrackEventInit } from './media-stream-track-event.ts';
export { toMediaFrame } from './received-frame.ts';
export type { EncodingId, TrackSettings, TrackSink, TrackSource } from './track-source.ts';
