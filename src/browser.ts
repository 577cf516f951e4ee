/**
 * The door for browsers: the same names, and behind them the browser's own classes. A class that this browser lacks is
 * `undefined`, as it is on `globalThis`. Each line stands alone, so that a bundle keeps only what it uses.
 */
export type * from './index.ts';

export type MediaStream = globalThis.MediaStream;
export const MediaStream: typeof globalThis.MediaStream = /* @__PURE__ */ own('MediaStream');

export type MediaStreamTrack = globalThis.MediaStreamTrack;
export const MediaStreamTrack: typeof globalThis.MediaStreamTrack = /* @__PURE__ */ own('MediaStreamTrack');

export type MediaStreamTrackEvent = globalThis.MediaStreamTrackEvent;
export const MediaStreamTrackEvent: typeof globalThis.MediaStreamTrackEvent =
  /* @__PURE__ */ own('MediaStreamTrackEvent');

export type RTCDTMFSender = globalThis.RTCDTMFSender;
export const RTCDTMFSender: typeof globalThis.RTCDTMFSender = /* @__PURE__ */ own('RTCDTMFSender');

export type RTCDTMFToneChangeEvent = globalThis.RTCDTMFToneChangeEvent;
export const RTCDTMFToneChangeEvent: typeof globalThis.RTCDTMFToneChangeEvent =
  /* @__PURE__ */ own('RTCDTMFToneChangeEvent');

export type RTCRtpReceiver = globalThis.RTCRtpReceiver;
export const RTCRtpReceiver: typeof globalThis.RTCRtpReceiver = /* @__PURE__ */ own('RTCRtpReceiver');

export type RTCRtpSender = globalThis.RTCRtpSender;
export const RTCRtpSender: typeof globalThis.RTCRtpSender = /* @__PURE__ */ own('RTCRtpSender');

export type RTCRtpTransceiver = globalThis.RTCRtpTransceiver;
export const RTCRtpTransceiver: typeof globalThis.RTCRtpTransceiver = /* @__PURE__ */ own('RTCRtpTransceiver');

export type RTCTrackEvent = globalThis.RTCTrackEvent;
export const RTCTrackEvent: typeof globalThis.RTCTrackEvent = /* @__PURE__ */ own('RTCTrackEvent');

export type RTCCertificate = globalThis.RTCCertificate;
export const RTCCertificate: typeof globalThis.RTCCertificate = /* @__PURE__ */ own('RTCCertificate');

export type RTCDataChannel = globalThis.RTCDataChannel;
export const RTCDataChannel: typeof globalThis.RTCDataChannel = /* @__PURE__ */ own('RTCDataChannel');

export type RTCDataChannelEvent = globalThis.RTCDataChannelEvent;
export const RTCDataChannelEvent: typeof globalThis.RTCDataChannelEvent = /* @__PURE__ */ own('RTCDataChannelEvent');

export type RTCDtlsTransport = globalThis.RTCDtlsTransport;
export const RTCDtlsTransport: typeof globalThis.RTCDtlsTransport = /* @__PURE__ */ own('RTCDtlsTransport');

export type RTCEncodedAudioFrame = globalThis.RTCEncodedAudioFrame;
export const RTCEncodedAudioFrame: typeof globalThis.RTCEncodedAudioFrame = /* @__PURE__ */ own('RTCEncodedAudioFrame');

export type RTCEncodedVideoFrame = globalThis.RTCEncodedVideoFrame;
export const RTCEncodedVideoFrame: typeof globalThis.RTCEncodedVideoFrame = /* @__PURE__ */ own('RTCEncodedVideoFrame');

export type RTCError = globalThis.RTCError;
export const RTCError: typeof globalThis.RTCError = /* @__PURE__ */ own('RTCError');

export type RTCErrorEvent = globalThis.RTCErrorEvent;
export const RTCErrorEvent: typeof globalThis.RTCErrorEvent = /* @__PURE__ */ own('RTCErrorEvent');

export type RTCIceCandidate = globalThis.RTCIceCandidate;
export const RTCIceCandidate: typeof globalThis.RTCIceCandidate = /* @__PURE__ */ own('RTCIceCandidate');

export type RTCIceCandidatePair = globalThis.RTCIceCandidatePair;
export const RTCIceCandidatePair: { prototype: RTCIceCandidatePair } = /* @__PURE__ */ own('RTCIceCandidatePair');

export type RTCIceTransport = globalThis.RTCIceTransport;
export const RTCIceTransport: typeof globalThis.RTCIceTransport = /* @__PURE__ */ own('RTCIceTransport');

export type RTCPeerConnection = globalThis.RTCPeerConnection;
export const RTCPeerConnection: typeof globalThis.RTCPeerConnection = /* @__PURE__ */ own('RTCPeerConnection');

export type RTCPeerConnectionIceErrorEvent = globalThis.RTCPeerConnectionIceErrorEvent;
export const RTCPeerConnectionIceErrorEvent: typeof globalThis.RTCPeerConnectionIceErrorEvent = /* @__PURE__ */ own(
  'RTCPeerConnectionIceErrorEvent',
);

export type RTCPeerConnectionIceEvent = globalThis.RTCPeerConnectionIceEvent;
export const RTCPeerConnectionIceEvent: typeof globalThis.RTCPeerConnectionIceEvent =
  /* @__PURE__ */ own('RTCPeerConnectionIceEvent');

export type RTCRtpScriptTransform = globalThis.RTCRtpScriptTransform;
export const RTCRtpScriptTransform: typeof globalThis.RTCRtpScriptTransform =
  /* @__PURE__ */ own('RTCRtpScriptTransform');

export type RTCSctpTransport = globalThis.RTCSctpTransport;
export const RTCSctpTransport: typeof globalThis.RTCSctpTransport = /* @__PURE__ */ own('RTCSctpTransport');

export type RTCSessionDescription = globalThis.RTCSessionDescription;
export const RTCSessionDescription: typeof globalThis.RTCSessionDescription =
  /* @__PURE__ */ own('RTCSessionDescription');

export type RTCStatsReport = globalThis.RTCStatsReport;
export const RTCStatsReport: typeof globalThis.RTCStatsReport = /* @__PURE__ */ own('RTCStatsReport');

/** No browser has it: there are no sockets to share. */
export const SharedUdpSocket: typeof import('./webrtc/shared-udp-socket.ts').SharedUdpSocket =
  /* @__PURE__ */ own('SharedUdpSocket');
export const SharedTcpListener: typeof import('./webrtc/shared-tcp-listener.ts').SharedTcpListener =
  /* @__PURE__ */ own('SharedTcpListener');

function own<Class>(name: string): Class {
  return (globalThis as Record<string, unknown>)[name] as Class;
}
