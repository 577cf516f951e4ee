/**
 * The transports of a connection. An answer settles which sections share one (RFC 9143): each bundle has one, and each
 * section outside of every bundle has its own. Until then one is at work, and the others that an offer may come to stand by.
 * All go by the same ICE credentials (RFC 8839 §5.4 lets
 * data streams have them in common), so that ICE restarts for all of them together.
 */
import type { LocalCandidate } from '../ice/index.ts';
import { bundleGroup, isRejected, type SessionDescription } from '../sdp/index.ts';
import { INTERNAL } from '../webidl/conversions.ts';
import { transportSection } from './applied-description.ts';
import { type DtlsTransportSlots, RTCDtlsTransport } from './dtls-transport.ts';
import { type IceTransportSlots, newIceTransportSlots, RTCIceTransport } from './ice-transport.ts';
import type { PeerTransport } from './peer-transport.ts';
import type { AppliedDescription, Exposed, PeerConnectionSlots } from './slots.ts';
import { PairTraffic } from './stats-counters.ts';

export type ConnectionTransport = {
  /** From 0 on, in the order they were made: its name in statistics. */
  readonly number: number;
  readonly ice: Exposed<RTCIceTransport, IceTransportSlots>;
  readonly dtls: Exposed<RTCDtlsTransport, DtlsTransportSlots>;
  /** Indices of its sections, the one that speaks for it first, as last negotiated; empty before. */
  sections: readonly number[];
  /** Before that: those of our first offer that it is for, unless the peer bundles them with others. */
  offered: readonly number[];
  /** `null` until a local description needs it. */
  peer: PeerTransport | null;
  /** Gathered before the description they belong to was in force. */
  earlyCandidates: LocalCandidate[];
  /** A rolled-back ICE restart gathers the old generation again, which scripts know already. */
  isRegathering: boolean;
  pairTraffic: PairTraffic;
};

export function makeTransport(slots: PeerConnectionSlots): ConnectionTransport {
  const ice = newIceTransportSlots();
  const iceTransport = new RTCIceTransport(INTERNAL, ice);
  const dtls: DtlsTransportSlots = { iceTransport, state: 'new', remoteCertificates: [] };
  return {
    number: slots.transportsMade++,
    ice: { object: iceTransport, slots: ice },
    dtls: { object: new RTCDtlsTransport(INTERNAL, dtls), slots: dtls },
    sections: [],
    offered: [],
    peer: null,
    earlyCandidates: [],
    isRegathering: false,
    pairTraffic: new PairTraffic(),
  };
}

/** Of a section as it was negotiated; before that, as it was offered; of none, the first. */
export function transportOf(
  { transports }: PeerConnectionSlots,
  mLineIndex: number | null,
): ConnectionTransport | undefined {
  return ownOf(transports, mLineIndex ?? -1) ?? transports[0];
}

/** The one that data goes over: the first, until an answer puts the data section on another. */
export function dataTransport({ transports, sctp }: PeerConnectionSlots): ConnectionTransport | undefined {
  return transports.find(({ dtls }) => dtls.object === sctp?.slots.transport) ?? transports[0];
}

/**
 * The transport of a section of a description: that which it was negotiated for, else that of its bundle. What was never
 * negotiated is on the first, as long as there is no other.
 */
export function transportFor(
  { transports }: PeerConnectionSlots,
  content: SessionDescription,
  index: number,
): ConnectionTransport | undefined {
  const own = ownOf(transports, index);
  if (own !== undefined) return own;
  const mids = bundleGroup(content, content.media[index]?.mid ?? null)?.mids ?? [];
  const bundled = transports.find(({ sections }) => sections.some((i) => mids.includes(content.media[i]?.mid ?? '')));
  return bundled ?? (transports.length === 1 ? transports[0] : undefined);
}

function ownOf(transports: readonly ConnectionTransport[], index: number): ConnectionTransport | undefined {
  return (
    transports.find(({ sections }) => sections.includes(index)) ??
    transports.find(({ offered }) => offered.includes(index))
  );
}

/** Of the section that speaks for a transport in a description; `null`: none does. */
export function placeIn({ content, tags }: AppliedDescription, transport: ConnectionTransport): number | null {
  if (tags !== null) return tags.get(transport) ?? null;
  const isLive = (index: number): boolean => content.media[index] !== undefined && !isRejected(content.media[index]);
  const { sections, offered } = transport;
  const live = (sections.length > 0 ? sections : offered).find(isLive);
  if (live === undefined) return transportSection(content)?.index ?? null;
  const tag = bundleGroup(content, content.media[live]!.mid)?.mids[0];
  return tag === undefined ? live : content.media.findIndex(({ mid }) => mid === tag);
}

/** In statistics. */
export function transportId({ number }: ConnectionTransport): string {
  return `T${number}`;
}
