/** Making transceivers, and the methods of RTCPeerConnection that do (WebRTC §5.1). */
import { MediaStream, type MediaStreamLike, MediaStreamTrack } from '../media/tracks.ts';
import type { MediaKind } from '../rtp/codecs.ts';
import type { Direction } from '../sdp/index.ts';
import { Dictionary, INTERNAL, instance, sequence, toDOMString } from '../webidl/conversions.ts';
import { RTCDTMFSender } from './dtmf-sender.ts';
import { updateNegotiationNeeded } from './negotiation-needed.ts';
import { ReceiverSource } from './receiver-source.ts';
import { type RTCRtpEncodingParameters, toEncoding } from './rtp-parameters.ts';
import { type ReceiverSlots, RTCRtpReceiver } from './rtp-receiver.ts';
import { RTCRtpSender, type SenderSlots, senderSlots, setSenderTrack } from './rtp-sender.ts';
import {
  RTCRtpTransceiver,
  type RTCRtpTransceiverDirection,
  type TransceiverSlots,
  toDirection,
  transceiverSlots,
} from './rtp-transceiver.ts';
import { initialEncodings } from './send-encodings.ts';
import { SenderSink } from './sender-sink.ts';
import type { PeerConnectionSlots } from './slots.ts';

export interface RTCRtpTransceiverInit {
  direction?: RTCRtpTransceiverDirection;
  streams?: MediaStreamLike[];
  sendEncodings?: RTCRtpEncodingParameters[];
}

const toStream = instance(MediaStream, 'MediaStream');
const toTrack = instance(MediaStreamTrack, 'MediaStreamTrack');

/** The method `addTransceiver`. */
export function addTransceiver(slots: PeerConnectionSlots, trackOrKind: unknown, init: unknown): RTCRtpTransceiver {
  const track = trackOrKind instanceof MediaStreamTrack ? trackOrKind : null;
  const kindName = track === null ? toDOMString(trackOrKind, 'trackOrKind') : track.kind;
  const members = new Dictionary(init, 'RTCRtpTransceiverInit');
  const direction = members.withDefault('direction', toDirection, 'sendrecv');
  const sendEncodings = members.withDefault('sendEncodings', sequence(toEncoding), []);
  const streams = members.withDefault('streams', sequence(toStream), []);
  if (kindName !== 'audio' && kindName !== 'video') throw new TypeError(`'${kindName}' is no kind of track`);
  if (direction === 'stopped') throw new TypeError("A transceiver cannot begin as 'stopped'");
  requireOpen(slots);
  const encodings = initialEncodings(kindName, sendEncodings);
  const transceiver = makeTransceiver(slots, kindName, { direction, track, streams, encodings, isRemoteMade: false });
  updateNegotiationNeeded(slots);
  return transceiver.object;
}

/** The method `addTrack`. @throws DOMException InvalidAccessError when a sender has the track */
export function addTrack(slots: PeerConnectionSlots, given: unknown, givenStreams: readonly unknown[]): RTCRtpSender {
  const track = toTrack(given, 'track');
  const streams = givenStreams.map((stream) => toStream(stream, 'stream'));
  requireOpen(slots);
  if (openTransceivers(slots).some(({ sender }) => sender.slots.track === track)) {
    throw new DOMException('A sender has this track', 'InvalidAccessError');
  }
  const free = slots.transceivers.find((transceiver) => isFreeFor(transceiver, track.kind));
  if (free === undefined) {
    const { object } = makeTransceiver(slots, track.kind, {
      direction: 'sendrecv',
      track,
      streams,
      encodings: initialEncodings(track.kind, []),
      isRemoteMade: false,
      isFromAddTrack: true,
    });
    updateNegotiationNeeded(slots);
    return object.sender;
  }
  setSenderTrack(free.sender.slots, track);
  free.sender.slots.streamIds = idsOf(streams);
  free.isFromAddTrack ||= free.isRemoteMade; // RFC 8829 §4.1.10.2: a rollback leaves it, as if addTrack had made it
  free.isRemoteMade = false;
  if (free.direction === 'recvonly') free.direction = 'sendrecv';
  else if (free.direction === 'inactive') free.direction = 'sendonly';
  updateNegotiationNeeded(slots);
  return free.sender.object;
}

/** "The sender's track is null, … the sender has never been used to send." */
function isFreeFor({ sender, kind, stopping, hasSent }: TransceiverSlots, wanted: MediaKind): boolean {
  return sender.slots.track === null && kind === wanted && !stopping && !hasSent;
}

/** The method `removeTrack`. @throws DOMException InvalidAccessError for a sender of another connection */
export function removeTrack(slots: PeerConnectionSlots, given: unknown): void {
  const sender = senderSlots(instance(RTCRtpSender, 'RTCRtpSender')(given, 'sender'));
  requireOpen(slots);
  if (sender.connection !== slots) throw new DOMException('The sender is of another connection', 'InvalidAccessError');
  const { transceiver } = sender;
  if (sender.track === null || transceiver.stopping || !slots.transceivers.includes(transceiver)) return;
  setSenderTrack(sender, null);
  if (transceiver.direction === 'sendrecv') transceiver.direction = 'recvonly';
  else if (transceiver.direction === 'sendonly') transceiver.direction = 'inactive';
  updateNegotiationNeeded(slots);
}

/** Those whose senders and receivers are shown; stopped ones are transceivers until an answer has said so, too. */
export function openTransceivers(slots: PeerConnectionSlots): readonly TransceiverSlots[] {
  return slots.transceivers.filter(({ stopped }) => !stopped);
}

export function idsOf(streams: readonly MediaStream[]): string[] {
  return [...new Set(streams.map(({ id }) => id))];
}

function requireOpen(slots: PeerConnectionSlots): void {
  if (slots.isClosed) throw new DOMException('The connection is closed', 'InvalidStateError');
}

/** The tail of what makes a transceiver: for scripts, for remote offers, for `offerToReceiveAudio` and `…Video`. */
export function makeTransceiver(
  connection: PeerConnectionSlots,
  kind: MediaKind,
  init: {
    readonly direction: Direction;
    readonly track: MediaStreamTrack | null;
    readonly streams: readonly MediaStream[];
    readonly encodings: RTCRtpEncodingParameters[];
    readonly isRemoteMade: boolean;
    readonly isFromAddTrack?: boolean;
  },
): TransceiverSlots {
  const object = new RTCRtpTransceiver(INTERNAL, (self) => ({
    connection,
    kind,
    object: self,
    sender: makeSender(connection, kind, init.track, idsOf(init.streams), init.encodings),
    receiver: makeReceiver(connection, kind),
    mid: null,
    mLineIndex: null,
    direction: init.direction,
    currentDirection: null,
    firedDirection: null,
    receptive: false,
    stopping: false,
    stopped: false,
    preferredCodecs: [],
    chosenExtensions: null,
    negotiatedExtensions: [],
    isFromAddTrack: init.isFromAddTrack ?? false,
    isRemoteMade: init.isRemoteMade,
    hasSent: false,
    encodingsBefore: null,
    stable: null,
  }));
  const slots = transceiverSlots(object);
  slots.sender.slots.transceiver = slots;
  connection.transceivers.push(slots);
  slots.sender.slots.update();
  return slots;
}

function makeSender(
  connection: PeerConnectionSlots,
  kind: MediaKind,
  track: MediaStreamTrack | null,
  streamIds: readonly string[],
  encodings: RTCRtpEncodingParameters[],
): TransceiverSlots['sender'] {
  const sink = new SenderSink(kind, () => slots);
  const dtmf =
    kind === 'video'
      ? null
      : new RTCDTMFSender(INTERNAL, {
          canSend: () => canSendTones(slots),
          isSending: () => isSending(slots.transceiver),
          play: (tone, durationMs) => sink.playTone(tone, durationMs),
          schedule: (task, delayMs) => schedule(connection, task, delayMs),
        });
  const slots: SenderSlots = {
    connection,
    kind,
    transceiver: undefined as never, // set by the caller
    track,
    streamIds,
    encodings,
    lastReturnedParameters: null,
    codecs: [],
    headerExtensions: [],
    reducedSizeRtcp: false,
    transport: null,
    dtmf,
    trackId: globalThis.crypto.randomUUID(),
    sink,
    update: () => sink.update(),
  };
  return { object: new RTCRtpSender(INTERNAL, slots), slots };
}

/** Runs `task` as one of the connection's, unless it is closed by then. */
function schedule(connection: PeerConnectionSlots, task: () => void, delayMs: number): void {
  const { runtime, timers, tasks } = connection;
  const timer = runtime.setTimer(delayMs, () => {
    timers.delete(timer);
    tasks.queue(task);
  });
  timers.add(timer);
}

function makeReceiver(connection: PeerConnectionSlots, kind: MediaKind): TransceiverSlots['receiver'] {
  const source = new ReceiverSource(kind, connection.tasks);
  const slots: ReceiverSlots = {
    connection,
    kind,
    track: new MediaStreamTrack(INTERNAL, source, { muted: true }),
    source,
    streams: [],
    codecs: [],
    headerExtensions: [],
    reducedSizeRtcp: false,
    transport: null,
    jitterBufferTarget: null,
  };
  return { object: new RTCRtpReceiver(INTERNAL, slots), slots };
}

/** "Determine if DTMF can be sent" (§7.2). */
function canSendTones({ connection, transceiver, encodings, codecs }: SenderSlots): boolean {
  return (
    connection.connectionState === 'connected' &&
    isSending(transceiver) &&
    encodings[0]?.active !== false &&
    codecs.some(({ role }) => role === 'telephoneEvent')
  );
}

function isSending({ connection, stopping, currentDirection }: TransceiverSlots): boolean {
  return !connection.isClosed && !stopping && (currentDirection === 'sendrecv' || currentDirection === 'sendonly');
}
