/** "Set a session description" (WebRTC §4.4.1.5), and the chained steps of the two methods that lead to it (§4.4.2). */
import {
  type DescriptionType,
  dataSection,
  parseDescription,
  SdpError,
  type SessionDescription,
  supportsTrickle,
  validateRemote,
} from '../sdp/index.ts';
import { applyDescription, credentialsOf } from './applied-description.ts';
import {
  announceTracks,
  applyAnsweredMedia,
  applyLocalOffer,
  applyRemoteOffer,
  noteStableMedia,
  removeStoppedTransceivers,
  rollBackMedia,
  TrackChanges,
} from './apply-media.ts';
import type { RTCCertificate } from './certificate.ts';
import { placeIn } from './connection-transport.ts';
import { bundlePolicyOf, createAnswer, createOffer, isOfferOutdated, negotiationState } from './create-description.ts';
import { RTCError } from './error.ts';
import { RTCIceCandidate } from './ice-candidate.ts';
import { releaseEarlyCandidates } from './local-candidates.ts';
import { configureMedia } from './media-binding.ts';
import { updateNegotiationNeeded } from './negotiation-needed.ts';
import type { Description, RTCSdpType } from './session-description.ts';
import type { AppliedDescription, PeerConnectionSlots, RTCSignalingState } from './slots.ts';
import {
  applyLocalTransports,
  applyNegotiated,
  assignTransports,
  closeUnusedTransports,
  exposeTransports,
  rollBackTransports,
} from './transports.ts';

type Side = 'local' | 'remote';

/** The method `setLocalDescription`, once its turn in the operations chain has come. */
export async function setLocalDescription(
  slots: PeerConnectionSlots,
  description: { readonly type: RTCSdpType | undefined; readonly sdp: string },
): Promise<void> {
  const type = description.type ?? defaultLocalType(slots.signalingState);
  let { sdp } = description;
  // A type that is wrong here comes before a text that is not ours: so the web-platform-tests, against the prose.
  requireState(slots, type, 'local');
  if (type === 'offer') {
    if (sdp !== '' && sdp !== slots.lastCreatedOffer) throw modified('offer');
    if (sdp === '')
      sdp = isOfferOutdated(slots, await slots.certificates)
        ? (await createOffer(slots, { iceRestart: false })).sdp
        : slots.lastCreatedOffer;
  } else if (type !== 'rollback') {
    if (sdp !== '' && sdp !== slots.lastCreatedAnswer) throw modified('answer');
    if (sdp === '') sdp = slots.lastCreatedAnswer || (await createAnswer(slots)).sdp;
  }
  await setDescription(slots, { type, sdp }, 'local');
  slots.setLocalDescriptionCalled = true;
}

/** The method `setRemoteDescription`, once its turn in the operations chain has come. */
export async function setRemoteDescription(slots: PeerConnectionSlots, description: Description): Promise<void> {
  // Perfect negotiation: an offer that meets our own takes its place.
  if (description.type === 'offer' && slots.signalingState === 'have-local-offer') {
    await setDescription(slots, { type: 'rollback', sdp: '' }, 'local');
  }
  await setDescription(slots, description, 'remote');
}

/** "Let type be description.type if present": what a parameterless `setLocalDescription` sets. */
function defaultLocalType(state: RTCSignalingState): 'offer' | 'answer' {
  return state === 'stable' || state === 'have-local-offer' || state === 'have-remote-pranswer' ? 'offer' : 'answer';
}

function modified(type: string): DOMException {
  return new DOMException(`This is not the last ${type} that was created`, 'InvalidModificationError');
}

/** RFC 8829 §3.2, figure 2: which descriptions are possible, and where they lead. `null`: not here. */
function nextState(state: RTCSignalingState, type: RTCSdpType, side: Side): RTCSignalingState | null {
  const other = side === 'local' ? 'remote' : 'local';
  switch (type) {
    case 'offer':
      return state === 'stable' || state === `have-${side}-offer` ? `have-${side}-offer` : null;
    case 'pranswer':
      return state === `have-${other}-offer` || state === `have-${side}-pranswer` ? `have-${side}-pranswer` : null;
    case 'answer':
      return state === `have-${other}-offer` || state === `have-${side}-pranswer` ? 'stable' : null;
    case 'rollback':
      return state === `have-${side}-offer` ? 'stable' : null;
    default:
      return type satisfies never;
  }
}

/** @returns the state that follows. @throws DOMException InvalidStateError when the description is not possible here */
function requireState(slots: PeerConnectionSlots, type: RTCSdpType, side: Side): RTCSignalingState {
  const state = nextState(slots.signalingState, type, side);
  if (state !== null) return state;
  throw new DOMException(`Cannot set a ${side} ${type} in state '${slots.signalingState}'`, 'InvalidStateError');
}

async function setDescription(slots: PeerConnectionSlots, description: Description, side: Side): Promise<void> {
  const certificates = await slots.certificates;
  return slots.tasks.settleLater(() => {
    const state = requireState(slots, description.type, side);
    const content = description.type === 'rollback' ? null : read(slots, description, side);
    const changes = new TrackChanges();
    if (content === null) rollBack(slots, changes);
    else apply(slots, applyDescription(description, content), description.type, side, certificates, changes);
    settleInState(slots, state, changes);
  });
}

/** Reads a description and looks whether it can be used, before anything has changed. */
function read(slots: PeerConnectionSlots, { type, sdp }: Description, side: Side): SessionDescription {
  try {
    const content = parseDescription(sdp);
    if (side === 'remote') {
      validateRemote(type as DescriptionType, content, negotiationState(slots), bundlePolicyOf(slots));
    }
    return content;
  } catch (error) {
    throw toDomError(error);
  }
}

/** "If the process to apply description fails for any reason". */
function toDomError(error: unknown): unknown {
  if (!(error instanceof SdpError)) {
    return new DOMException(error instanceof Error ? error.message : String(error), 'OperationError');
  }
  if (error.code === 'content') return new DOMException(error.message, 'InvalidAccessError');
  const line = error.line === null ? {} : { sdpLineNumber: error.line };
  return new RTCError({ errorDetail: 'sdp-syntax-error', ...line }, error.message);
}

function apply(
  slots: PeerConnectionSlots,
  applied: AppliedDescription,
  type: RTCSdpType,
  side: Side,
  certificates: readonly RTCCertificate[],
  changes: TrackChanges,
): void {
  if (side === 'local') slots.pendingLocalDescription = applied;
  else slots.pendingRemoteDescription = applied;
  exposeTransports(slots, applied.content, side === 'local' && type === 'offer');
  if (side === 'local') applyLocalTransports(slots, applied, certificates, type === 'offer');
  else noteRemote(slots, applied);
  if (type === 'offer') {
    if (side === 'local') applyLocalOffer(slots, applied.content);
    else applyRemoteOffer(slots, applied.content, changes);
  } else {
    const local = slots.pendingLocalDescription!;
    const remote = slots.pendingRemoteDescription!;
    const negotiated = assignTransports(slots, local, remote, side);
    applyAnsweredMedia(slots, local.content, remote.content, side, changes);
    applyNegotiated(slots, negotiated, remote.content, certificates, side === 'remote');
    configureMedia(slots);
    if (type === 'answer') complete(slots, local, remote);
  }
  if (side === 'local') releaseEarlyCandidates(slots);
}

/** An answer "completes an offer answer negotiation". */
function complete(slots: PeerConnectionSlots, local: AppliedDescription, remote: AppliedDescription): void {
  slots.currentLocalDescription = local;
  slots.currentRemoteDescription = remote;
  slots.pendingLocalDescription = null;
  slots.pendingRemoteDescription = null;
  slots.lastCreatedOffer = '';
  slots.lastCreatedAnswer = '';
  const credentials = credentialsOf(local);
  if (credentials === null || !slots.localIceCredentialsToReplace.has(credentials.usernameFragment)) {
    slots.localIceCredentialsToReplace = new Set();
  }
  if (dataSection(local.content) === undefined || dataSection(remote.content) === undefined) slots.sctp = null;
  removeStoppedTransceivers(slots);
  closeUnusedTransports(slots);
}

function noteRemote(slots: PeerConnectionSlots, applied: AppliedDescription): void {
  slots.canTrickleIceCandidates = supportsTrickle(applied.content);
  for (const transport of slots.transports) {
    const index = placeIn(applied, transport);
    const section = applied.content.media[index ?? -1];
    const { remoteCandidates } = transport.ice.slots;
    const known = new Set(remoteCandidates.map(({ candidate }) => candidate));
    for (const candidate of section?.candidates ?? []) {
      if (known.has(candidate)) continue;
      remoteCandidates.push(new RTCIceCandidate({ candidate, sdpMid: section!.mid, sdpMLineIndex: index }));
    }
  }
}

function rollBack(slots: PeerConnectionSlots, changes: TrackChanges): void {
  rollBackMedia(slots, changes);
  slots.pendingLocalDescription = null;
  slots.pendingRemoteDescription = null;
  if (slots.currentRemoteDescription === null) slots.canTrickleIceCandidates = null;
  rollBackTransports(slots);
}

function settleInState(slots: PeerConnectionSlots, state: RTCSignalingState, changes: TrackChanges): void {
  const changed = state !== slots.signalingState;
  slots.signalingState = state;
  if (state === 'stable') {
    noteStableMedia(slots);
    slots.negotiationNeeded = false;
    updateNegotiationNeeded(slots);
  }
  announceTracks(slots, changes, changed);
}
