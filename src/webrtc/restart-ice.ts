/** The method `restartIce` (WebRTC §4.4.2). */
import { credentialsOf } from './applied-description.ts';
import { updateNegotiationNeeded } from './negotiation-needed.ts';
import type { PeerConnectionSlots } from './slots.ts';

/** The next offer will have other credentials than those that are in force now. */
export function restartIce(slots: PeerConnectionSlots): void {
  const inForce = [slots.currentLocalDescription, slots.pendingLocalDescription].flatMap(
    (applied) => (applied && credentialsOf(applied)) ?? [],
  );
  slots.localIceCredentialsToReplace = new Set(inForce.map(({ usernameFragment }) => usernameFragment));
  updateNegotiationNeeded(slots);
}
