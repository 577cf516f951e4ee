/** `offerToReceiveAudio` and `offerToReceiveVideo` ("Legacy configuration extensions", WebRTC §4.4.3.2). */
import type { MediaKind } from '../rtp/codecs.ts';
import { updateNegotiationNeeded } from './negotiation-needed.ts';
import { initialEncodings } from './send-encodings.ts';
import type { PeerConnectionSlots } from './slots.ts';
import { makeTransceiver } from './transceivers.ts';

export function applyOfferToReceive(
  slots: PeerConnectionSlots,
  wants: { readonly [Kind in MediaKind]: boolean | undefined },
): void {
  for (const kind of ['audio', 'video'] as const) {
    if (wants[kind] === false) stopReceiving(slots, kind);
    else if (wants[kind] === true) receiveOne(slots, kind);
  }
}

/** "For each non-stopped … transceiver of transceiver kind kind": it goes on sending only. */
function stopReceiving(slots: PeerConnectionSlots, kind: MediaKind): void {
  for (const transceiver of slots.transceivers) {
    if (transceiver.kind !== kind || transceiver.stopping) continue;
    if (transceiver.direction === 'sendrecv') transceiver.direction = 'sendonly';
    else if (transceiver.direction === 'recvonly') transceiver.direction = 'inactive';
    else continue;
    updateNegotiationNeeded(slots);
  }
}

/** One more transceiver, unless there is one that receives. */
function receiveOne(slots: PeerConnectionSlots, kind: MediaKind): void {
  const has = slots.transceivers.some(
    (one) => one.kind === kind && !one.stopping && (one.direction === 'sendrecv' || one.direction === 'recvonly'),
  );
  if (has) return;
  const encodings = initialEncodings(kind, []);
  makeTransceiver(slots, kind, { direction: 'recvonly', track: null, streams: [], encodings, isRemoteMade: false });
  updateNegotiationNeeded(slots);
}
