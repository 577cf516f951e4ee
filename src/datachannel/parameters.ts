/** What an application asks of a channel: checked, and turned into what DCEP and SCTP want to hear. */
import { type DcepOpen, DEFAULT_PRIORITY, MAX_NAME_BYTES, MAX_RELIABILITY_PARAMETER, utf8Length } from './dcep.ts';
import { MAX_STREAMS } from './stream-ids.ts';
import type { AssociationSendOptions, ChannelParameters } from './types.ts';

/** @throws TypeError for what no channel can be */
export function checkParameters(parameters: ChannelParameters): void {
  const { label, protocol, maxRetransmits, maxPacketLifeTime, negotiated, id, priority } = parameters;
  if (utf8Length(label) > MAX_NAME_BYTES) throw new TypeError(`label has more than ${MAX_NAME_BYTES} bytes of UTF-8`);
  if (utf8Length(protocol) > MAX_NAME_BYTES) {
    throw new TypeError(`protocol has more than ${MAX_NAME_BYTES} bytes of UTF-8`);
  }
  if (maxRetransmits !== undefined && maxPacketLifeTime !== undefined) {
    throw new TypeError('give maxRetransmits or maxPacketLifeTime, not both');
  }
  checkInteger('maxRetransmits', maxRetransmits, MAX_RELIABILITY_PARAMETER);
  checkInteger('maxPacketLifeTime', maxPacketLifeTime, MAX_RELIABILITY_PARAMETER);
  checkInteger('priority', priority, 0xffff);
  if (negotiated && id === undefined) throw new TypeError('a negotiated channel needs an id');
  if (negotiated) checkInteger('id', id, MAX_STREAMS - 1);
}

function checkInteger(name: string, value: number | undefined, max: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= max)) return;
  throw new TypeError(`${name} is an integer from 0 to ${max}, got ${value}`);
}

export function openMessage(parameters: ChannelParameters): Omit<DcepOpen, 'kind'> {
  const { label, protocol, ordered, maxRetransmits, maxPacketLifeTime, priority = DEFAULT_PRIORITY } = parameters;
  return {
    label,
    protocol,
    ordered,
    ...(maxRetransmits !== undefined && { maxRetransmits }),
    ...(maxPacketLifeTime !== undefined && { maxPacketLifeTime }),
    priority,
  };
}

/** RFC 8832 §6: DCEP goes "using ordered delivery and reliable transmission". */
export function dcepSendOptions({ priority }: ChannelParameters): AssociationSendOptions {
  return { priority: weight(priority) };
}

/** A scheduler has no weight 0, which some peers write for "normal". */
function weight(priority: number | undefined): number {
  return priority || DEFAULT_PRIORITY;
}

/** RFC 8832 §6: ordered until something was heard from the peer, whatever the channel is. */
export function orderedSendOptions(parameters: ChannelParameters): AssociationSendOptions {
  const { maxRetransmits, maxPacketLifeTime, priority } = parameters;
  return { unordered: false, maxRetransmits, lifetimeMs: maxPacketLifeTime, priority: weight(priority) };
}

export function finalSendOptions(parameters: ChannelParameters): AssociationSendOptions {
  return { ...orderedSendOptions(parameters), unordered: !parameters.ordered };
}
