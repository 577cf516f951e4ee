/**
 * What a description says about media, applied to the transceivers: the loop over "each media description" in "set a
 * session description" (WebRTC §4.4.1.5), and the events that follow from it.
 */
import {
  type MediaStream,
  type MediaStreamTrack,
  makeRemoteStream,
  remoteStream,
  trackSlots,
} from '../media/tracks.ts';
import {
  type Direction,
  effectiveDirection,
  isRejected,
  type MediaSection,
  type NegotiatedMedia,
  negotiateMedia,
  proposedSendRids,
  receives,
  remoteMsids,
  reverseDirection,
  type SessionDescription,
  sends,
} from '../sdp/index.ts';
import { fire } from './connection-state.ts';
import { transportFor, transportOf } from './connection-transport.ts';
import { isSameCodecAtAnyLevel, type RTCRtpEncodingParameters, toCodecDictionary } from './rtp-parameters.ts';
import type { SenderSlots } from './rtp-sender.ts';
import type { TransceiverSlots } from './rtp-transceiver.ts';
import { initialEncodings, proposedEncodings } from './send-encodings.ts';
import type { PeerConnectionSlots } from './slots.ts';
import { stopTransceiver } from './stop-transceiver.ts';
import { RTCTrackEvent } from './track-event.ts';
import { makeTransceiver } from './transceivers.ts';

type Side = 'local' | 'remote';

/** Stands for the stream of a peer that names none; no id that SDP could have. */
const DEFAULT_STREAM = '';
type StreamAndTrack = { readonly stream: MediaStream; readonly track: MediaStreamTrack };

/** What the application is told once everything has been applied. */
export class TrackChanges {
  readonly added: StreamAndTrack[] = [];
  readonly removed: StreamAndTrack[] = [];
  readonly muted: MediaStreamTrack[] = [];
  readonly arrived: { readonly transceiver: TransceiverSlots; readonly streams: readonly MediaStream[] }[] = [];

  /** In the order that the specification has: mutes, removals, additions, `track`. */
  announce(slots: PeerConnectionSlots): void {
    for (const track of this.muted) if (!slots.isClosed) trackSlots(track).setMuted(true);
    for (const { stream, track } of this.removed) if (!slots.isClosed) remoteStream(stream).remove(track);
    for (const { stream, track } of this.added) if (!slots.isClosed) remoteStream(stream).add(track);
    for (const { transceiver, streams } of this.arrived) {
      if (slots.isClosed) return;
      const { object, receiver } = transceiver;
      const init = {
        receiver: receiver.object,
        track: receiver.slots.track,
        streams: [...streams],
        transceiver: object,
      };
      slots.target.dispatchEvent(new RTCTrackEvent('track', init));
    }
  }
}

/** An offer of ours: its transceivers have a place from now on (RFC 8829 §5.9). */
export function applyLocalOffer(slots: PeerConnectionSlots, offer: SessionDescription): void {
  for (const { transceiver, mLineIndex, mid } of slots.offerPlan) {
    if (offer.media[mLineIndex]?.mid !== mid) continue; // an offer that was made before this plan
    associate(transceiver, mid, mLineIndex);
    const transport = (transportFor(slots, offer, mLineIndex) ?? slots.transports[0])?.dtls.object ?? null;
    transceiver.sender.slots.transport = transport;
    transceiver.receiver.slots.transport = transport;
  }
}

/** An offer of the peer's: each section gets its transceiver, an existing one or a new one (RFC 8829 §5.10). */
export function applyRemoteOffer(slots: PeerConnectionSlots, offer: SessionDescription, changes: TrackChanges): void {
  offer.media.forEach((section, mLineIndex) => {
    if (section.kind !== 'audio' && section.kind !== 'video') return;
    const known = slots.transceivers.find(
      (transceiver) => transceiver.mLineIndex === mLineIndex && !transceiver.stopped,
    );
    if (isRejected(section, 'offer')) {
      if (known === undefined) return;
      applyRemoteDirection(slots, known, section, 'inactive', changes);
      stopTransceiver(known);
      return;
    }
    const isNew = known === undefined || (section.mid !== null && known.mid !== section.mid);
    const transceiver = (isNew ? undefined : known) ?? attach(slots, section, offer) ?? create(slots, section.kind);
    associate(transceiver, section.mid ?? transceiver.mid ?? newMid(offer), mLineIndex);
    transceiver.sender.slots.lastReturnedParameters = null;
    if (isNew) takeProposal(transceiver, section);
    applyRemoteDirection(slots, transceiver, section, reverseDirection(effectiveDirection(offer, section)), changes);
  });
}

/** Offer and answer: what was negotiated for each section, and with an answer, for good. */
export function applyAnsweredMedia(
  slots: PeerConnectionSlots,
  local: SessionDescription,
  remote: SessionDescription,
  side: Side,
  changes: TrackChanges,
): void {
  slots.negotiatedMedia = negotiateMedia(local, remote, side);
  for (const media of slots.negotiatedMedia) {
    const transceiver = slots.transceivers.find(
      ({ mLineIndex, stopped }) => mLineIndex === media.mLineIndex && !stopped,
    );
    if (transceiver === undefined) continue;
    if (side === 'remote') {
      applyRemoteDirection(slots, transceiver, remote.media[media.mLineIndex]!, media.direction, changes);
    } else if (!receives(media.direction) && transceiver.firedDirection && receives(transceiver.firedDirection)) {
      removeRemoteTrack(transceiver, changes);
    }
    settle(slots, transceiver, media);
  }
}

/** An answer is final: those whose sections it turns down are stopped, and stopped ones leave the set of transceivers. */
export function removeStoppedTransceivers(slots: PeerConnectionSlots): void {
  for (const { mLineIndex, rejected } of slots.negotiatedMedia) {
    if (!rejected) continue;
    for (const transceiver of slots.transceivers)
      if (transceiver.mLineIndex === mLineIndex) stopTransceiver(transceiver);
  }
  for (const transceiver of slots.transceivers.filter(({ stopped }) => stopped)) {
    transceiver.mid = null;
    transceiver.mLineIndex = null;
    slots.transceivers.splice(slots.transceivers.indexOf(transceiver), 1);
  }
}

/** Where the transceivers of the last stable state were, and those that have come since (RFC 8829 §4.1.10.2). */
export function rollBackMedia(slots: PeerConnectionSlots, changes: TrackChanges): void {
  for (const transceiver of [...slots.transceivers]) {
    const { stable, sender, receiver } = transceiver;
    const before = stable ?? { mid: null, mLineIndex: null, streams: [] };
    transceiver.mid = before.mid;
    transceiver.mLineIndex = before.mLineIndex;
    sender.slots.encodings = transceiver.encodingsBefore ?? sender.slots.encodings;
    sender.slots.lastReturnedParameters = null;
    transceiver.encodingsBefore = null;
    if (before.mid === null) {
      sender.slots.transport = null;
      receiver.slots.transport = null;
    }
    fireDirection(transceiver, transceiver.currentDirection ?? 'inactive', before.streams, changes);
    transceiver.firedDirection = transceiver.currentDirection;
    if (stable === null && transceiver.isRemoteMade) {
      stopTransceiver(transceiver);
      slots.transceivers.splice(slots.transceivers.indexOf(transceiver), 1);
    }
  }
}

/** Remembered on every return to `stable`, for a rollback. Stopped transceivers whose place is gone are forgotten. */
export function noteStableMedia(slots: PeerConnectionSlots): void {
  for (const transceiver of slots.transceivers) {
    const { mid, mLineIndex, receiver } = transceiver;
    transceiver.stable = { mid, mLineIndex, streams: receiver.slots.streams };
    transceiver.encodingsBefore = null;
  }
}

function associate(transceiver: TransceiverSlots, mid: string | null, mLineIndex: number): void {
  for (const other of transceiver.connection.transceivers) {
    if (other === transceiver || other.mLineIndex !== mLineIndex) continue;
    other.mid = null; // its section was turned down, and is used again
    other.mLineIndex = null;
  }
  transceiver.mid = mid;
  transceiver.mLineIndex = mLineIndex;
}

/** RFC 8829 §5.10: "If the m= section does not contain a MID attribute, generate a random value for one". */
function newMid({ media }: SessionDescription): string {
  const used = new Set(media.map(({ mid }) => mid));
  for (;;) {
    const mid = globalThis.crypto.randomUUID().slice(0, 8);
    if (!used.has(mid)) return mid;
  }
}

/**
 * RFC 8829 §5.10: a transceiver that `addTrack` made and that has no section yet is taken for a section in which the
 * peer can receive.
 */
function attach(
  slots: PeerConnectionSlots,
  section: MediaSection,
  offer: SessionDescription,
): TransceiverSlots | undefined {
  if (!receives(effectiveDirection(offer, section))) return undefined;
  return slots.transceivers.find(
    ({ kind, mLineIndex, stopping, isFromAddTrack }) =>
      isFromAddTrack && kind === section.kind && mLineIndex === null && !stopping,
  );
}

function create(slots: PeerConnectionSlots, kind: 'audio' | 'video'): TransceiverSlots {
  return makeTransceiver(slots, kind, {
    direction: 'recvonly',
    track: null,
    streams: [],
    encodings: initialEncodings(kind, []),
    isRemoteMade: true,
  });
}

/** The peer asks for simulcast: taken over by a sender that has not said anything else. */
function takeProposal(transceiver: TransceiverSlots, section: MediaSection): void {
  const { slots } = transceiver.sender;
  if (transceiver.kind !== 'video' || slots.encodings.length > 1) return;
  const rids = proposedSendRids(section).map((rid) => ({ rid, paused: isPaused(section, rid) }));
  if (rids.length > 1) setEncodings(transceiver, proposedEncodings(rids));
}

function setEncodings(transceiver: TransceiverSlots, encodings: RTCRtpEncodingParameters[]): void {
  const { slots } = transceiver.sender;
  transceiver.encodingsBefore ??= slots.encodings;
  slots.encodings = encodings;
}

/** `~` in the peer's `a=simulcast:recv`. */
function isPaused({ rtp }: MediaSection, rid: string): boolean {
  return rtp?.simulcast?.receive.some((stream) => stream.some((one) => one.rid === rid && one.paused)) ?? false;
}

/** The part of the loop that is for remote descriptions: streams, tracks that come and go. */
function applyRemoteDirection(
  slots: PeerConnectionSlots,
  transceiver: TransceiverSlots,
  section: MediaSection,
  direction: Direction,
  changes: TrackChanges,
): void {
  fireDirection(transceiver, direction, receives(direction) ? remoteStreams(slots, section) : [], changes);
  if (!receives(direction)) transceiver.receptive = false;
  transceiver.firedDirection = direction;
}

/** A track that comes, with the streams it comes in, or goes, since the application was last told. */
function fireDirection(
  transceiver: TransceiverSlots,
  direction: Direction,
  streams: readonly MediaStream[],
  changes: TrackChanges,
): void {
  const wasReceiving = receivesFired(transceiver);
  const added = changes.added.length;
  setStreams(transceiver, streams, changes);
  if (receives(direction) && (!wasReceiving || changes.added.length > added)) {
    changes.arrived.push({ transceiver, streams: transceiver.receiver.slots.streams });
  }
  if (!receives(direction) && wasReceiving) changes.muted.push(transceiver.receiver.slots.track);
}

/** "Process the removal of a remote track". */
function removeRemoteTrack(transceiver: TransceiverSlots, changes: TrackChanges): void {
  setStreams(transceiver, [], changes);
  changes.muted.push(transceiver.receiver.slots.track);
}

/** "Set the associated remote streams". */
function setStreams(transceiver: TransceiverSlots, streams: readonly MediaStream[], changes: TrackChanges): void {
  const { slots } = transceiver.receiver;
  const { track } = slots;
  for (const stream of slots.streams) if (!streams.includes(stream)) changes.removed.push({ stream, track });
  for (const stream of streams) if (!slots.streams.includes(stream)) changes.added.push({ stream, track });
  slots.streams = streams;
}

/** Those that the section names, the same object for the same id on one connection. */
function remoteStreams(slots: PeerConnectionSlots, section: MediaSection): MediaStream[] {
  const msids = remoteMsids(section);
  // RFC 8829 §5.10: without a=msid the track goes into a stream of its own making, one for all such tracks.
  const ids = new Set(msids.length > 0 ? msids.map(({ stream }) => stream) : [DEFAULT_STREAM]);
  ids.delete('-'); // RFC 8830 §2: no stream
  return Array.from(ids, (id) => {
    const known = slots.remoteStreams.get(id) ?? makeRemoteStream(id === DEFAULT_STREAM ? undefined : id);
    slots.remoteStreams.set(id, known);
    return known;
  });
}

function receivesFired({ firedDirection }: TransceiverSlots): boolean {
  return firedDirection !== null && receives(firedDirection);
}

/** What the answer has settled. */
function settle(slots: PeerConnectionSlots, transceiver: TransceiverSlots, media: NegotiatedMedia): void {
  const { sender, receiver } = transceiver;
  const transport = transportOf(slots, media.mLineIndex)?.dtls.object ?? null;
  transceiver.currentDirection = media.direction;
  transceiver.firedDirection = media.direction;
  transceiver.receptive = receives(media.direction);
  transceiver.negotiatedExtensions = media.extensions;
  transceiver.hasSent ||= sends(media.direction);
  Object.assign(sender.slots, {
    codecs: media.send.codecs,
    headerExtensions: media.extensions.filter((extension) => sends(extension.direction ?? 'sendrecv')),
    reducedSizeRtcp: media.reducedSizeRtcp,
    transport,
    lastReturnedParameters: null,
  });
  setEncodings(transceiver, agreedEncodings(sender.slots, media));
  Object.assign(receiver.slots, {
    codecs: media.receive.codecs,
    headerExtensions: media.extensions.filter((extension) => receives(extension.direction ?? 'sendrecv')),
    reducedSizeRtcp: media.reducedSizeRtcp,
    transport,
  });
  sender.slots.update();
}

/**
 * Those that the peer takes: it may have dropped some, or know nothing of simulcast. Where nothing is to be sent, nothing
 * was said of them. A codec that was not agreed on is not asked for any more.
 */
function agreedEncodings({ kind, encodings, codecs }: SenderSlots, media: NegotiatedMedia): RTCRtpEncodingParameters[] {
  const offered = codecs.map((codec) => toCodecDictionary(kind, codec));
  return keptEncodings(encodings, media).map(({ codec, ...encoding }) => {
    const isAgreed = codec !== undefined && offered.some((one) => isSameCodecAtAnyLevel(codec, one));
    return isAgreed ? { ...encoding, codec } : encoding;
  });
}

function keptEncodings(
  encodings: readonly RTCRtpEncodingParameters[],
  { send, direction }: NegotiatedMedia,
): readonly RTCRtpEncodingParameters[] {
  if (encodings.length <= 1 || !sends(direction)) return encodings;
  const agreed = new Map(send.streams.flatMap((alternatives) => alternatives.map(({ rid, paused }) => [rid, paused])));
  const kept = encodings.filter(({ rid }) => rid !== undefined && agreed.has(rid));
  if (kept.length === 0) return encodings.slice(0, 1);
  return kept.map((encoding) => (agreed.get(encoding.rid!) ? { ...encoding, active: false } : encoding));
}

/** Fires what `changes` gathered, after the state has changed. */
export function announceTracks(slots: PeerConnectionSlots, changes: TrackChanges, stateChanged: boolean): void {
  if (stateChanged) fire(slots, 'signalingstatechange');
  changes.announce(slots);
}
