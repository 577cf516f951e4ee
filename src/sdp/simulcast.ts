/** Rids and simulcast in offers and answers (RFC 8851 §6, RFC 8853 §5.3). */
import { type Direction, receives, sends } from './description.ts';
import type { TransceiverModel } from './model.ts';
import type { Rid, RtpAttributes, Simulcast, SimulcastStream } from './rtp-description.ts';

/** RFC 8851 §5: what a restriction may be. Others are not passed on in answers. */
const RESTRICTIONS: readonly string[] = [
  'max-width',
  'max-height',
  'max-fps',
  'max-fs',
  'max-br',
  'max-pps',
  'max-bpp',
  'depend',
];

type RidAttributes = Pick<RtpAttributes, 'rids' | 'simulcast'>;

/** RFC 8829 §5.2.1: a line for each encoding with a rid, and `a=simulcast` for several. */
export function offeredSimulcast(transceiver: TransceiverModel, direction: Direction): RidAttributes {
  const named = (transceiver.sendEncodings ?? []).flatMap(({ rid, active }) =>
    rid === null ? [] : { rid, paused: !active },
  );
  const wanted = transceiver.receiveSimulcast ?? [];
  const send = sends(direction) ? named : [];
  const sent = new Set(send.map(({ rid }) => rid));
  const receive = receives(direction) && wanted !== 'asOffered' ? wanted.filter((rid) => !sent.has(rid)) : [];
  return describe(
    send.length > 1 ? send.map((alternative) => [alternative]) : [],
    receive.map((rid) => [{ rid, paused: false }]),
    [...send.map(({ rid }) => plainRid(rid, 'send')), ...receive.map((rid) => plainRid(rid, 'recv'))],
  );
}

/**
 * RFC 8853 §5.3.2: directions turn around, streams may be left out and none added. "Paused" comes back as it was
 * offered, though §5.3.2 would have it only with RFC 7728: browsers take an answer without `~` for an order to send.
 */
export function answeredSimulcast(
  transceiver: TransceiverModel,
  offer: RtpAttributes,
  payloadTypes: ReadonlySet<number>,
  direction: Direction,
): RidAttributes {
  const offered = new Map(offer.rids.map((rid) => [rid.id, rid]));
  const usable = (id: string, side: Rid['direction']): Rid | null => {
    const rid = offered.get(id);
    return rid === undefined || rid.direction !== side ? null : answeredRid(rid, payloadTypes);
  };
  const encodings = new Set((transceiver.sendEncodings ?? []).map(({ rid }) => rid));
  const wanted = transceiver.receiveSimulcast ?? [];
  const send = sends(direction)
    ? keep(offer.simulcast?.receive ?? [], (id) => encodings.has(id) && usable(id, 'recv') !== null)
    : [];
  const receive = receives(direction)
    ? keep(
        offer.simulcast?.send ?? [],
        (id) => (wanted === 'asOffered' || wanted.includes(id)) && usable(id, 'send') !== null,
      )
    : [];
  const rids = [
    ...send.flat().flatMap(({ rid }) => usable(rid, 'recv') ?? []),
    ...receive.flat().flatMap(({ rid }) => usable(rid, 'send') ?? []),
  ];
  return describe(send, receive, [...new Map(rids.map((rid) => [rid.id, rid])).values()]);
}

/** RFC 8851 §6.2.2: reversed, with what was accepted of its payload types; `null` where nothing of them was. */
function answeredRid(rid: Rid, accepted: ReadonlySet<number>): Rid | null {
  const payloadTypes = rid.payloadTypes.filter((payloadType) => accepted.has(payloadType));
  if (rid.payloadTypes.length > 0 && payloadTypes.length === 0) return null;
  const restrictions = new Map([...rid.restrictions].filter(([name]) => RESTRICTIONS.includes(name)));
  // What we are to send must keep to all of them.
  if (rid.direction === 'recv' && restrictions.size < rid.restrictions.size) return null;
  return { ...rid, direction: rid.direction === 'send' ? 'recv' : 'send', payloadTypes, restrictions };
}

function keep(streams: readonly SimulcastStream[], isWanted: (rid: string) => boolean): readonly SimulcastStream[] {
  return streams.map((stream) => stream.filter(({ rid }) => isWanted(rid))).filter((stream) => stream.length > 0);
}

function plainRid(id: string, direction: Rid['direction']): Rid {
  return { id, direction, payloadTypes: [], restrictions: new Map() };
}

function describe(
  send: readonly SimulcastStream[],
  receive: readonly SimulcastStream[],
  rids: readonly Rid[],
): RidAttributes {
  const simulcast: Simulcast | null = send.length + receive.length > 0 ? { send, receive } : null;
  return { rids, simulcast };
}

/**
 * The streams that both sides have: those of `ours`, as far as the other side lists them for the opposite direction.
 * Paused is what either side says is paused.
 */
export function agreedStreams(
  ours: readonly SimulcastStream[],
  theirs: readonly SimulcastStream[],
): readonly SimulcastStream[] {
  const listed = new Map(theirs.flat().map((alternative) => [alternative.rid, alternative]));
  return keep(ours, (rid) => listed.has(rid)).map((stream) =>
    stream.map(({ rid, paused }) => ({ rid, paused: paused || listed.get(rid)!.paused })),
  );
}
