/** The data channels of a connection: made by us or by the peer (WebRTC §6.1, §6.2.1, §6.2.3). */
import type { Channel, ChannelParameters } from '../datachannel/index.ts';
import {
  Dictionary,
  enforceUnsignedShort,
  enumeration,
  INTERNAL,
  toBoolean,
  toUSVString,
} from '../webidl/conversions.ts';
import { dataTransport } from './connection-transport.ts';
import {
  type DataChannelParameters,
  type DataChannelSlots,
  RTCDataChannel,
  type RTCPriorityType,
} from './data-channel.ts';
import { RTCDataChannelEvent } from './data-channel-event.ts';
import { announceClosed, announceOpen } from './data-channel-procedures.ts';
import { RTCError } from './error.ts';
import { updateNegotiationNeeded } from './negotiation-needed.ts';
import type { ExposedDataChannel, PeerConnectionSlots } from './slots.ts';

export interface RTCDataChannelInit {
  ordered?: boolean;
  maxPacketLifeTime?: number;
  maxRetransmits?: number;
  protocol?: string;
  negotiated?: boolean;
  id?: number;
  priority?: RTCPriorityType;
}

/** RFC 8832 §5.1: lengths of label and protocol are 16-bit fields. */
const MAX_TEXT_BYTES = 65_535;
/** RFC 8831 §6.2: stream 65,535 is not used. */
const INVALID_ID = 65_535;
/** The ids of one parity, 0 to 65,534 both together (RFC 8832 §6). */
const MAX_CHANNELS = 65_535;

/** RFC 8831 §6.4. */
const PRIORITIES: readonly (readonly [RTCPriorityType, number])[] = [
  ['very-low', 128],
  ['low', 256],
  ['medium', 512],
  ['high', 1024],
];

const toPriority = enumeration('RTCPriorityType', ['very-low', 'low', 'medium', 'high']);

/** The method `createDataChannel`. */
export function createDataChannel(slots: PeerConnectionSlots, label: unknown, init: unknown): RTCDataChannel {
  const parameters = toParameters(toUSVString(label, 'label'), new Dictionary(init, 'RTCDataChannelInit'));
  if (slots.isClosed) throw new DOMException('The connection is closed', 'InvalidStateError');
  checkParameters(parameters);
  checkIdIsFree(slots, parameters.id);
  const channel = expose(slots, parameters, 'connecting');
  try {
    bind(slots, channel);
  } catch (error) {
    throw new DOMException(error instanceof Error ? error.message : String(error), 'OperationError');
  }
  slots.dataChannels.add(channel);
  if (!slots.hasCreatedDataChannel) {
    slots.hasCreatedDataChannel = true;
    updateNegotiationNeeded(slots);
  }
  return channel.object;
}

/**
 * There is a transport now, or an answer has put the data section on another: the channels that wait get what lies
 * beneath. Those that were open on one that data has left have come to their end with it.
 */
export function bindDataChannels(slots: PeerConnectionSlots): void {
  const peer = dataTransport(slots)?.peer ?? null;
  if (peer === slots.dataPeer) return;
  const isMove = slots.dataPeer !== null;
  slots.dataPeer = peer;
  for (const channel of slots.dataChannels) {
    if (isMove) detach(slots, channel);
    if (channel.slots.readyState !== 'connecting') {
      if (isMove) fail(slots, channel, 'The data section went to another transport');
      continue;
    }
    try {
      bind(slots, channel);
    } catch (error) {
      // "If no available ID could be generated" (WebRTC §4.4.1.5)
      fail(slots, channel, error instanceof Error ? error.message : String(error));
    }
  }
}

function fail(slots: PeerConnectionSlots, channel: ExposedDataChannel, message: string): void {
  endDataChannel(slots, channel, () => new RTCError({ errorDetail: 'data-channel-failure' }, message));
}

/** "Announcing a data channel instance". `open` is a task of its own, so that `ondatachannel` may still close it. */
export function addIncomingDataChannel(slots: PeerConnectionSlots, underlying: Channel): void {
  const { label, protocol, ordered, maxPacketLifeTime, maxRetransmits, priority } = underlying.parameters;
  const parameters = {
    label,
    protocol,
    ordered,
    maxPacketLifeTime: maxPacketLifeTime ?? null,
    maxRetransmits: maxRetransmits ?? null,
    negotiated: false,
    id: null,
    priority: nearestPriority(priority),
  };
  const channel = expose(slots, parameters, 'open');
  channel.slots.underlying = underlying;
  slots.dataChannels.add(channel);
  slots.dataChannelOf.set(underlying, channel);
  slots.dataChannelsOpened++;
  slots.tasks.queue(() => {
    slots.target.dispatchEvent(new RTCDataChannelEvent('datachannel', { channel: channel.object }));
  });
  slots.tasks.queue(() => announceOpen(channel.object, channel.slots));
}

/** Lets go of what lies beneath a channel, which would keep the whole session from being collected. */
export function detach(slots: PeerConnectionSlots, { slots: channel }: ExposedDataChannel): void {
  if (channel.underlying === null) return;
  slots.dataChannelOf.delete(channel.underlying);
  channel.lastId = channel.underlying.id;
  channel.underlying = null;
}

/** A channel has come to its end: it is no longer the connection's, and says so in a task. */
export function endDataChannel(
  slots: PeerConnectionSlots,
  channel: ExposedDataChannel,
  error: () => RTCError | null,
): void {
  slots.tasks.queue(() => {
    if (!slots.dataChannels.delete(channel)) return;
    if (channel.slots.underlying !== null) slots.dataChannelsClosed++;
    detach(slots, channel);
    announceClosed(channel.object, channel.slots, error());
  });
}

function toParameters(label: string, members: Dictionary): DataChannelParameters {
  const id = members.optional('id', enforceUnsignedShort) ?? null;
  const maxPacketLifeTime = members.optional('maxPacketLifeTime', enforceUnsignedShort) ?? null;
  const maxRetransmits = members.optional('maxRetransmits', enforceUnsignedShort) ?? null;
  const negotiated = members.withDefault('negotiated', toBoolean, false);
  const ordered = members.withDefault('ordered', toBoolean, true);
  const priority = members.withDefault('priority', toPriority, 'low');
  const protocol = members.withDefault('protocol', toUSVString, '');
  const parameters = { label, protocol, ordered, maxPacketLifeTime, maxRetransmits, negotiated, priority };
  return { ...parameters, id: negotiated ? id : null }; // in-band, the id is not the caller's to choose
}

function checkParameters({
  label,
  protocol,
  negotiated,
  id,
  maxPacketLifeTime,
  maxRetransmits,
}: DataChannelParameters): void {
  for (const [name, text] of [
    ['label', label],
    ['protocol', protocol],
  ] as const) {
    const { length } = new TextEncoder().encode(text);
    if (length > MAX_TEXT_BYTES) throw new TypeError(`${name}: ${length} bytes are more than ${MAX_TEXT_BYTES}`);
  }
  if (negotiated && id === null) throw new TypeError('RTCDataChannelInit.id is required with negotiated');
  if (maxPacketLifeTime !== null && maxRetransmits !== null) {
    throw new TypeError('RTCDataChannelInit: maxPacketLifeTime and maxRetransmits exclude each other');
  }
  if (id === INVALID_ID) throw new TypeError(`RTCDataChannelInit.id: ${INVALID_ID} is not a stream`);
}

/** "If the value of [[DataChannelId]] is being used by an existing RTCDataChannel, throw an OperationError." */
function checkIdIsFree(slots: PeerConnectionSlots, id: number | null): void {
  if (slots.dataChannels.size >= MAX_CHANNELS) {
    throw new DOMException('No stream is left for another data channel', 'OperationError');
  }
  if (id === null) return;
  for (const { object } of slots.dataChannels) {
    if (object.id === id) throw new DOMException(`There is a data channel with id ${id}`, 'OperationError');
  }
  const maxChannels = slots.sctp?.slots.maxChannels ?? null;
  if (maxChannels !== null && id >= maxChannels) {
    throw new DOMException(`The association has streams up to ${maxChannels - 1}`, 'OperationError');
  }
}

function expose(
  slots: PeerConnectionSlots,
  parameters: DataChannelParameters,
  readyState: 'connecting' | 'open',
): ExposedDataChannel {
  const channel: DataChannelSlots = {
    number: ++slots.dataChannelsMade,
    parameters,
    host: {
      get maxMessageSize() {
        return slots.sctp?.slots.maxMessageSize ?? Number.POSITIVE_INFINITY;
      },
      use: (call) => dataTransport(slots)?.peer?.run((_session, now) => call(now)),
      closeUnbound: () => endDataChannel(slots, exposed, () => null),
    },
    underlying: null,
    lastId: null,
    readyState,
    bufferedAmount: 0,
    bufferedAmountLowThreshold: 0,
    binaryType: 'arraybuffer',
    reading: null,
  };
  const exposed = { object: new RTCDataChannel(INTERNAL, channel), slots: channel };
  return exposed;
}

/** "Create channel's associated underlying data transport." @throws RangeError when there is no id for it */
function bind(slots: PeerConnectionSlots, channel: ExposedDataChannel): void {
  const { parameters } = channel.slots;
  const options: ChannelParameters = {
    label: parameters.label,
    protocol: parameters.protocol,
    ordered: parameters.ordered,
    negotiated: parameters.negotiated,
    maxRetransmits: parameters.maxRetransmits ?? undefined,
    maxPacketLifeTime: parameters.maxPacketLifeTime ?? undefined,
    id: parameters.id ?? undefined,
    priority: PRIORITIES.find(([name]) => name === parameters.priority)?.[1],
  };
  dataTransport(slots)?.peer?.run((session, now) => {
    const underlying = session.channels.open(options, now);
    channel.slots.underlying = underlying;
    slots.dataChannelOf.set(underlying, channel);
  });
}

/** The peer may send any number as priority: the next named one not above it. */
function nearestPriority(value: number | undefined): RTCPriorityType {
  return PRIORITIES.findLast(([, number]) => number <= (value ?? 256))?.[0] ?? 'very-low';
}
