/** What an RTP transport is given, and what it tells. */
import type { RandomSource } from '../machine.ts';
import type { CongestionFeedbackKind } from './arrival-feedback.ts';
import type { TargetRates } from './congestion/index.ts';
import type { ExtensionMap } from './extensions/extension-map.ts';
import type { ReportBlock } from './rtcp/types.ts';
import type { RtpSender } from './send/rtp-sender.ts';
import type { RoundTripEstimator } from './statistics/round-trip.ts';

export type RtpTransportOptions = {
  readonly random: RandomSource;
  /** Bytes of an RTP packet, at most; RTCP is kept to it too. */
  readonly maxPacketLength: number;
  /** Bytes of room behind each packet given to `sendRtp`. */
  readonly tailroom: number;
  /** What to add to the caller's clock to get Unix time in ms: sender reports tell the time of day. */
  readonly unixOffsetMs?: number;
  /** RFC 7022: the name all our sources share. */
  readonly cname?: string;
  /** Bits per second. */
  readonly startBitrate?: number;
  readonly minBitrate?: number;
  readonly maxBitrate?: number;
  /** What its senders begin with: see there. */
  readonly fecProtection?: number;
  readonly redundancy?: number;
};

export type RtpTransportSink = {
  /**
   * A plain packet in buffer[0, end), with `tailroom` bytes behind it: protect it and send it at once.
   * @param keep shown the protected packet before it is sent, for as long as the call lasts
   */
  sendRtp(buffer: Uint8Array, end: number, keep: ((sealed: Uint8Array) => void) | null): void;
  /** Sends a packet again as `keep` got it: SRTP seals no number twice. */
  sendSealed(packet: Uint8Array): void;
  /** A plain compound packet. */
  sendRtcp(packet: Uint8Array): void;
  event(event: RtpEvent): void;
};

export type RtpEvent =
  /** The peer cannot decode without a key frame. */
  | { readonly kind: 'keyFrameRequested'; readonly sender: RtpSender; readonly encoding: number }
  | { readonly kind: 'targetBitrate'; readonly rates: TargetRates };

/** What holds for all sections of a bundle. */
export type TransportParameters = {
  /** An id means the same in every section (RFC 9143 §14). */
  readonly extensions: ExtensionMap;
  readonly feedback: CongestionFeedbackKind;
  /** RFC 5506. */
  readonly reducedSize: boolean;
};

/** What a report of the peer's says about a stream of ours (W3C: RTCRemoteInboundRtpStreamStats). */
export type RemoteReception = {
  readonly block: ReportBlock;
  /** On our clock, in ms. */
  readonly receivedAt: number;
  /** Whether `block` told a round trip: the latest of `roundTrip`. */
  readonly measured: boolean;
  readonly roundTrip: RoundTripEstimator;
};

export type RtpTransportStats = {
  /** RTP that is no RTP. */
  malformedRtp: number;
  /** RTCP packets that could not be read. */
  malformed: number;
  readonly rtcpSent: number;
  rtcpReceived: number;
  /** Packets whose section does not receive, or has no such codec. */
  readonly unwanted: number;
  /** Congestion control feedback (RFC 8888). */
  readonly ccfbSent: number;
  ccfbReceived: number;
};
