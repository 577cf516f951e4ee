/** The negotiation-needed flag (WebRTC §4.7.3). */
import {
  dataSection,
  effectiveDirection,
  intersectDirections,
  isRejected,
  type MediaSection,
  reverseDirection,
  type SessionDescription,
  sends,
} from '../sdp/index.ts';
import type { TransceiverSlots } from './rtp-transceiver.ts';
import type { PeerConnectionSlots } from './slots.ts';

/** "Update the negotiation-needed flag". */
export function updateNegotiationNeeded(slots: PeerConnectionSlots): void {
  if (slots.isClosed) return;
  if (!slots.operations.isEmpty) {
    slots.operations.updateNegotiationNeededWhenEmpty();
    return;
  }
  slots.tasks.queue(() => {
    if (!slots.operations.isEmpty) {
      slots.operations.updateNegotiationNeededWhenEmpty();
      return;
    }
    if (slots.signalingState !== 'stable') return; // it is looked at again when the state returns to stable
    if (!isNegotiationNeeded(slots)) {
      slots.negotiationNeeded = false;
      return;
    }
    if (slots.negotiationNeeded) return;
    slots.negotiationNeeded = true;
    slots.target.dispatchEvent(new Event('negotiationneeded'));
  });
}

/** "Check if negotiation is needed". */
function isNegotiationNeeded(slots: PeerConnectionSlots): boolean {
  if (slots.localIceCredentialsToReplace.size > 0) return true;
  const local = slots.currentLocalDescription?.content ?? null;
  const remote = slots.currentRemoteDescription?.content ?? null;
  if (slots.hasCreatedDataChannel && dataSection(local) === undefined) return true;
  const isOfferer = slots.currentLocalDescription?.object.type === 'offer';
  return slots.transceivers.some((transceiver) => isOutdated(transceiver, local, remote, isOfferer));
}

/** The steps "for each transceiver": whether the current descriptions do not say what it is now. */
function isOutdated(
  { mLineIndex, mid, stopping, stopped, direction, sender }: TransceiverSlots,
  local: SessionDescription | null,
  remote: SessionDescription | null,
  isOfferer: boolean,
): boolean {
  if (stopping && !stopped) return true;
  const index = mLineIndex ?? -1;
  const ours = local?.media[index];
  const theirs = remote?.media[index];
  const isAssociated = ours !== undefined && theirs !== undefined && (ours.mid ?? mid) === mid;
  if (stopped) return isAssociated && !isRejected(ours) && !isRejected(theirs);
  if (!isAssociated) return true;
  const said = effectiveDirection(local!, ours);
  if (sends(direction) && !hasStreams(ours, sender.slots.streamIds)) return true;
  if (isOfferer) {
    const answered = reverseDirection(effectiveDirection(remote!, theirs));
    return direction !== said && direction !== answered;
  }
  return said !== intersectDirections(direction, reverseDirection(effectiveDirection(remote!, theirs)));
}

/** Whether the `a=msid` lines are those of the sender. */
function hasStreams({ rtp }: MediaSection, ids: readonly string[]): boolean {
  const said = new Set(rtp?.msids.map(({ stream }) => stream));
  if (said.size === 0) return false;
  said.delete('-');
  return said.size === ids.length && ids.every((id) => said.has(id));
}
