/** Encoded media on its way between files, tracks and the network. Nothing here decodes or encodes. */
import type { FrameMetadata } from '../rtp/payload/types.ts';

export type MediaKind = 'audio' | 'video';

/** A codec as SDP and RTCRtpCodec name it. */
export type MediaCodec = {
  /** `video/VP8`, `audio/opus` … */
  readonly mimeType: string;
  /** Of the RTP timestamp, in Hz. */
  readonly clockRate: number;
  /** Absent for video. */
  readonly channels?: number;
  /** The value of `a=fmtp`, such as `packetization-mode=1;profile-level-id=42e01f`. */
  readonly sdpFmtpLine?: string;
};

/** One encoded frame: a picture, or a packet of sound. Named as WebCodecs names an EncodedVideoChunk's. */
export type EncodedMediaFrame = {
  /** `delta`: decoding needs frames before this one. Sound is always `key`. */
  readonly type: 'key' | 'delta';
  /** When to present it, in µs on the clock of its source. */
  readonly timestamp: number;
  /**
   * When it was captured, in ms since 1970 on this machine's clock, where that is known: of a received frame, from the
   * peer's sender reports. Frames of several tracks belong together by it.
   */
  readonly captureTimeMs?: number;
  /** How long it is presented, in µs, where known. */
  readonly duration?: number;
  /** H.264 and H.265 as Annex B; AV1 as OBUs with sizes, without temporal delimiter; everything else as the codec's own frame. */
  readonly data: Uint8Array;
  readonly metadata?: FrameMetadata;
};
