/** What the session reports becomes queued tasks: states, events (WebRTC §5.5, §5.6, §6.1.1). */
import type { ChannelEvent } from '../datachannel/index.ts';
import { ALERT_CODES } from '../dtls/index.ts';
import type { CandidatePair, IceEvent } from '../ice/index.ts';
import type { SessionEvent } from '../session/index.ts';
import { INTERNAL } from '../webidl/conversions.ts';
import { updateConnectionState, updateIceGatheringState } from './connection-state.ts';
import type { ConnectionTransport } from './connection-transport.ts';
import { announceClosing, announceOpen, decreaseBufferedAmount, receiveMessage } from './data-channel-procedures.ts';
import { addIncomingDataChannel, endDataChannel } from './data-channels.ts';
import { RTCError } from './error.ts';
import { RTCErrorEvent } from './error-event.ts';
import { createLocalCandidate, RTCIceCandidate } from './ice-candidate.ts';
import { RTCIceCandidatePair } from './ice-candidate-pair.ts';
import { endOfLocalCandidates, localCandidateInit, remoteCandidateInit, surfaceCandidate } from './local-candidates.ts';
import { handleMediaEvent } from './media-binding.ts';
import { RTCPeerConnectionIceErrorEvent } from './peer-connection-ice-error-event.ts';
import type { PeerConnectionSlots } from './slots.ts';

export function handleSessionEvent(
  slots: PeerConnectionSlots,
  transport: ConnectionTransport,
  event: SessionEvent,
): void {
  switch (event.kind) {
    case 'ice':
      handleIceEvent(slots, transport, event.event);
      break;
    case 'dtls':
      handleDtlsEvent(slots, transport, event);
      break;
    case 'sctp':
      handleSctpEvent(slots, transport, event);
      break;
    case 'channel':
      handleChannelEvent(slots, event.event);
      break;
    case 'media':
      handleMediaEvent(slots, transport, event.event);
      break;
    default:
      event satisfies never;
  }
}

function handleIceEvent(slots: PeerConnectionSlots, transport: ConnectionTransport, event: IceEvent): void {
  const { ice } = transport;
  const queue = (task: () => void): void =>
    slots.tasks.queue(() => {
      if (slots.transports.includes(transport)) task(); // a rollback may have discarded it meanwhile
    });
  switch (event.kind) {
    case 'candidate':
      queue(() => surfaceCandidate(slots, transport, event.candidate));
      break;
    case 'candidateError': {
      const { url, errorCode, errorText } = event;
      const init = { address: null, port: null, url, errorCode, errorText };
      queue(() => slots.target.dispatchEvent(new RTCPeerConnectionIceErrorEvent('icecandidateerror', init)));
      break;
    }
    case 'gatheringState': {
      const { state } = event;
      if (state === 'new') return; // a restart: 'gathering' follows, and scripts see only that
      if (transport.isRegathering) {
        transport.isRegathering = state !== 'complete';
        return;
      }
      if (state === 'complete') queue(() => endOfLocalCandidates(slots, transport));
      queue(() => {
        if (ice.slots.gathererState === state) return;
        ice.slots.gathererState = state;
        updateIceGatheringState(slots, () => ice.object.dispatchEvent(new Event('gatheringstatechange')));
      });
      break;
    }
    case 'state': {
      const { state } = event;
      queue(() => {
        if (ice.slots.state === state) return;
        ice.slots.state = state;
        updateConnectionState(slots, () => ice.object.dispatchEvent(new Event('statechange')));
      });
      break;
    }
    case 'selectedPair': {
      const { peer } = transport;
      if (peer === null || !transport.pairTraffic.select(event.pair?.id ?? null, peer.session)) return;
      const pair = event.pair && toCandidatePair(slots, transport, event.pair);
      queue(() => {
        ice.slots.selectedCandidatePair = pair;
        ice.object.dispatchEvent(new Event('selectedcandidatepairchange'));
      });
      break;
    }
    case 'role':
      queue(() => {
        ice.slots.role = event.role;
      });
      break;
    default:
      event satisfies never;
  }
}

function toCandidatePair(
  slots: PeerConnectionSlots,
  transport: ConnectionTransport,
  { local, remote }: CandidatePair,
): RTCIceCandidatePair {
  return new RTCIceCandidatePair(
    INTERNAL,
    createLocalCandidate(local, localCandidateInit(slots, transport, local)),
    new RTCIceCandidate(remoteCandidateInit(slots, transport, remote)),
  );
}

/** WebRTC §5.5: "When the RTCDtlsTransport's state changes". */
function handleDtlsEvent(
  slots: PeerConnectionSlots,
  transport: ConnectionTransport,
  event: Extract<SessionEvent, { kind: 'dtls' }>,
): void {
  const { dtls, peer } = transport;
  const remoteCertificates = peer?.session.dtls?.peerCertificates ?? [];
  slots.tasks.queue(() => {
    if (!slots.transports.includes(transport)) return;
    const { state, error } = event;
    dtls.slots.state = state;
    if (state === 'connected') dtls.slots.remoteCertificates = remoteCertificates;
    for (const { sender } of slots.transceivers) sender.slots.update(); // tracks have a way out, or none any more
    updateConnectionState(slots, () => {
      if (error !== undefined) {
        dtls.object.dispatchEvent(new RTCErrorEvent('error', { error: toDtlsError(error) }));
      }
      dtls.object.dispatchEvent(new Event('statechange'));
    });
  });
}

type DtlsFailure = NonNullable<Extract<SessionEvent, { kind: 'dtls' }>['error']>;

function toDtlsError({ origin, alert, reason }: DtlsFailure): RTCError {
  if (origin === 'local' && alert === 'bad_certificate') {
    return new RTCError({ errorDetail: 'fingerprint-failure' }, reason);
  }
  const code = typeof alert === 'string' ? ALERT_CODES[alert] : alert;
  const alerts = code === undefined ? {} : origin === 'local' ? { sentAlert: code } : { receivedAlert: code };
  return new RTCError({ errorDetail: 'dtls-failure', ...alerts }, reason);
}

function handleSctpEvent(
  slots: PeerConnectionSlots,
  { peer }: ConnectionTransport,
  { state, error }: Extract<SessionEvent, { kind: 'sctp' }>,
): void {
  const { sctp } = slots;
  slots.sctpCauseCode = error?.cause ?? null; // the channels' tasks, queued just before, will tell it
  if (sctp === null) return;
  const association = peer?.session.sctp;
  const maxChannels =
    state === 'connected' && association
      ? Math.min(association.maxInboundStreams, association.maxOutboundStreams)
      : undefined;
  slots.tasks.queue(() => {
    if (slots.sctp !== sctp || sctp.slots.state === state) return;
    sctp.slots.state = state;
    if (maxChannels !== undefined) sctp.slots.maxChannels = maxChannels;
    sctp.object.dispatchEvent(new Event('statechange'));
  });
}

function toSctpError({ sctpCauseCode }: PeerConnectionSlots, message: string): RTCError {
  return new RTCError({ errorDetail: 'sctp-failure', ...(sctpCauseCode !== null && { sctpCauseCode }) }, message);
}

function handleChannelEvent(slots: PeerConnectionSlots, event: ChannelEvent): void {
  const { tasks } = slots;
  if (event.kind === 'incoming') {
    addIncomingDataChannel(slots, event.channel);
    return;
  }
  const channel = slots.dataChannelOf.get(event.channel);
  if (channel === undefined) return;
  const { object, slots: channelSlots } = channel;
  switch (event.kind) {
    case 'open':
      slots.dataChannelsOpened++;
      tasks.queue(() => announceOpen(object, channelSlots));
      break;
    case 'message':
      tasks.queue(() => receiveMessage(object, channelSlots, event.data, event.isText));
      break;
    case 'bufferedAmountDecreased':
      tasks.queue(() => decreaseBufferedAmount(object, channelSlots, event.bytes));
      break;
    case 'closing':
      tasks.queue(() => announceClosing(object, channelSlots));
      break;
    case 'closed': {
      const { error } = event;
      endDataChannel(slots, channel, () => (error === undefined ? null : toSctpError(slots, error)));
      break;
    }
    default:
      event satisfies never;
  }
}
