/**
 * Compiled, never run: our objects go where lib.dom's are expected. What media would need is the exception, and named
 * here. A user's `function chat(channel: RTCDataChannel)` takes ours and the browser's.
 */
import type * as ours from '../../src/index.ts';

type Dom = typeof globalThis;
type DomInstance<Name extends keyof Dom> = Dom[Name] extends abstract new (
  ...args: never[]
) => infer Instance
  ? Instance
  : never;

/** Fails to compile unless `Ours` may be used as `Theirs`. */
function accepts<Theirs, _Ours extends Theirs>(): void {}

accepts<DomInstance<'RTCDataChannel'>, ours.RTCDataChannel>();
accepts<DomInstance<'RTCDataChannelEvent'>, ours.RTCDataChannelEvent>();
accepts<DomInstance<'RTCIceCandidate'>, ours.RTCIceCandidate>();
accepts<DomInstance<'RTCSessionDescription'>, ours.RTCSessionDescription>();
accepts<DomInstance<'RTCCertificate'>, ours.RTCCertificate>();
accepts<DomInstance<'RTCIceTransport'>, ours.RTCIceTransport>();
accepts<DomInstance<'RTCDtlsTransport'>, ours.RTCDtlsTransport>();
accepts<DomInstance<'RTCSctpTransport'>, ours.RTCSctpTransport>();
accepts<DomInstance<'RTCError'>, ours.RTCError>();
accepts<DomInstance<'RTCErrorEvent'>, ours.RTCErrorEvent>();
accepts<DomInstance<'RTCPeerConnectionIceEvent'>, ours.RTCPeerConnectionIceEvent>();
accepts<DomInstance<'RTCPeerConnectionIceErrorEvent'>, ours.RTCPeerConnectionIceErrorEvent>();
accepts<DomInstance<'RTCStatsReport'>, ours.RTCStatsReport>();
accepts<DomInstance<'MediaStreamTrack'>, ours.MediaStreamTrack>();
accepts<DomInstance<'MediaStream'>, ours.MediaStream>();
accepts<DomInstance<'RTCRtpSender'>, ours.RTCRtpSender>();
accepts<DomInstance<'RTCRtpReceiver'>, ours.RTCRtpReceiver>();
accepts<DomInstance<'RTCRtpTransceiver'>, ours.RTCRtpTransceiver>();
accepts<DomInstance<'RTCDTMFSender'>, ours.RTCDTMFSender>();
accepts<DomInstance<'RTCTrackEvent'>, ours.RTCTrackEvent>();
accepts<DomInstance<'RTCEncodedVideoFrame'>, ours.RTCEncodedVideoFrame>();
accepts<DomInstance<'RTCEncodedAudioFrame'>, ours.RTCEncodedAudioFrame>();
accepts<DomInstance<'RTCRtpScriptTransform'>, ours.RTCRtpScriptTransform>();
accepts<DomInstance<'RTCPeerConnection'>, ours.RTCPeerConnection>();

// Dictionaries, both ways: what a program writes down for one it may hand to the other.
accepts<RTCIceServer, ours.RTCIceServer>();
accepts<ours.RTCIceServer, RTCIceServer>();
accepts<ours.RTCSessionDescriptionInit, RTCSessionDescriptionInit>();
accepts<RTCSessionDescriptionInit, ours.RTCSessionDescriptionInit>();
accepts<ours.RTCIceCandidateInit, RTCIceCandidateInit>();
accepts<RTCIceCandidateInit, ours.RTCIceCandidateInit>();
accepts<ours.RTCDataChannelInit, RTCDataChannelInit>();
accepts<RTCDataChannelInit, ours.RTCDataChannelInit>();
accepts<ours.RTCConfiguration, RTCConfiguration>();
accepts<RTCConfiguration, ours.RTCConfiguration>();
accepts<RTCConfiguration, ReturnType<ours.RTCPeerConnection['getConfiguration']>>();

// What reports have in them. Those that lib.dom does not have are left out.
accepts<RTCStats, ours.RTCStats>();
accepts<RTCInboundRtpStreamStats, ours.RTCInboundRtpStreamStats>();
accepts<RTCOutboundRtpStreamStats, ours.RTCOutboundRtpStreamStats>();
accepts<RTCTransportStats, ours.RTCTransportStats>();
accepts<RTCIceCandidatePairStats, ours.RTCIceCandidatePairStats>();

// The classes themselves, for whoever is told which one to construct.
accepts<Dom['RTCPeerConnection'], typeof ours.RTCPeerConnection>();
accepts<Dom['RTCIceCandidate'], typeof ours.RTCIceCandidate>();
accepts<Dom['RTCSessionDescription'], typeof ours.RTCSessionDescription>();
accepts<Dom['RTCRtpScriptTransform'], typeof ours.RTCRtpScriptTransform>();

/** What programs for browsers write, with nothing but the classes exchanged. */
export async function program(
  { RTCPeerConnection }: Pick<typeof ours, 'RTCPeerConnection'>,
  configuration: RTCConfiguration,
  offer: RTCSessionDescriptionInit,
  candidate: RTCIceCandidate,
): Promise<RTCSessionDescription | null> {
  const certificate = await RTCPeerConnection.generateCertificate({
    name: 'ECDSA',
    namedCurve: 'P-256',
  } as EcKeyGenParams);
  const connection = new RTCPeerConnection({ ...configuration, certificates: [certificate] });
  connection.setConfiguration({ ...connection.getConfiguration(), ...configuration });
  await connection.setRemoteDescription(offer);
  await connection.addIceCandidate(candidate);
  await connection.setLocalDescription(await connection.createAnswer());
  const channel: RTCDataChannel = connection.createDataChannel('chat', {
    negotiated: true,
    id: 1,
  } as RTCDataChannelInit);
  channel.send(new Blob());
  const report: RTCStatsReport = await connection.getStats();
  report.forEach((stats: RTCStats) => void stats.id);
  return connection.localDescription;
}

// The events that handlers see are typed.
export function handlers(connection: ours.RTCPeerConnection): void {
  connection.addEventListener('icecandidate', ({ candidate }) => candidate?.toJSON());
  connection.ondatachannel = ({ channel }) => {
    channel.onmessage = ({ data }) => data;
    channel.addEventListener('error', ({ error }) => error.errorDetail);
  };
  connection.addEventListener('some-event-of-a-subclass', (event: Event) => event.type);
}
