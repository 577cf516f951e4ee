import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { Demultiplexer, type IncomingSection, MAX_INCOMING_STREAMS } from '../../src/rtp/demultiplexer.ts';
import { ExtensionMap } from '../../src/rtp/extensions/extension-map.ts';
import { encodeHeaderExtension } from '../../src/rtp/extensions/header-extension.ts';
import { midExtension, repairedRidExtension, ridExtension } from '../../src/rtp/extensions/text.ts';
import { encodeRtpPacket, RtpPacket } from '../../src/rtp/packet.ts';
import { SDES_ITEM } from '../../src/rtp/rtcp/types.ts';

const EXTENSIONS = new ExtensionMap([
  { id: 1, uri: midExtension.uri },
  { id: 2, uri: ridExtension.uri },
  { id: 3, uri: repairedRidExtension.uri },
]);
const AUDIO: IncomingSection = { mid: 'a', payloadTypes: [111, 0] };
const VIDEO: IncomingSection = { mid: 'v', payloadTypes: [96, 97], repairPayloadTypes: [97] };
const SCREEN: IncomingSection = { mid: 's', payloadTypes: [98, 0] };
const SIMULCAST: IncomingSection = { mid: 'm', payloadTypes: [100, 101], repairPayloadTypes: [101], rids: ['h', 'l'] };

type Marks = { mid?: string; rid?: string; repaired?: string; sequenceNumber?: number };

function packet(ssrc: number, payloadType: number, { mid, rid, repaired, sequenceNumber = 1 }: Marks = {}): RtpPacket {
  const extensions = [];
  if (mid) extensions.push({ id: 1, data: encodeHeaderExtension(midExtension, mid) });
  if (rid) extensions.push({ id: 2, data: encodeHeaderExtension(ridExtension, rid) });
  if (repaired) extensions.push({ id: 3, data: encodeHeaderExtension(repairedRidExtension, repaired) });
  const fields = { payloadType, marker: false, sequenceNumber, timestamp: 0, ssrc, payload: new Uint8Array(1) };
  return RtpPacket.parse(encodeRtpPacket({ ...fields, extensions }))!;
}

let demultiplexer: Demultiplexer<string>;
const route = (ssrc: number, payloadType: number, marks?: Marks) =>
  demultiplexer.route(packet(ssrc, payloadType, marks));

beforeEach(() => {
  demultiplexer = new Demultiplexer();
  demultiplexer.configure([AUDIO, VIDEO, SCREEN, SIMULCAST], EXTENSIONS);
});

describe('RFC 9143 §9.2: RTP', () => {
  test('the MID leads to its section, and its SSRC stays there without it', () => {
    expect(route(1, 0, { mid: 'a' })?.mid).toBe('a');
    expect(route(1, 0)?.mid).toBe('a');
    expect(route(2, 0, { mid: 's' })?.mid).toBe('s');
  });

  test('"If the MID … is not in the table … the payload data is discarded"', () => {
    expect(route(1, 111, { mid: 'zz' })).toBeNull();
    route(1, 111, { mid: 'a' });
    expect(route(1, 111, { mid: 'zz', sequenceNumber: 5 })).toBeNull();
    expect(demultiplexer.stats.unknownMid).toBe(2);
    expect(route(1, 111)?.mid).toBe('a');
  });

  test('a MID moves the SSRC when its packet is newer than the last MID, also across the wrap', () => {
    route(1, 0, { mid: 'a', sequenceNumber: 65535 });
    expect(route(1, 0, { mid: 's', sequenceNumber: 65530 })?.mid).toBe('a');
    expect(route(1, 0, { mid: 's', sequenceNumber: 3 })?.mid).toBe('s');
    expect(route(1, 0, { mid: 's', sequenceNumber: 9 })?.mid).toBe('s');
    expect(route(1, 0, { mid: 'a', sequenceNumber: 5 })?.mid).toBe('s');
  });

  test('an SSRC of the description leads to its section, before the payload type', () => {
    demultiplexer.configure([AUDIO, { ...SCREEN, ssrcs: [{ ssrc: 7 }] }], EXTENSIONS);
    expect(route(7, 0)?.mid).toBe('s');
    expect(route(7, 111)).toBeNull(); // "check that the payload type … matches"
    expect(demultiplexer.stats.wrongPayloadType).toBe(1);
  });

  test('a payload type of one section only leads there, and the SSRC stays when it changes', () => {
    expect(route(1, 111)?.mid).toBe('a');
    expect(route(1, 0)?.mid).toBe('a');
    expect(route(1, 98)).toBeNull(); // "the SSRC cannot move … simply by changing the payload type"
    expect(route(2, 0)).toBeNull(); // in two sections
    expect(demultiplexer.stats.unroutable).toBe(1);
  });

  test('the MID of a section that does not have the payload type discards the packet and remembers nothing', () => {
    expect(route(1, 111, { mid: 's' })).toBeNull();
    expect(demultiplexer.stream(1)).toBeUndefined();
  });

  test('the same object serves a stream, with what its receiver put there', () => {
    const stream = route(1, 111)!;
    stream.context = 'mine';
    expect(route(1, 111)?.context).toBe('mine');
    expect([...demultiplexer.streams]).toEqual([stream]);
  });
});

describe('RFC 8852: RID and repaired RID', () => {
  test('a stream of simulcast is known by its RID from then on', () => {
    expect(route(1, 100, { mid: 'm', rid: 'h' })?.rid).toBe('h');
    expect(route(1, 100)?.rid).toBe('h');
    expect(route(2, 100, { rid: 'l' })?.rid).toBe('l'); // the payload type leads to the section
  });

  test('without a RID, or with one that was not negotiated, it is not taken', () => {
    expect(route(1, 100, { mid: 'm' })).toBeNull();
    expect(route(1, 100, { mid: 'm', rid: 'q' })).toBeNull();
    expect(demultiplexer.stats.unknownRid).toBe(2);
    expect(demultiplexer.stream(1)).toBeUndefined();
  });

  test('the repaired RID tells whom a repair stream repairs, in whatever order they come', () => {
    const repair = route(11, 101, { mid: 'm', repaired: 'l' })!;
    expect([repair.isRepair, repair.rid, demultiplexer.primaryOf(repair)]).toEqual([true, 'l', null]);
    const high = route(1, 100, { mid: 'm', rid: 'h' })!;
    const low = route(2, 100, { mid: 'm', rid: 'l' })!;
    expect(demultiplexer.primaryOf(repair)).toBe(low);
    expect(demultiplexer.primaryOf(high)).toBeNull();
    expect(route(11, 101)).toBe(repair);
  });

  test('an SSRC that sent media and now sends repair does not repair itself', () => {
    expect(route(30, 100, { mid: 'm', rid: 'h' })?.isRepair).toBe(false);
    const turned = route(30, 101)!;
    expect([turned.isRepair, demultiplexer.primaryOf(turned)]).toEqual([true, null]);
  });

  test('without simulcast a repair stream is of the only stream of its section; an SSRC group says it too', () => {
    const repair = route(11, 97)!;
    const video = route(1, 96)!;
    expect(demultiplexer.primaryOf(repair)).toBe(video);
    const later = route(2, 96)!; // the sender took a new SSRC
    expect(demultiplexer.primaryOf(repair)).toBe(later);
    demultiplexer.configure([{ ...VIDEO, ssrcs: [{ ssrc: 1 }, { ssrc: 11, repairs: 1 }, { ssrc: 3 }] }], EXTENSIONS);
    expect(demultiplexer.primaryOf(demultiplexer.stream(11)!)).toBe(video);
  });
});

describe('configure', () => {
  test('streams stay with their section, and go with it', () => {
    const stream = route(1, 111, { mid: 'a' })!;
    route(2, 96);
    demultiplexer.configure([{ ...AUDIO, payloadTypes: [111] }], EXTENSIONS);
    expect(route(1, 111)).toBe(stream);
    expect(route(1, 0)).toBeNull();
    expect(demultiplexer.stream(2)).toBeUndefined();
  });

  test('an SSRC that is no longer named is forgotten, one that is named elsewhere moves', () => {
    demultiplexer.configure([{ ...AUDIO, ssrcs: [{ ssrc: 5 }, { ssrc: 6 }] }, SCREEN], EXTENSIONS);
    demultiplexer.configure([AUDIO, { ...SCREEN, ssrcs: [{ ssrc: 6 }] }], EXTENSIONS);
    expect(demultiplexer.stream(5)).toBeUndefined();
    expect(demultiplexer.stream(6)?.mid).toBe('s');
  });

  test('limits the number of streams: the one silent longest is forgotten, named ones never', () => {
    demultiplexer.configure([{ ...AUDIO, ssrcs: [{ ssrc: 9_999 }] }], EXTENSIONS);
    for (let ssrc = 0; ssrc < MAX_INCOMING_STREAMS - 1; ssrc++) route(ssrc, 111);
    route(0, 111);
    route(5_000, 111);
    expect(demultiplexer.stream(0)).toBeDefined();
    expect(demultiplexer.stream(1)).toBeUndefined();
    expect(demultiplexer.stream(9_999)).toBeDefined();
    for (let ssrc = 10_000; ssrc < 11_000; ssrc++) route(ssrc, 111);
    expect([...demultiplexer.streams].length).toBe(MAX_INCOMING_STREAMS);
    expect(demultiplexer.stream(9_999)).toBeDefined();
  });
});

describe('RFC 9143 §9.2: RTCP', () => {
  const block = (ssrc: number) => ({
    ssrc,
    fractionLost: 0,
    cumulativeLost: 0,
    highestSequenceNumber: 0,
    jitter: 0,
    lastSenderReport: 0,
    delaySinceLastSenderReport: 0,
  });
  const mids = (packet: Parameters<typeof demultiplexer.routeRtcp>[0]) => {
    const { incoming, outgoing } = demultiplexer.routeRtcp(packet);
    return [incoming.map(({ mid }) => mid), outgoing];
  };

  beforeEach(() => {
    route(1, 111);
    route(2, 96);
    demultiplexer.addOutgoing(50);
    demultiplexer.addOutgoing(51);
  });

  test('reports go to whom their blocks are about, and sender reports to the stream of their sender', () => {
    const report = { ntpTimestamp: 0n, rtpTimestamp: 0, packetCount: 0, octetCount: 0 };
    expect(mids({ kind: 'senderReport', ssrc: 1, ...report, reports: [block(50), block(99), block(50)] })).toEqual([
      ['a'],
      [50],
    ]);
    expect(mids({ kind: 'receiverReport', ssrc: 77, reports: [block(51), block(50)] })).toEqual([[], [51, 50]]);
    expect(
      mids({
        kind: 'extendedReport',
        ssrc: 2,
        blocks: [{ kind: 'dlrr', reports: [{ ssrc: 50, lastReceiverReport: 0, delaySinceLastReceiverReport: 0 }] }],
      }),
    ).toEqual([['v'], [50]]);
  });

  test('feedback goes to its media source, or to its targets', () => {
    expect(mids({ kind: 'nack', senderSsrc: 1, mediaSsrc: 50, sequenceNumbers: [1] })).toEqual([[], [50]]);
    expect(mids({ kind: 'pli', senderSsrc: 1, mediaSsrc: 99 })).toEqual([[], []]);
    expect(mids({ kind: 'fir', senderSsrc: 1, requests: [{ ssrc: 51, sequenceNumber: 0 }] })).toEqual([[], [51]]);
    expect(mids({ kind: 'remb', senderSsrc: 1, bitrate: 1, ssrcs: [50, 51] })).toEqual([[], [50, 51]]);
    const body = Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 50);
    expect(mids({ kind: 'unknown', packetType: 206, count: 2, body })).toEqual([[], [50]]);
    expect(mids({ kind: 'unknown', packetType: 208, count: 2, body })).toEqual([[], []]);
    demultiplexer.removeOutgoing(50);
    expect(mids({ kind: 'nack', senderSsrc: 1, mediaSsrc: 50, sequenceNumbers: [1] })).toEqual([[], []]);
  });

  test('BYE goes to the streams that end, which stay until they are removed', () => {
    expect(mids({ kind: 'bye', ssrcs: [2, 99] })).toEqual([['v'], []]);
    expect(route(2, 96)?.mid).toBe('v');
    demultiplexer.remove(2);
    expect(demultiplexer.stream(2)).toBeUndefined();
  });

  const sdes = (ssrc: number, ...items: [number, string][]) =>
    mids({ kind: 'sdes', chunks: [{ ssrc, items: items.map(([type, text]) => ({ type, text })) }] });

  test('an SDES with a MID leads its SSRC there; a MID that came in RTP stays', () => {
    expect(sdes(20, [SDES_ITEM.cname, 'x'], [SDES_ITEM.mid, 's'])).toEqual([['s'], []]);
    expect(route(20, 0)?.mid).toBe('s');
    expect(sdes(20, [SDES_ITEM.mid, 'a'])).toEqual([['a'], []]);
    route(20, 0, { mid: 's' });
    expect(sdes(20, [SDES_ITEM.mid, 'a'])).toEqual([['s'], []]);
    expect(sdes(21, [SDES_ITEM.mid, 'zz'])).toEqual([[], []]);
  });

  test('an SDES of simulcast tells the RID too', () => {
    sdes(30, [SDES_ITEM.mid, 'm']);
    expect(demultiplexer.stream(30)).toBeUndefined();
    sdes(30, [SDES_ITEM.mid, 'm'], [SDES_ITEM.rtpStreamId, 'h']);
    expect(route(30, 100)?.rid).toBe('h');
    sdes(31, [SDES_ITEM.mid, 'm'], [SDES_ITEM.repairedRtpStreamId, 'h']);
    expect(demultiplexer.primaryOf(route(31, 101)!)).toBe(demultiplexer.stream(30));
  });
});

test('whatever comes, a stream has the payload types of its section, and the table its bound', () => {
  const marks = fc.record(
    {
      mid: fc.constantFrom('a', 'v', 's', 'm', 'x'),
      rid: fc.constantFrom('h', 'l', 'q'),
      repaired: fc.constantFrom('h', 'l'),
      sequenceNumber: fc.integer({ min: 0, max: 65535 }),
    },
    { requiredKeys: [] },
  );
  const types = new Map([AUDIO, VIDEO, SCREEN, SIMULCAST].map(({ mid, payloadTypes }) => [mid, new Set(payloadTypes)]));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.constantFrom(0, 96, 97, 98, 100, 101, 111), marks)),
      (packets) => {
        demultiplexer = new Demultiplexer();
        demultiplexer.configure([AUDIO, VIDEO, SCREEN, SIMULCAST], EXTENSIONS);
        let discarded = 0;
        for (const [ssrc, payloadType, rest] of packets) {
          const stream = route(ssrc, payloadType, rest);
          if (stream === null) discarded++;
          else expect(types.get(stream.mid)?.has(payloadType)).toBe(true);
          const primary = stream && demultiplexer.primaryOf(stream);
          if (primary) expect([primary.mid, primary.isRepair]).toEqual([stream.mid, false]);
        }
        const { forgotten, ...reasons } = demultiplexer.stats;
        expect(Object.values(reasons).reduce((sum, n) => sum + n)).toBe(discarded);
        expect(forgotten).toBe(0);
      },
    ),
  );
});
