/** RTP and RTCP (RFC 3550): packets, header extensions (RFC 8285), feedback, loss repair. */
export {
  type AudioLevel,
  audioLevelExtension,
  mixerAudioLevelExtension,
  SILENCE_LEVEL,
} from './extensions/audio-level.ts';
export { ExtensionMap, type ExtensionMapEntry } from './extensions/extension-map.ts';
export {
  decodeHeaderExtension,
  encodeHeaderExtension,
  type HeaderExtension,
  opaqueExtension,
} from './extensions/header-extension.ts';
export { dependencyDescriptorExtension, HEADER_EXTENSIONS } from './extensions/registry.ts';
export { midExtension, repairedRidExtension, ridExtension } from './extensions/text.ts';
export {
  type AbsoluteCaptureTime,
  absCaptureTimeExtension,
  absSendTime,
  absSendTimeDifferenceMs,
  absSendTimeExtension,
  type PlayoutDelay,
  playoutDelayExtension,
  transmissionOffsetExtension,
} from './extensions/timing.ts';
export {
  type TransportSequenceRequest,
  transportSequenceExtension,
  transportSequenceV2Extension,
} from './extensions/transport-sequence.ts';
export {
  type SpatialLayerAllocation,
  type VideoLayersAllocation,
  videoLayersAllocationExtension,
} from './extensions/video-layers-allocation.ts';
export { type VideoOrientation, videoOrientationExtension } from './extensions/video-orientation.ts';
export {
  encodeRtpPacket,
  type HeaderExtensionElement,
  isRtcp,
  type RtpHeader,
  RtpHeaderWriter,
  RtpPacket,
  type RtpPacketFields,
  writePadding,
} from './packet.ts';
export { encodeRtcp, encodeRtcpDatagrams, isReducedSize, parseRtcp, type RtcpParseStats } from './rtcp/compound.ts';
export {
  msFromShortNtp,
  ntpFromUnixMs,
  ntpMiddle32,
  roundTripMs,
  shortNtpFromMs,
  unixMsFromNtp,
} from './rtcp/ntp.ts';
export { TransportFeedbackBuilder } from './rtcp/transport-feedback-builder.ts';
export {
  type ApplicationDefined,
  type CongestionFeedback,
  type CongestionFeedbackPacket,
  type CongestionFeedbackStream,
  type DlrrReport,
  type ExtendedReport,
  type ExtendedReportBlock,
  type FullIntraRequest,
  type Goodbye,
  type Nack,
  type PictureLossIndication,
  type ReceiverEstimatedBitrate,
  type ReceiverReport,
  type ReportBlock,
  type RtcpPacket,
  SDES_ITEM,
  type SdesChunk,
  type SdesItem,
  type SenderReport,
  type SourceDescription,
  type TransportFeedback,
  type TransportFeedbackArrival,
  type UnknownRtcp,
} from './rtcp/types.ts';
export { SequenceUnwrapper, TimestampUnwrapper } from './sequence.ts';
