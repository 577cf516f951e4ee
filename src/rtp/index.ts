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
export { SequenceUnwrapper, TimestampUnwrapper } from './sequence.ts';
