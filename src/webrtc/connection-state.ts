/** The states of a connection, derived from those of its transports (WebRTC §4.3, §4.4.1.3, §4.4.1.4). */
import { RTCPeerConnectionIceEvent } from './peer-connection-ice-event.ts';
import type { PeerConnectionSlots, RTCIceConnectionState, RTCPeerConnectionState } from './slots.ts';

/** Fires a plain event at the connection, unless a handler has closed it meanwhile. */
export function fire(slots: PeerConnectionSlots, type: string): void {
  if (!slots.isClosed) slots.target.dispatchEvent(new Event(type));
}

/** §4.3.4, for the one transport there is: all sections are bundled. */
function deriveIceConnectionState(slots: PeerConnectionSlots): RTCIceConnectionState {
  if (slots.isClosed) return 'closed';
  return slots.ice?.slots.state ?? 'new';
}

/** §4.3.3. */
function deriveConnectionState(slots: PeerConnectionSlots): RTCPeerConnectionState {
  if (slots.isClosed) return 'closed';
  const ice = slots.ice?.slots.state ?? 'new';
  const dtls = slots.dtls?.slots.state ?? 'new';
  if (ice === 'failed' || dtls === 'failed') return 'failed';
  if (ice === 'disconnected') return 'disconnected';
  if ((ice === 'new' || ice === 'closed') && (dtls === 'new' || dtls === 'closed')) return 'new';
  const iceIsUp = ice === 'connected' || ice === 'completed' || ice === 'closed';
  return iceIsUp && (dtls === 'connected' || dtls === 'closed') ? 'connected' : 'connecting';
}

/**
 * A transport has changed its state: all states are brought up to date first, then the events follow, the transport's
 * before the connection's.
 */
export function updateConnectionState(slots: PeerConnectionSlots, fireAtTransport: () => void = () => {}): void {
  const iceConnectionState = deriveIceConnectionState(slots);
  const connectionState = deriveConnectionState(slots);
  const iceChanged = iceConnectionState !== slots.iceConnectionState;
  const connectionChanged = connectionState !== slots.connectionState;
  slots.iceConnectionState = iceConnectionState;
  slots.connectionState = connectionState;
  fireAtTransport();
  if (iceChanged) fire(slots, 'iceconnectionstatechange');
  if (connectionChanged) fire(slots, 'connectionstatechange');
}

/** "Update the ICE gathering state": that of the connection is there when the transport's event tells of its own. */
export function updateIceGatheringState(slots: PeerConnectionSlots, fireAtTransport: () => void = () => {}): void {
  if (slots.isClosed) return;
  const state = slots.ice?.slots.gathererState ?? 'new';
  const changed = state !== slots.iceGatheringState;
  slots.iceGatheringState = state;
  fireAtTransport();
  if (!changed) return;
  fire(slots, 'icegatheringstatechange');
  if (state === 'complete' && !slots.isClosed) {
    slots.target.dispatchEvent(new RTCPeerConnectionIceEvent('icecandidate', { candidate: null }));
  }
}
