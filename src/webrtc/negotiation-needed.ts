/** The negotiation-needed flag (WebRTC §4.7.3). */
import { dataSection } from '../sdp/index.ts';
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
  const description = slots.currentLocalDescription;
  return slots.hasCreatedDataChannel && dataSection(description?.content ?? null) === undefined;
}
