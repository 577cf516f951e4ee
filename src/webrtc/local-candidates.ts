/** Candidates that our ICE agent found, on their way to the script (WebRTC §4.8.1.3, §5.6). */
import { formatCandidate, type IceCandidate, type LocalCandidate } from '../ice/index.ts';
import { addCandidate, addEndOfCandidates, transportSection, usernameFragmentOf } from './applied-description.ts';
import { type CandidateInit, createLocalCandidate, RTCIceCandidate } from './ice-candidate.ts';
import { RTCPeerConnectionIceEvent } from './peer-connection-ice-event.ts';
import { type AppliedDescription, localDescription, type PeerConnectionSlots, remoteDescription } from './slots.ts';

/** "Surface the candidate": one task. */
export function surfaceCandidate(slots: PeerConnectionSlots, candidate: LocalCandidate): void {
  const generation = candidate.usernameFragment ?? null;
  const places = placesOf(slots, generation);
  if (places.length === 0) {
    slots.earlyCandidates.push(candidate);
    return;
  }
  const init = localCandidateInit(slots, candidate);
  const isKnown = places.every(({ applied, index }) =>
    applied.content.media[index]!.candidates.includes(init.candidate),
  );
  for (const { applied, index } of places) addCandidate(applied, index, init.candidate);
  const object = createLocalCandidate(candidate, init);
  slots.ice?.slots.localCandidates.push(object);
  if (isKnown) return; // gathered again, after the rollback of an ICE restart
  const event = new RTCPeerConnectionIceEvent('icecandidate', { candidate: object, url: candidate.url ?? null });
  slots.target.dispatchEvent(event);
}

/** "Release early candidates": a local description has come into force. */
export function releaseEarlyCandidates(slots: PeerConnectionSlots): void {
  const early = slots.earlyCandidates;
  slots.earlyCandidates = [];
  for (const candidate of early) slots.tasks.queue(() => surfaceCandidate(slots, candidate));
}

/** The generation has no more candidates: an empty one says so (WebRTC §4.8.1.3). */
export function endOfLocalCandidates(slots: PeerConnectionSlots): void {
  const generation = slots.ice?.slots.localParameters?.usernameFragment ?? null;
  const places = placesOf(slots, generation);
  if (places.length === 0) return;
  for (const { applied, index } of places) addEndOfCandidates(applied, index);
  const { sdpMid, sdpMLineIndex } = localPlace(slots);
  const candidate = new RTCIceCandidate({ candidate: '', sdpMid, sdpMLineIndex, usernameFragment: generation });
  slots.target.dispatchEvent(new RTCPeerConnectionIceEvent('icecandidate', { candidate }));
}

export function localCandidateInit(slots: PeerConnectionSlots, candidate: LocalCandidate): CandidateInit {
  return toInit(candidate, localPlace(slots));
}

export function remoteCandidateInit(slots: PeerConnectionSlots, candidate: IceCandidate): CandidateInit {
  return toInit(candidate, placeIn(remoteDescription(slots)));
}

type Place = Pick<CandidateInit, 'sdpMid' | 'sdpMLineIndex'>;

function toInit(candidate: IceCandidate, place: Place): CandidateInit {
  return { candidate: formatCandidate(candidate), ...place, usernameFragment: candidate.usernameFragment ?? null };
}

function localPlace(slots: PeerConnectionSlots): Place {
  return placeIn(localDescription(slots));
}

function placeIn(applied: AppliedDescription | null): Place {
  const found = applied && transportSection(applied);
  return { sdpMid: found?.section.mid ?? null, sdpMLineIndex: found?.index ?? 0 };
}

/** The local descriptions in force that belong to a generation, and their sections that carry candidates. */
function placesOf(
  slots: PeerConnectionSlots,
  generation: string | null,
): { readonly applied: AppliedDescription; readonly index: number }[] {
  return [slots.pendingLocalDescription, slots.currentLocalDescription].flatMap((applied) => {
    const found = applied && transportSection(applied);
    if (!applied || !found || usernameFragmentOf(applied.content, found.section) !== generation) return [];
    return [{ applied, index: found.index }];
  });
}
