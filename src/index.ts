/**
 * PureRTC: the W3C WebRTC API for Node, Deno and Bun. In a browser this import gives the browser's own classes instead
 * (`browser.ts`). What is there, what is not, and the settings: docs/api.md.
 */
export {
  MediaStream,
  type MediaStreamEventMap,
  MediaStreamTrack,
  MediaStreamTrackEvent,
  type MediaStreamTrackEventInit,
  type MediaStreamTrackEventMap,
  type MediaStreamTrackState,
} from './media/tracks.ts';
export { RTCCertificate, type RTCDtlsFingerprint } from './webrtc/certificate.ts';
export type {
  RTCBundlePolicy,
  RTCConfiguration,
  RTCIceServer,
  RTCIceTransportPolicy,
  RTCRtcpMuxPolicy,
} from './webrtc/configuration.ts';
export {
  type BinaryType,
  RTCDataChannel,
  type RTCDataChannelEventMap,
  type RTCDataChannelState,
  type RTCPriorityType,
} from './webrtc/data-channel.ts';
export { RTCDataChannelEvent, type RTCDataChannelEventInit } from './webrtc/data-channel-event.ts';
export type { RTCDataChannelInit } from './webrtc/data-channels.ts';
export {
  RTCDtlsTransport,
  type RTCDtlsTransportEventMap,
  type RTCDtlsTransportState,
} from './webrtc/dtls-transport.ts';
export { RTCDTMFSender, type RTCDTMFSenderEventMap } from './webrtc/dtmf-sender.ts';
export { RTCDTMFToneChangeEvent, type RTCDTMFToneChangeEventInit } from './webrtc/dtmf-tone-change-event.ts';
export {
  RTCEncodedAudioFrame,
  type RTCEncodedAudioFrameMetadata,
  type RTCEncodedAudioFrameOptions,
  type RTCEncodedFrameMetadata,
  RTCEncodedVideoFrame,
  type RTCEncodedVideoFrameMetadata,
  type RTCEncodedVideoFrameOptions,
} from './webrtc/encoded-frame.ts';
export { RTCError, type RTCErrorDetailType, type RTCErrorInit } from './webrtc/error.ts';
export { RTCErrorEvent, type RTCErrorEventInit } from './webrtc/error-event.ts';
export type { RTCRtpTransform } from './webrtc/frame-pipe.ts';
export type { RTCRtpHeaderExtensionCapability } from './webrtc/header-extension-control.ts';
export {
  RTCIceCandidate,
  type RTCIceCandidateInit,
  type RTCIceCandidateType,
  type RTCIceComponent,
  type RTCIceProtocol,
  type RTCIceServerTransportProtocol,
  type RTCIceTcpCandidateType,
  type RTCLocalIceCandidateInit,
} from './webrtc/ice-candidate.ts';
export { RTCIceCandidatePair } from './webrtc/ice-candidate-pair.ts';
export {
  type RTCIceGathererState,
  type RTCIceParameters,
  type RTCIceRole,
  RTCIceTransport,
  type RTCIceTransportEventMap,
  type RTCIceTransportState,
} from './webrtc/ice-transport.ts';
export {
  type RTCAnswerOptions,
  type RTCOfferOptions,
  RTCPeerConnection,
  type RTCPeerConnectionErrorCallback,
  type RTCPeerConnectionEventMap,
  type RTCSessionDescriptionCallback,
} from './webrtc/peer-connection.ts';
export {
  RTCPeerConnectionIceErrorEvent,
  type RTCPeerConnectionIceErrorEventInit,
} from './webrtc/peer-connection-ice-error-event.ts';
export { RTCPeerConnectionIceEvent, type RTCPeerConnectionIceEventInit } from './webrtc/peer-connection-ice-event.ts';
export type {
  RTCRtcpParameters,
  RTCRtpCapabilities,
  RTCRtpCodec,
  RTCRtpCodecParameters,
  RTCRtpEncodingParameters,
  RTCRtpHeaderExtensionParameters,
  RTCRtpParameters,
  RTCRtpReceiveParameters,
  RTCRtpSendParameters,
} from './webrtc/rtp-parameters.ts';
export { RTCRtpReceiver } from './webrtc/rtp-receiver.ts';
export { RTCRtpSender } from './webrtc/rtp-sender.ts';
export type { RTCRtpContributingSource, RTCRtpSynchronizationSource } from './webrtc/rtp-sources.ts';
export { RTCRtpTransceiver, type RTCRtpTransceiverDirection } from './webrtc/rtp-transceiver.ts';
export { RTCRtpScriptTransform, type TransformWorker } from './webrtc/script-transform.ts';
export {
  RTCSctpTransport,
  type RTCSctpTransportEventMap,
  type RTCSctpTransportState,
} from './webrtc/sctp-transport.ts';
export {
  type RTCLocalSessionDescriptionInit,
  type RTCSdpType,
  RTCSessionDescription,
  type RTCSessionDescriptionInit,
} from './webrtc/session-description.ts';
export type { PeerConnectionSettings } from './webrtc/settings.ts';
export { SharedTcpListener, type SharedTcpListenerOptions } from './webrtc/shared-tcp-listener.ts';
export { SharedUdpSocket, type SharedUdpSocketOptions } from './webrtc/shared-udp-socket.ts';
export type {
  RTCIceConnectionState,
  RTCIceGatheringState,
  RTCPeerConnectionState,
  RTCSignalingState,
} from './webrtc/slots.ts';
export type {
  RTCCertificateStats,
  RTCCodecStats,
  RTCDataChannelStats,
  RTCIceCandidatePairStats,
  RTCIceCandidateStats,
  RTCInboundRtpStreamStats,
  RTCMediaSourceStats,
  RTCOutboundRtpStreamStats,
  RTCPeerConnectionStats,
  RTCRemoteInboundRtpStreamStats,
  RTCRemoteOutboundRtpStreamStats,
  RTCTransportStats,
} from './webrtc/stats-dictionaries.ts';
export { type RTCStats, RTCStatsReport, type RTCStatsType } from './webrtc/stats-report.ts';
export type { TransformStreams } from './webrtc/stream-link.ts';
export { RTCTrackEvent, type RTCTrackEventInit } from './webrtc/track-event.ts';
export type { RTCRtpTransceiverInit } from './webrtc/transceivers.ts';
