/** Congestion control (Google's, over transport-wide feedback, RFC 8888, receiver reports or REMB) and pacing. */

export {
  CongestionController,
  type CongestionControllerOptions,
  type CongestionEvent,
  type PacedOutput,
  type ReceptionReport,
} from './congestion-controller.ts';
export { type CongestionFeedbackOptions, CongestionFeedbackRecorder } from './congestion-feedback-recorder.ts';
export { FeedbackRecorder } from './feedback-recorder.ts';
export type { FeedbackTiming } from './feedback-schedule.ts';
export { GoogleCongestionControl, type GoogleCongestionControlOptions } from './google-congestion-control.ts';
export { type PacedPacket, Pacer, type PacerOptions, type PacerSink, type PacerStats } from './pacer.ts';
export { RemoteBitrateEstimator, type RemoteEstimate } from './remote-bitrate-estimator.ts';
export { SentPackets } from './sent-packets.ts';
export type {
  BandwidthControl,
  BitrateConstraints,
  PacketKind,
  PacketResult,
  ProbeCluster,
  SentPacket,
  TargetRates,
} from './types.ts';
