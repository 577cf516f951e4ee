/** The states of a connection, derived from those of its transports (WebRTC §4.3, §4.4.1.3, §4.4.1.4). */
import type { ConnectionTransport } from './connection-transport.ts';
import { RTCPeerConnectionIceEvent } from './peer-connection-ice-event.ts';
import type {
  PeerConnectionSlots,
  RTCIceConnectionState,
  RTCIceGatheringState,
  RTCPeerConnectionState,
} from './slots.ts';

/** Fires a plain event at the connection, unless a handler has closed it meanwhile. */
export function fire(slots: PeerConnectionSlots, type: string): void {
  if (!slots.isClosed) slots.target.dispatchEvent(new Event(type));
}

/** §4.3.4: the first row that fits. */
function deriveIceConnectionState(slots: PeerConnectionSlots): RTCIceConnectionState {
  if (slots.isClosed) return 'closed';
  const states = atWork(slots).map(({ ice }) => ice.slots.state);
  if (states.includes('failed')) return 'failed';
  if (states.includes('disconnected')) return 'disconnected';
  if (areAll(states, 'new', 'closed')) return 'new';
  if (states.includes('new') || states.includes('checking')) return 'checking';
  return areAll(states, 'completed', 'closed') ? 'completed' : 'connected';
}

/** §4.3.3: likewise. */
function deriveConnectionState(slots: PeerConnectionSlots): RTCPeerConnectionState {
  if (slots.isClosed) return 'closed';
  const transports = atWork(slots);
  const ice = transports.map((transport) => transport.ice.slots.state);
  const dtls = transports.map((transport) => transport.dtls.slots.state);
  if (ice.includes('failed') || dtls.includes('failed')) return 'failed';
  if (ice.includes('disconnected')) return 'disconnected';
  if (areAll(ice, 'new', 'closed') && areAll(dtls, 'new', 'closed')) return 'new';
  const areUp = areAll(ice, 'connected', 'completed', 'closed') && areAll(dtls, 'connected', 'closed');
  return areUp ? 'connected' : 'connecting';
}

/** §4.4.1.3. */
function deriveGatheringState(slots: PeerConnectionSlots): RTCIceGatheringState {
  const states = atWork(slots).map(({ ice }) => ice.slots.gathererState);
  if (states.includes('gathering')) return 'gathering';
  return states.length > 0 && areAll(states, 'complete') ? 'complete' : 'new';
}

/** Those that stand by have no say. */
function atWork({ transports }: PeerConnectionSlots): readonly ConnectionTransport[] {
  return transports.filter(({ peer }) => peer !== null);
}

/** Also when there are none. */
function areAll<State extends string>(states: readonly State[], ...wanted: readonly State[]): boolean {
  return states.every((state) => wanted.includes(state));
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
  const state = deriveGatheringState(slots);
  const changed = state !== slots.iceGatheringState;
  slots.iceGatheringState = state;
  fireAtTransport();
  if (!changed) return;
  fire(slots, 'icegatheringstatechange');
  if (state === 'complete' && !slots.isClosed) {
    slots.target.dispatchEvent(new RTCPeerConnectionIceEvent('icecandidate', { candidate: null }));
  }
}
