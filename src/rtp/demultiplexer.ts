/**
 * Which media section a packet belongs to, where many share a transport (RFC 9143 §9.2): by MID, then RID (RFC 8852), then
 * SSRC, then payload type. What one packet tells of its SSRC holds for the packets after it, which need not say it again.
 *
 * One deviation: copies for contributing sources are not made; a receiver reads the CSRCs of what it gets.
 */
import { u32 } from '../binary/bytes.ts';
import { serial16Less } from '../binary/serial.ts';
import type { ExtensionMap } from './extensions/extension-map.ts';
import { midExtension, repairedRidExtension, ridExtension } from './extensions/text.ts';
import type { RtpPacket } from './packet.ts';
import { RTCP_TYPE } from './rtcp/header.ts';
import { type RtcpPacket, SDES_ITEM, type SdesChunk } from './rtcp/types.ts';

/**
 * Bound: the peer can name as many SSRCs as it sends packets. Past this number the one that was silent longest is
 * forgotten, among those that no description names; it is found again by what its next packets carry. 256 are 64
 * participants with audio and simulcast video, each with its repair.
 */
export const MAX_INCOMING_STREAMS = 256;

/** What a media section receives. */
export type IncomingSection = {
  readonly mid: string;
  readonly payloadTypes: Iterable<number>;
  /** Those of `payloadTypes` that repair other streams on SSRCs of their own: RTX, FlexFEC. */
  readonly repairPayloadTypes?: Iterable<number>;
  /** RIDs of simulcast, in the order negotiated; a stream of the section must then tell which one it is. */
  readonly rids?: readonly string[];
  /** SSRCs that the description names (RFC 5576). */
  readonly ssrcs?: Iterable<{
    readonly ssrc: number;
    readonly rid?: string;
    /** The SSRC that this one repairs: FID and FEC-FR groups. */
    readonly repairs?: number;
  }>;
};

/** One SSRC that we receive. The same object for all its packets, until it is forgotten. */
export interface IncomingStream<Context> {
  readonly ssrc: number;
  readonly mid: string;
  /** Which encoding of simulcast it is; for a repair stream, of which one. */
  readonly rid: string | null;
  /** Whether it repairs another stream of its section: `Demultiplexer.primaryOf` tells which one. */
  readonly isRepair: boolean;
  /** The caller's own, for this stream. */
  context: Context | undefined;
}

/** Whom a packet of RTCP is about: SSRCs we receive, and SSRCs we send. */
export type RtcpRoute<Context> = {
  readonly incoming: readonly IncomingStream<Context>[];
  readonly outgoing: readonly number[];
};

export type DemultiplexerStats = {
  /** Packets with a MID that no section has. */
  unknownMid: number;
  /** Packets of a simulcast section that say no RID, or another one than it has. */
  unknownRid: number;
  /** Packets that nothing leads to a section. */
  unroutable: number;
  /** Packets with a payload type that their section does not have. */
  wrongPayloadType: number;
  /** Streams that had to make room. */
  forgotten: number;
};

export class Demultiplexer<Context> {
  readonly stats: DemultiplexerStats = {
    unknownMid: 0,
    unknownRid: 0,
    unroutable: 0,
    wrongPayloadType: 0,
    forgotten: 0,
  };
  readonly #streams = new Map<number, Entry<Context>>();
  readonly #outgoing = new Set<number>();
  #sections = new Map<string, Section<Context>>();
  /** Payload types of one section only: "it cannot be used to uniquely identify" otherwise. */
  #byPayloadType = new Map<number, Section<Context>>();
  #extensions: ExtensionMap | null = null;
  #midId = 0;
  #ridId = 0;
  #repairedRidId = 0;
  #uses = 0;

  /** Streams that are known now. */
  get streams(): Iterable<IncomingStream<Context>> {
    return this.#streams.values();
  }

  stream(ssrc: number): IncomingStream<Context> | undefined {
    return this.#streams.get(ssrc);
  }

  /**
   * Takes what the descriptions agreed on, in place of what was before. Streams stay where their section stays and still
   * has their SSRC, if it had named it.
   * @param extensions of the transport: in a bundle, an id means the same in every section (RFC 9143 §14)
   */
  configure(sections: readonly IncomingSection[], extensions: ExtensionMap): void {
    this.#extensions = extensions;
    this.#midId = extensions.id(midExtension);
    this.#ridId = extensions.id(ridExtension);
    this.#repairedRidId = extensions.id(repairedRidExtension);
    const previous = this.#sections;
    this.#sections = new Map();
    this.#byPayloadType = new Map();
    const ambiguous = new Set<number>();
    const named = new Set<number>();
    for (const { mid, payloadTypes, repairPayloadTypes = [], rids = [], ssrcs = [] } of sections) {
      const section: Section<Context> = {
        mid,
        payloadTypes: new Set(payloadTypes),
        repairPayloadTypes: new Set(repairPayloadTypes),
        rids: new Set(rids),
        primaries: previous.get(mid)?.primaries ?? new Map(),
      };
      this.#sections.set(mid, section);
      for (const payloadType of section.payloadTypes) {
        if (this.#byPayloadType.has(payloadType)) ambiguous.add(payloadType);
        this.#byPayloadType.set(payloadType, section);
      }
      for (const { ssrc, rid, repairs } of ssrcs) {
        named.add(ssrc);
        const stream = this.#streams.get(ssrc) ?? this.#add(ssrc, section);
        this.#move(stream, section);
        stream.isConfigured = true;
        stream.repairs = repairs ?? null;
        stream.describe(rid ?? null, null, repairs !== undefined);
        if (!stream.isRepair) section.primaries.set(stream.rid ?? '', stream);
      }
    }
    for (const payloadType of ambiguous) this.#byPayloadType.delete(payloadType);
    for (const stream of this.#streams.values()) {
      const section = this.#sections.get(stream.mid);
      if (section === undefined || (stream.isConfigured && !named.has(stream.ssrc))) this.remove(stream.ssrc);
      else stream.section = section;
    }
  }

  /** SSRCs that we send: RTCP is about them too. */
  addOutgoing(ssrc: number): void {
    this.#outgoing.add(ssrc);
  }

  removeOutgoing(ssrc: number): void {
    this.#outgoing.delete(ssrc);
  }

  /** Forgets a stream: some seconds after its BYE, so that stragglers still find it (RFC 3550 §6.2.1). */
  remove(ssrc: number): void {
    const stream = this.#streams.get(ssrc);
    if (stream === undefined) return;
    this.#streams.delete(ssrc);
    this.#leaveSection(stream);
  }

  /** The stream that a packet belongs to; `null` (and counted) for one to be discarded. */
  route(packet: RtpPacket): IncomingStream<Context> | null {
    const payloadType = packet.payloadType;
    const known = this.#streams.get(packet.ssrc);
    let stream = known;
    const midAt = this.#midId === 0 ? -1 : packet.findExtension(this.#midId);
    if (midAt >= 0) {
      stream = this.#routeByMid(packet, midAt, known);
      if (stream === undefined) {
        this.stats.unknownMid++;
        return null;
      }
    }
    if (stream === undefined) {
      const section = this.#byPayloadType.get(payloadType);
      if (section === undefined) {
        this.stats.unroutable++;
        return null;
      }
      stream = new Entry<Context>(packet.ssrc, section);
    }
    if (!stream.section.payloadTypes.has(payloadType)) {
      this.stats.wrongPayloadType++;
      return null;
    }
    if (!this.#describe(stream, packet)) {
      this.stats.unknownRid++;
      return null;
    }
    if (known === undefined) this.#remember(stream);
    stream.lastUsed = ++this.#uses;
    return stream;
  }

  /** The stream that this one repairs; `null` while it is not known, or when it repairs none. */
  primaryOf({ ssrc }: IncomingStream<Context>): IncomingStream<Context> | null {
    const stream = this.#streams.get(ssrc);
    if (!stream?.isRepair) return null;
    const { repairs, section, rid } = stream;
    const primary = repairs === null ? section.primaries.get(rid ?? '') : this.#streams.get(repairs);
    return primary === undefined || primary.isRepair ? null : primary; // an SSRC that was a primary may turn to repair
  }

  /**
   * Whom a packet of RTCP is about, of those SSRCs that are known; what an SDES says of MIDs and RIDs is taken first.
   * In a compound packet, route its SDES before the others: they may be about streams that it introduces.
   */
  routeRtcp(packet: RtcpPacket): RtcpRoute<Context> {
    switch (packet.kind) {
      case 'sdes':
        for (const chunk of packet.chunks) this.#learn(chunk);
        return this.#to(
          packet.chunks.map(({ ssrc }) => ssrc),
          [],
        );
      case 'bye':
        return this.#to(packet.ssrcs, []);
      case 'senderReport':
      case 'receiverReport':
        return this.#to(
          [packet.ssrc],
          packet.reports.map(({ ssrc }) => ssrc),
        );
      case 'extendedReport':
        return this.#to(
          [packet.ssrc],
          packet.blocks.flatMap((block) => (block.kind === 'dlrr' ? block.reports.map(({ ssrc }) => ssrc) : [])),
        );
      case 'nack':
      case 'pli':
        return this.#to([], [packet.mediaSsrc]);
      case 'fir':
        return this.#to(
          [],
          packet.requests.map(({ ssrc }) => ssrc),
        );
      case 'remb':
        return this.#to([], packet.ssrcs);
      case 'congestionFeedback':
        return this.#to(
          [],
          packet.streams.map(({ ssrc }) => ssrc),
        );
      case 'unknown': {
        const { packetType, body } = packet;
        const isFeedback = packetType === RTCP_TYPE.transportFeedback || packetType === RTCP_TYPE.payloadFeedback;
        return this.#to([], isFeedback && body.length >= 8 ? [u32(body, 4)] : []);
      }
      case 'transportFeedback': // is about the transport
      case 'app':
        return this.#to([], []);
      default:
        return packet satisfies never;
    }
  }

  #to(incoming: readonly number[], outgoing: readonly number[]): RtcpRoute<Context> {
    const streams = new Set<Entry<Context>>();
    for (const ssrc of incoming) {
      const stream = this.#streams.get(ssrc);
      if (stream) streams.add(stream);
    }
    return { incoming: [...streams], outgoing: [...new Set(outgoing)].filter((ssrc) => this.#outgoing.has(ssrc)) };
  }

  /** Undefined: the MID is of no section. A MID older than the one that was last taken changes nothing. */
  #routeByMid(packet: RtpPacket, at: number, known: Entry<Context> | undefined): Entry<Context> | undefined {
    const { bytes, sequenceNumber } = packet;
    const length = packet.extensionLength(at);
    const isNewer =
      known === undefined || known.midSequenceNumber < 0 || serial16Less(known.midSequenceNumber, sequenceNumber);
    if (known !== undefined && (!isNewer || isText(bytes, at, length, known.mid))) {
      if (isNewer) known.midSequenceNumber = sequenceNumber;
      return known;
    }
    const mid = midExtension.read(bytes, at, at + length);
    const section = mid === null ? undefined : this.#sections.get(mid);
    if (section === undefined) return undefined;
    const stream = known ?? new Entry<Context>(packet.ssrc, section);
    this.#move(stream, section);
    stream.midSequenceNumber = sequenceNumber;
    return stream;
  }

  /** Takes what the packet says of simulcast and repair; false where the section cannot have such a stream. */
  #describe(stream: Entry<Context>, packet: RtpPacket): boolean {
    const { section } = stream;
    const isRepair = section.repairPayloadTypes.has(packet.payloadType);
    let rid = stream.rid;
    if (rid === null) {
      const ownRid = this.#text(packet, this.#ridId, ridExtension);
      const repairedRid = this.#text(packet, this.#repairedRidId, repairedRidExtension);
      rid = ownRid ?? repairedRid;
      if (section.rids.size > 0 && !stream.isConfigured && (rid === null || !section.rids.has(rid))) return false;
      stream.describe(ownRid, repairedRid, isRepair || repairedRid !== null);
    } else if (isRepair) {
      stream.describe(null, null, true);
    }
    if (!stream.isRepair && section.primaries.get(rid ?? '') !== stream) section.primaries.set(rid ?? '', stream);
    return true;
  }

  #text(packet: RtpPacket, id: number, extension: typeof ridExtension): string | null {
    if (id === 0 || packet.findExtension(id) < 0) return null;
    return this.#extensions?.read(packet, extension) ?? null;
  }

  /**
   * A chunk of SDES with a MID leads its SSRC there. Which of an RTP packet and an SDES is older cannot be told
   * (RFC 7941 §4.2.6 compares sequence numbers); a MID that came in RTP stays.
   */
  #learn({ ssrc, items }: SdesChunk): void {
    let mid: string | null = null;
    let rid: string | null = null;
    let repairedRid: string | null = null;
    for (const { type, text } of items) {
      if (type === SDES_ITEM.mid) mid = text;
      else if (type === SDES_ITEM.rtpStreamId) rid = text;
      else if (type === SDES_ITEM.repairedRtpStreamId) repairedRid = text;
    }
    const section = mid === null ? undefined : this.#sections.get(mid);
    if (section === undefined) return;
    const known = this.#streams.get(ssrc);
    if (known !== undefined && (known.midSequenceNumber >= 0 || known.isConfigured)) return;
    const either = rid ?? repairedRid;
    if (section.rids.size > 0 && (either === null || !section.rids.has(either))) return;
    const stream = known ?? new Entry<Context>(ssrc, section);
    this.#move(stream, section);
    stream.describe(rid, repairedRid, repairedRid !== null);
    if (known === undefined) this.#remember(stream);
  }

  #move(stream: Entry<Context>, section: Section<Context>): void {
    if (stream.section.mid !== section.mid) {
      this.#leaveSection(stream);
      stream.forget();
    }
    stream.section = section;
  }

  #leaveSection(stream: Entry<Context>): void {
    const { primaries } = stream.section;
    for (const [rid, primary] of primaries) if (primary === stream) primaries.delete(rid);
  }

  #add(ssrc: number, section: Section<Context>): Entry<Context> {
    const stream = new Entry<Context>(ssrc, section);
    this.#streams.set(ssrc, stream);
    return stream;
  }

  #remember(stream: Entry<Context>): void {
    if (this.#streams.size >= MAX_INCOMING_STREAMS) this.#forgetOne();
    this.#streams.set(stream.ssrc, stream);
    stream.lastUsed = ++this.#uses;
  }

  #forgetOne(): void {
    let oldest: Entry<Context> | null = null;
    for (const stream of this.#streams.values()) {
      if (!stream.isConfigured && (oldest === null || stream.lastUsed < oldest.lastUsed)) oldest = stream;
    }
    if (oldest === null) return; // all are named: a description's own length is the bound
    this.stats.forgotten++;
    this.remove(oldest.ssrc);
  }
}

/** A section and the streams found for it. */
type Section<Context> = {
  readonly mid: string;
  readonly payloadTypes: ReadonlySet<number>;
  readonly repairPayloadTypes: ReadonlySet<number>;
  readonly rids: ReadonlySet<string>;
  /** The latest stream of media of each RID; '' where there is none. */
  readonly primaries: Map<string, Entry<Context>>;
};

/** A row of the table. */
class Entry<Context> implements IncomingStream<Context> {
  readonly ssrc: number;
  context: Context | undefined = undefined;
  section: Section<Context>;
  /** Whether a description names it. */
  isConfigured = false;
  /** The SSRC that the description says it repairs. */
  repairs: number | null = null;
  /** Of the packet whose MID was last taken. */
  midSequenceNumber = -1;
  lastUsed = 0;
  isRepair = false;
  #rid: string | null = null;
  #repairedRid: string | null = null;

  constructor(ssrc: number, section: Section<Context>) {
    this.ssrc = ssrc;
    this.section = section;
  }

  get mid(): string {
    return this.section.mid;
  }

  get rid(): string | null {
    return this.#rid ?? this.#repairedRid;
  }

  describe(rid: string | null, repairedRid: string | null, isRepair: boolean): void {
    this.#rid = rid ?? this.#rid;
    this.#repairedRid = repairedRid ?? this.#repairedRid;
    this.isRepair ||= isRepair;
  }

  /** What it was in another section says nothing in this one. */
  forget(): void {
    this.#rid = null;
    this.#repairedRid = null;
    this.isRepair = false;
  }
}

function isText(bytes: Uint8Array, at: number, length: number, text: string): boolean {
  if (length !== text.length) return false;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}
