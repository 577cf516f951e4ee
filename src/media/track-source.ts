/**
 * What a MediaStreamTrack stands for, and where its content goes: between the two, media is encoded, as frames or as RTP
 * packets. Nothing here decodes or encodes.
 *
 * ```text
 *   EncodedTrackSource, RtpTrackSource, files ─┐                      ┌─► RTCRtpSender
 *   RTCRtpReceiver ────────────────────────────┴─► TrackSource ─► track ─┼─► readable streams
 *                                                                     └─► recorders
 * ```
 */
import type { ExtensionMap } from '../rtp/extensions/extension-map.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import type { SenderReport } from '../rtp/rtcp/types.ts';
import type { EncodedMediaFrame, MediaCodec, MediaKind } from './encoded-frame.ts';

/** From which encoding of a source something came. */
export type EncodingId = {
  readonly ssrc?: number;
  /** With simulcast: the restriction identifier (RFC 8851). */
  readonly rid?: string;
};

/** What takes the content of a track. Called in the turn in which it arrives; must not throw. */
export interface TrackSink {
  /** Which of the two it is given. A source that has only packets makes frames of them for those who want frames. */
  readonly form: 'frames' | 'packets';
  frame?(frame: EncodedMediaFrame, codec: MediaCodec, encoding: EncodingId): void;
  /** With simulcast: which encodings it takes at the moment. */
  readonly rids?: readonly string[];
  /** The packet is the sink's to read, not to change: others get the same. */
  packet?(packet: RtpPacket, codec: MediaCodec, encoding: EncodingId): void;
  /** No more will come. */
  end?(): void;
}

export interface TrackSource {
  readonly kind: MediaKind;
  readonly label: string;
  /** What it gives without conversion. */
  readonly form: 'frames' | 'packets';
  /** Of a source of packets: the ids of their header extensions; `null` while that is not known. */
  readonly headerExtensions?: ExtensionMap | null;
  /** With simulcast: the encodings, in the order of the description. */
  readonly rids?: readonly string[];
  /** What its content is encoded with; `null` while that is not known. */
  readonly codec: MediaCodec | null;
  settings(): TrackSettings;
  connect(sink: TrackSink): void;
  disconnect(sink: TrackSink): void;
  /** Somebody who watches can not decode until there is a key frame. Without an encoding: of each. */
  requestKeyFrame(encoding?: EncodingId): void;
  /** The last sender report of this SSRC, by which the clocks of encodings can be compared. */
  reportOf?(ssrc: number): Pick<SenderReport, 'ntpTimestamp' | 'rtpTimestamp'> | null;
  /** What the network takes at the moment, for those that can adapt: bits per second. */
  suggestBitrate?(bitsPerSecond: number): void;
  /** The last track of it has been stopped. */
  close(): void;
}

/** The members of MediaTrackSettings (Media Capture §4.3.8) that mean something here. */
export type TrackSettings = {
  deviceId?: string;
  groupId?: string;
  width?: number;
  height?: number;
  aspectRatio?: number;
  frameRate?: number;
  sampleRate?: number;
  channelCount?: number;
};
