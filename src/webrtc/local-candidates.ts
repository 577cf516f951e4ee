/** Candidates that our ICE agent found, on their way to the script (WebRTC §4.8.1.3, §5.6). */
import { formatCandidate, type IceCandidate, type LocalCandidate } from '../ice/index.ts';
import { addCandidate, addEndOfCandidates, usernameFragmentOf } from './applied-description.ts';
import { type ConnectionTransport, placeIn } from './connection-transport.ts';
import { type CandidateInit, createLocalCandidate, RTCIceCandidate } from './ice-candidate.ts';
import { RTCPeerConnectionIceEvent } from './peer-connection-ice-event.ts';
import { type AppliedDescription, localDescription, type PeerConnectionSlots, remoteDescription } from './slots.ts';

/** "Surface the candidate": one task. */
export function surfaceCandidate(
  slots: PeerConnectionSlots,
  transport: ConnectionTransport,
  candidate: LocalCandidate,
): void {
  const generation = candidate.usernameFragment ?? null;
  const places = placesOf(slots, transport, generation);
  if (places.length === 0) {
    transport.earlyCandidates.push(candidate);
    return;
  }
  const init = localCandidateInit(slots, transport, candidate);
  const isKnown = places.every(({ applied, index }) =>
    applied.content.media[index]!.candidates.includes(init.candidate),
  );
  for (const { applied, index } of places) addCandidate(applied, index, init.candidate);
  const object = createLocalCandidate(candidate, init);
  transport.ice.slots.localCandidates.push(object);
  if (isKnown) return; // gathered again, after the rollback of an ICE restart
  const event = new RTCPeerConnectionIceEvent('icecandidate', { candidate: object, url: candidate.url ?? null });
  slots.target.dispatchEvent(event);
}

/** "Release early candidates": a local description has come into force. */
export function releaseEarlyCandidates(slots: PeerConnectionSlots): void {
  for (const transport of slots.transports) {
    const early = transport.earlyCandidates;
    transport.earlyCandidates = [];
    for (const candidate of early) slots.tasks.queue(() => surfaceCandidate(slots, transport, candidate));
  }
}

/** The generation has no more candidates: an empty one says so (WebRTC §4.8.1.3). */
export function endOfLocalCandidates(slots: PeerConnectionSlots, transport: ConnectionTransport): void {
  const generation = transport.ice.slots.localParameters?.usernameFragment ?? null;
  const places = placesOf(slots, transport, generation);
  if (places.length === 0) return;
  for (const { applied, index } of places) addEndOfCandidates(applied, index);
  const { sdpMid, sdpMLineIndex } = localPlace(slots, transport);
  const candidate = new RTCIceCandidate({ candidate: '', sdpMid, sdpMLineIndex, usernameFragment: generation });
  slots.target.dispatchEvent(new RTCPeerConnectionIceEvent('icecandidate', { candidate }));
}

export function localCandidateInit(
  slots: PeerConnectionSlots,
  transport: ConnectionTransport,
  candidate: LocalCandidate,
): CandidateInit {
  return toInit(candidate, localPlace(slots, transport));
}

export function remoteCandidateInit(
  slots: PeerConnectionSlots,
  transport: ConnectionTransport,
  candidate: IceCandidate,
): CandidateInit {
  return toInit(candidate, placeOf(remoteDescription(slots), transport));
}

type Place = Pick<CandidateInit, 'sdpMid' | 'sdpMLineIndex'>;

function toInit(candidate: IceCandidate, place: Place): CandidateInit {
  return { candidate: formatCandidate(candidate), ...place, usernameFragment: candidate.usernameFragment ?? null };
}

function localPlace(slots: PeerConnectionSlots, transport: ConnectionTransport): Place {
  return placeOf(localDescription(slots), transport);
}

function placeOf(applied: AppliedDescription | null, transport: ConnectionTransport): Place {
  const index = applied === null ? 0 : (placeIn(applied, transport) ?? 0);
  return { sdpMid: applied?.content.media[index]?.mid ?? null, sdpMLineIndex: index };
}

/** The local descriptions in force that belong to a generation, and their sections that carry its candidates. */
function placesOf(
  slots: PeerConnectionSlots,
  transport: ConnectionTransport,
  generation: string | null,
): { readonly applied: AppliedDescription; readonly index: number }[] {
  return [slots.pendingLocalDescription, slots.currentLocalDescription].flatMap((applied) => {
    const index = applied && placeIn(applied, transport);
    if (applied === null || index === null) return [];
    const section = applied.content.media[index]!;
    return usernameFragmentOf(applied.content, section) === generation ? [{ applied, index }] : [];
  });
}
