/** RTP and RTCP (RFC 3550): packets, header extensions (RFC 8285), feedback, loss repair. */

export type { CongestionFeedbackKind } from './arrival-feedback.ts';
export {
  type CodecCapability,
  type CodecFormat,
  type CodecRole,
  codecCapabilities,
  codecRole,
  type FormatParameters,
  formatFormatParameters,
  formatParameter,
  type HeaderExtensionCapability,
  headerExtensionCapabilities,
  type MediaKind,
  mimeType,
  parseFormatParameters,
  type RtcpFeedback,
  type RtpCapabilities,
  type RtpCodecCapability,
  rtpCapabilities,
} from './codecs.ts';
export {
  type BandwidthControl,
  type BitrateConstraints,
  CongestionController,
  type CongestionControllerOptions,
  type CongestionEvent,
  type CongestionFeedbackOptions,
  CongestionFeedbackRecorder,
  FeedbackRecorder,
  type FeedbackTiming,
  GoogleCongestionControl,
  type GoogleCongestionControlOptions,
  type PacedOutput,
  type PacedPacket,
  Pacer,
  type PacerOptions,
  type PacerSink,
  type PacerStats,
  type PacketKind,
  type PacketResult,
  type ProbeCluster,
  type ReceptionReport,
  RemoteBitrateEstimator,
  type RemoteEstimate,
  type SentPacket,
  SentPackets,
  type TargetRates,
} from './congestion/index.ts';
export {
  Demultiplexer,
  type DemultiplexerStats,
  type IncomingSection,
  type IncomingStream,
  type RtcpRoute,
} from './demultiplexer.ts';
export {
  type AudioLevel,
  audioLevelExtension,
  linearAudioLevel,
  mixerAudioLevelExtension,
  SILENCE_LEVEL,
} from './extensions/audio-level.ts';
export {
  allTargets,
  DECODE_TARGET_INDICATIONS,
  DEPENDENCY_DESCRIPTOR_URI,
  type DecodeTargetIndication,
  type DependencyDescriptor,
  type DependencyStructure,
  decodeTargetLayers,
  type FrameDependencies,
  findTemplate,
  isInChain,
  readDependencyDescriptor,
  writeDependencyDescriptor,
} from './extensions/dependency-descriptor.ts';
export { DependencyReceiver, DependencySender, type FrameToDescribe } from './extensions/dependency-streams.ts';
export { dependencyStructure } from './extensions/dependency-structures.ts';
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
export { type EncodingPacket, EncodingReader, type EncodingReaderOptions } from './forward/encoding-reader.ts';
export type { LayerWish } from './forward/layer-filter.ts';
export {
  type ForwardedPacket,
  LayerForwarder,
  type LayerForwarderOptions,
  type LayerForwarderSink,
  type LayerForwarderStats,
  type LayerSelection,
} from './forward/layer-forwarder.ts';
export type { ClockReading } from './forward/timestamp-line.ts';
export {
  JitterBuffer,
  type JitterBufferEvent,
  type JitterBufferOptions,
  type JitterBufferStats,
  type ReceivedFrame,
} from './jitter/jitter-buffer.ts';
export { type CodecName, findCodec, type NegotiatedRtpCodec } from './negotiated-codec.ts';
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
export { joinNalUnits, splitNalUnits } from './payload/annex-b.ts';
export { audioClockRate, audioPacketDuration } from './payload/audio-duration.ts';
export { describeAv1Frame } from './payload/av1.ts';
export {
  type Av1SequenceHeader,
  OBU,
  type ObuRange,
  readAv1FrameHeader,
  readAv1SequenceHeader,
  readObus,
} from './payload/bitstream/av1.ts';
export { readVp8FrameHeader, type Vp8FrameHeader } from './payload/bitstream/vp8.ts';
export {
  makeVp9Superframe,
  readVp9FrameHeader,
  splitVp9Superframe,
  type Vp9FrameHeader,
} from './payload/bitstream/vp9.ts';
export { type ComfortNoise, decodeComfortNoise, encodeComfortNoise } from './payload/comfort-noise.ts';
export { decodePcma, decodePcmu, encodePcma, encodePcmu } from './payload/g711.ts';
export { describeH264Frame } from './payload/h264.ts';
export { type H264Sps, h264ProfileLevelId, parseH264Sps } from './payload/h264-sps.ts';
export { describeH265Frame } from './payload/h265.ts';
export { type H265Sps, h265CodecString, parseH265Sps } from './payload/h265-sps.ts';
export { payloadFormat } from './payload/index.ts';
export { type OpusPacketInfo, opusPacketDuration, parseOpusPacket } from './payload/opus.ts';
export { ParameterSets } from './payload/parameter-sets.ts';
export { PictureNumbers } from './payload/picture-numbers.ts';
export {
  decodeTelephoneEvents,
  dtmfDigit,
  dtmfEvent,
  encodeTelephoneEvent,
  parseTelephoneEventList,
  type TelephoneEvent,
} from './payload/telephone-event.ts';
export { TelephoneEventReceiver, type TelephoneEventReport } from './payload/telephone-event-receiver.ts';
export {
  type TelephoneEventPacket,
  TelephoneEventSender,
  type TelephoneEventSenderOptions,
} from './payload/telephone-event-sender.ts';
export type {
  EncodedFrame,
  FrameMetadata,
  LayerFrame,
  OpenPayload,
  PayloadFormat,
  PayloadInfo,
  Vp9GroupPicture,
  Vp9ScalabilityStructure,
} from './payload/types.ts';
export { describeVp8Frame, readVp8Descriptor, type Vp8Descriptor } from './payload/vp8.ts';
export { describeVp9Frame } from './payload/vp9.ts';
export { readVp9Descriptor, type Vp9Descriptor, type Vp9Layer, writeVp9Descriptor } from './payload/vp9-descriptor.ts';
export { ReceiveStream, type ReceiveStreamStats, type RemoteReport } from './receive/receive-stream.ts';
export { type ReceiverConfiguration, type ReceiverSink, RtpReceiver } from './receive/rtp-receiver.ts';
export { FecDecoder, type FecDecoderStats } from './repair/fec/fec-decoder.ts';
export { FecEncoder, type FecEncoderOptions } from './repair/fec/fec-encoder.ts';
export type { FecScheme } from './repair/fec/fec-header.ts';
export {
  type NackEvent,
  NackGenerator,
  type NackGeneratorOptions,
  type NackGeneratorStats,
} from './repair/nack-generator.ts';
export { NackResponder, type NackResponderStats } from './repair/nack-responder.ts';
export {
  decodeRed,
  encodeRedSingle,
  expandRed,
  type RedBlock,
  RedEncoder,
  type RedEncoderOptions,
  RedReceiver,
  unwrapRed,
} from './repair/red.ts';
export { OSN_LENGTH, type RtxStream, unwrapRtx, writeRtx } from './repair/rtx.ts';
export { SendHistory, type SendHistoryOptions } from './repair/send-history.ts';
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
export { RtcpSchedule, type RtcpScheduleOptions, type RtcpScheduleSink } from './rtcp-schedule.ts';
export { RtpTransport } from './rtp-transport.ts';
export type {
  RemoteReception,
  RtpEvent,
  RtpTransportOptions,
  RtpTransportSink,
  RtpTransportStats,
  TransportParameters,
} from './rtp-transport-types.ts';
export {
  type Encoding,
  RtpSender,
  type RtpSenderStats,
  type SenderConfiguration,
  type SenderSources,
  type SourceFrame,
} from './send/rtp-sender.ts';
export { SendStream, type SendStreamStats } from './send/send-stream.ts';
export { type HeaderExtras, readHeaderExtras } from './send/stream-header.ts';
export { SequenceUnwrapper, TimestampUnwrapper } from './sequence.ts';
export { FrameRate } from './statistics/frame-rate.ts';
export { ReceiverStatistics } from './statistics/receiver-statistics.ts';
export { ReferenceTimes, RoundTripEstimator } from './statistics/round-trip.ts';
export { SenderClock } from './statistics/sender-clock.ts';
export { SenderStatistics } from './statistics/sender-statistics.ts';
