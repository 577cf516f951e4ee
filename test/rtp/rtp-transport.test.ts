import { describe, expect, test } from 'vitest';
import { u32 } from '../../src/binary/bytes.ts';
import {
  ExtensionMap,
  encodeRtcp,
  encodeRtpPacket,
  parseRtcp,
  type RtcpPacket,
  RtpPacket,
} from '../../src/rtp/index.ts';
import { SeededRandom } from './support/random.ts';
import {
  codec,
  EXTENSIONS,
  OPUS,
  OPUS_NAME,
  picture,
  RTX,
  type Sent,
  TransportEnd,
  VP8,
  VP8_NAME,
  Wire,
} from './support/transport-pair.ts';

const VIDEO = [VP8, RTX];
const PLAIN_NACK = codec('VP8', 96, { feedback: VP8.feedback });

function rtcpOf(sent: readonly Sent[]): RtcpPacket[][] {
  return sent.filter(({ isRtcp }) => isRtcp).map(({ bytes }) => parseRtcp(bytes));
}

function rtpOf(sent: readonly Sent[]): RtpPacket[] {
  return sent.filter(({ isRtcp }) => !isRtcp).map(({ bytes }) => RtpPacket.parse(bytes)!);
}

/** An end that sends video, connected at 0. */
function sendingEnd(codecs = VIDEO, parameters = {}) {
  const end = new TransportEnd(1, { unixOffsetMs: 1_000_000 });
  const sender = end.sender('video', codecs);
  end.configure(parameters);
  end.transport.connect(0);
  const send = (number: number, now: number, isKeyFrame = number === 0) =>
    sender.sendFrame({ data: picture(number, isKeyFrame), isKeyFrame, timestampUs: now * 1000 }, VP8_NAME, now);
  return { end, sender, send, stream: () => sender.streams[0]! };
}

/** An end that receives video; packets for it are made here. */
function receivingEnd(codecs = VIDEO, parameters = {}) {
  const end = new TransportEnd(2);
  const receiver = end.receiver('video', codecs);
  end.configure(parameters);
  end.transport.connect(0);
  const receive = (
    sequenceNumber: number,
    now: number,
    fields: { ssrc?: number; payloadType?: number; mid?: string } = {},
  ) => {
    const { ssrc = 7, payloadType = 96, mid = 'video' } = fields;
    const bytes = encodeRtpPacket({
      payloadType,
      sequenceNumber: sequenceNumber & 0xffff,
      timestamp: sequenceNumber * 3000,
      ssrc,
      marker: true,
      extensions: mid === '' ? [] : [{ id: 1, data: new TextEncoder().encode(mid) }],
      payload: Uint8Array.of(0x10, ...picture(sequenceNumber & 0xff, sequenceNumber === 100, 60)),
    });
    end.transport.handleRtp(bytes, now);
  };
  return { end, receiver, receive };
}

function runTo(end: TransportEnd, until: number, from = 0): void {
  for (let now = Math.max(from, end.transport.nextTimeout); now <= until; now = end.transport.nextTimeout) {
    end.transport.handleTimeout(now);
  }
}

describe('reports', () => {
  test('RFC 3550 §6.1: every compound packet begins with a report and names its source', () => {
    const { end, send } = sendingEnd();
    end.receiver('audio', [OPUS]);
    end.configure({ reducedSize: false });
    for (let i = 0; i < 100; i++) {
      send(i, 50 * i);
      runTo(end, 50 * i + 49);
    }
    end.transport.close(5000);
    const compounds = rtcpOf(end.sent());
    expect(compounds.length).toBeGreaterThan(4);
    for (const [first, ...rest] of compounds) {
      expect(['senderReport', 'receiverReport']).toContain(first!.kind);
      const named = rest.find((packet) => packet.kind === 'sdes');
      expect(named?.kind === 'sdes' && named.chunks[0]?.items[0]).toEqual({ type: 1, text: 'end' });
    }
    expect(compounds.at(-1)!.at(-1)!.kind).toBe('bye');
  });

  test('RFC 6051 §2: the first sender report follows the first packet, its clocks belong together', () => {
    const { end, send, stream } = sendingEnd();
    runTo(end, 500);
    end.sent();
    send(0, 500);
    end.transport.handleTimeout(500);
    const sent = end.sent();
    const [report] = rtcpOf(sent)[0]!;
    const [packet] = rtpOf(sent);
    expect(report).toMatchObject({
      kind: 'senderReport',
      ssrc: stream().ssrc,
      rtpTimestamp: packet!.timestamp,
      packetCount: 1,
      octetCount: packet!.payloadLength,
      reports: [],
    });
    send(1, 900);
    runTo(end, 2500, 900);
    const later = rtcpOf(end.sent()).flat();
    const next = later.find((one) => one.kind === 'senderReport');
    if (next?.kind !== 'senderReport' || report?.kind !== 'senderReport') throw new Error('no second report');
    const elapsedMs = (Number(next.ntpTimestamp - report.ntpTimestamp) / 2 ** 32) * 1000;
    expect(((next.rtpTimestamp - report.rtpTimestamp) | 0) / 90).toBeCloseTo(elapsedMs, 0);
  });

  test('§6.3.8: who was silent for two reports is a receiver again', () => {
    const { end, send } = sendingEnd();
    send(0, 0);
    runTo(end, 20_000);
    const kinds = rtcpOf(end.sent()).map(([first]) => first!.kind);
    expect(kinds[0]).toBe('senderReport');
    expect(kinds.slice(3)).not.toContain('senderReport');
    expect(kinds.slice(3)).toContain('receiverReport');
  });

  test('RFC 4585 §3.4: regular reports about once a second', () => {
    const { end } = sendingEnd();
    runTo(end, 60_000);
    const { length } = rtcpOf(end.sent());
    expect(length).toBeGreaterThan(40);
    expect(length).toBeLessThan(90);
  });

  test('§6.4: blocks for the sources heard since the last report, 31 a packet, whatever their number', () => {
    const { end, receive } = receivingEnd();
    for (let ssrc = 1; ssrc <= 70; ssrc++) receive(100, 1, { ssrc });
    runTo(end, 2_500, 1);
    const reports = rtcpOf(end.sent())
      .flat()
      .flatMap((packet) => (packet.kind === 'receiverReport' && packet.reports.length > 0 ? [packet.reports] : []));
    expect(
      reports
        .flat()
        .map(({ ssrc }) => ssrc)
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 70 }, (_, i) => i + 1));
    expect(Math.max(...reports.map(({ length }) => length))).toBe(31);
  });

  test('what repair brought is lost to the network: reports are about that', () => {
    const { end, receive } = receivingEnd();
    for (const number of [100, 101, 103, 104]) receive(number, number);
    const original = encodeRtpPacket({
      payloadType: 97,
      sequenceNumber: 1,
      timestamp: 306_000,
      ssrc: 8,
      marker: true,
      extensions: [{ id: 1, data: new TextEncoder().encode('video') }],
      payload: Uint8Array.of(0, 102, 0x10, ...picture(102, false, 60)),
    });
    end.transport.handleRtp(original, 120);
    expect(end.packets).toEqual([100, 101, 103, 104, 102]);
    runTo(end, 3_000, 120);
    const block = rtcpOf(end.sent())
      .flat()
      .flatMap((packet) => (packet.kind === 'receiverReport' ? packet.reports : []))[0];
    expect(block).toMatchObject({ ssrc: 7, cumulativeLost: 1, fractionLost: 51 });
  });

  test('nothing to report on, no timers; nor after close', () => {
    const end = new TransportEnd(1);
    end.configure({ feedback: 'transport-cc' });
    end.transport.connect(0);
    expect(end.transport.nextTimeout).toBeGreaterThan(1e9);
    const { end: sending, send } = sendingEnd(VIDEO, { feedback: 'transport-cc' });
    for (let i = 0; i < 50; i++) send(i, 0); // more than leaves at once
    sending.transport.close(0);
    const kinds = rtcpOf(sending.sent())
      .flat()
      .map(({ kind }) => kind);
    expect(kinds.slice(-3)).toEqual(['receiverReport', 'sdes', 'bye']);
    send(51, 1);
    sending.transport.handleTimeout(1000);
    sending.transport.handleRtcp(encodeRtcp([{ kind: 'pli', senderSsrc: 1, mediaSsrc: 2 }]), 1000);
    expect(sending.transport.nextTimeout).toBe(Infinity);
    expect(sending.sent()).toEqual([]);
  });

  test('a sender that is removed says goodbye, and what waited in the pacer does not follow', () => {
    const { end, sender, send, stream } = sendingEnd(VIDEO, { feedback: 'transport-cc' });
    for (let i = 0; i < 50; i++) send(i, 0);
    expect(end.transport.pacer.queuedPackets).toBeGreaterThan(10);
    end.transport.removeSender(sender, 0);
    expect(end.transport.pacer.queuedPackets).toBe(0);
    const bye = rtcpOf(end.sent())
      .flat()
      .find(({ kind }) => kind === 'bye');
    expect(bye).toEqual({ kind: 'bye', ssrcs: [stream().ssrc, stream().rtxSsrc] });
    runTo(end, 5_000);
    expect(rtpOf(end.sent())).toEqual([]);
  });
});

describe('feedback', () => {
  test('RFC 5506: feedback goes alone where that was agreed on, and behind a report where not', () => {
    for (const reducedSize of [true, false]) {
      const { end, receive } = receivingEnd(VIDEO, { reducedSize });
      runTo(end, 1000);
      end.sent();
      for (const number of [100, 102]) receive(number, 1000);
      runTo(end, 1100, 1000);
      const nack = rtcpOf(end.sent()).find((compound) => compound.some(({ kind }) => kind === 'nack'))!;
      expect(nack.map(({ kind }) => kind)).toEqual(reducedSize ? ['nack'] : ['receiverReport', 'sdes', 'nack']);
    }
  });

  test('a key frame is asked for once in 300 ms; a request in between is put off, not forgotten', () => {
    const { end, receiver, receive } = receivingEnd();
    receive(100, 1000); // frames begin to be made: the first request
    runTo(end, 1010, 1000);
    const plis = (): number =>
      rtcpOf(end.sent())
        .flat()
        .filter(({ kind }) => kind === 'pli').length;
    expect(plis()).toBe(1);
    receive(101, 1100);
    for (let i = 0; i < 5; i++) receiver.requestKeyFrame();
    runTo(end, 1290, 1100);
    expect(plis()).toBe(0);
    runTo(end, 1400, 1290);
    expect(plis()).toBe(1);
  });

  test('RFC 5104: FIR where PLI was not agreed on, with a number of its own each; neither: nothing', () => {
    const fir = codec('VP8', 96, { feedback: [{ type: 'ccm', parameter: 'fir' }] });
    const { end, receive } = receivingEnd([fir]);
    receive(100, 1000);
    runTo(end, 1100, 1000);
    expect(rtcpOf(end.sent()).flat()).toContainEqual({
      kind: 'fir',
      senderSsrc: expect.any(Number),
      requests: [{ ssrc: 7, sequenceNumber: 1 }],
    });
    const silent = receivingEnd([codec('VP8', 96)]);
    silent.receive(100, 1000);
    runTo(silent.end, 3000, 1000);
    const kinds = rtcpOf(silent.end.sent())
      .flat()
      .map(({ kind }) => kind);
    expect(kinds).not.toContain('pli');
    expect(kinds).not.toContain('fir');
  });

  test('§4.3.1.2: a FIR that is repeated is one request; requests within 300 ms make one key frame', () => {
    const { end, send, stream } = sendingEnd();
    send(0, 0);
    const { ssrc } = stream();
    const ask = (packet: RtcpPacket, now: number) => end.transport.handleRtcp(encodeRtcp([packet]), now);
    const fir = (sequenceNumber: number): RtcpPacket => ({
      kind: 'fir',
      senderSsrc: 9,
      requests: [{ ssrc, sequenceNumber }],
    });
    const requests = (): number => end.events.filter(({ kind }) => kind === 'keyFrameRequested').length;
    ask(fir(5), 1000);
    ask(fir(5), 2000);
    expect(requests()).toBe(1);
    expect(stream().stats.firCount).toBe(1);
    ask({ kind: 'pli', senderSsrc: 9, mediaSsrc: ssrc }, 3000);
    ask({ kind: 'pli', senderSsrc: 9, mediaSsrc: ssrc }, 3100);
    ask(fir(6), 3200);
    expect(requests()).toBe(2);
    expect(stream().stats.pliCount).toBe(2);
  });

  test('REMB where that was agreed on, and only there', () => {
    for (const feedback of ['remb', 'transport-cc'] as const) {
      const ends = [new TransportEnd(1), new TransportEnd(2)] as const;
      const sender = ends[0].sender('video', VIDEO);
      ends[1].receiver('video', VIDEO);
      for (const end of ends) {
        end.configure({ feedback });
        end.transport.connect(0);
      }
      const wire = new Wire(ends);
      const seen = new Set<string>();
      wire.drops = ({ isRtcp, bytes }) => {
        if (isRtcp) for (const { kind } of parseRtcp(bytes)) seen.add(kind);
        return false;
      };
      for (let i = 0; i < 400; i++) {
        const isKeyFrame = i === 0;
        sender.sendFrame({ data: picture(i, isKeyFrame), isKeyFrame, timestampUs: 20_000 * i }, VP8_NAME, 20 * i);
        wire.run(20 * i + 20);
      }
      expect(seen.has('remb')).toBe(feedback === 'remb');
      expect(seen.has('transportFeedback')).toBe(feedback === 'transport-cc');
      // A path that takes all is not thought to be worse than at first.
      expect(ends[0].transport.rates!.targetBitrate).toBeGreaterThanOrEqual(300_000);
    }
  });
});

describe('repair', () => {
  const nack = (ssrc: number, ...sequenceNumbers: number[]): Uint8Array =>
    encodeRtcp([{ kind: 'nack', senderSsrc: 9, mediaSsrc: ssrc, sequenceNumbers }]);

  test('without RTX the same protected bytes go out again, once in a while', () => {
    const { end, send, stream } = sendingEnd([PLAIN_NACK]);
    send(0, 0);
    const [first] = end.sent();
    const number = RtpPacket.parse(first!.bytes)!.sequenceNumber;
    end.transport.handleRtcp(nack(stream().ssrc, number, number + 1), 50);
    end.transport.handleRtcp(nack(stream().ssrc, number), 51);
    const again = end.sent().filter(({ isRtcp }) => !isRtcp);
    expect(again).toEqual([{ isRtcp: false, isSealed: true, bytes: first!.bytes }]);
    expect(stream().stats).toMatchObject({ packetsSent: 2, retransmittedPacketsSent: 1, rtxPacketsSent: 0 });
  });

  test('RTX says MID until the peer has reported on RTX itself, not on the medium alone', () => {
    const { end, send, stream } = sendingEnd();
    const mid = new ExtensionMap(EXTENSIONS).id({ uri: EXTENSIONS[0]!.uri });
    const report = (ssrc: number): Uint8Array =>
      encodeRtcp([
        {
          kind: 'receiverReport',
          ssrc: 9,
          reports: [
            {
              ssrc,
              fractionLost: 0,
              cumulativeLost: 0,
              highestSequenceNumber: 1,
              jitter: 0,
              lastSenderReport: 0,
              delaySinceLastSenderReport: 0,
            },
          ],
        },
      ]);
    const resend = (number: number, now: number): RtpPacket => {
      send(number, now);
      const sent = rtpOf(end.sent());
      end.transport.handleRtcp(nack(stream().ssrc, sent[0]!.sequenceNumber), now + 1);
      return rtpOf(end.sent())[0]!;
    };
    end.transport.handleRtcp(report(stream().ssrc), 1);
    send(0, 10);
    expect(rtpOf(end.sent())[0]!.findExtension(mid)).toBe(-1);
    const rtx = resend(1, 20);
    expect(rtx.ssrc).toBe(stream().rtxSsrc);
    expect(rtx.findExtension(mid)).toBeGreaterThan(0);
    end.transport.handleRtcp(report(stream().rtxSsrc!), 30);
    expect(resend(2, 40).findExtension(mid)).toBe(-1);
  });

  test('an RTX SSRC that nothing announces is found by MID and payload type (Firefox)', () => {
    const ends = [new TransportEnd(1), new TransportEnd(2)] as const;
    const sender = ends[0].sender('video', VIDEO);
    const receiver = ends[1].receiver('video', VIDEO);
    for (const end of ends) {
      end.configure();
      end.transport.connect(0);
    }
    const wire = new Wire(ends);
    const random = new SeededRandom(1);
    wire.drops = ({ isRtcp }) => !isRtcp && random.real() < 0.2;
    for (let i = 0; i < 100; i++) {
      const data = picture(i, i === 0);
      sender.sendFrame({ data, isKeyFrame: i === 0, timestampUs: 33_000 * i }, VP8_NAME, 33 * i);
      wire.run(33 * i + 33);
    }
    const [stream] = receiver.streams.values();
    expect(receiver.streams.size).toBe(1);
    expect(stream!.rtxSsrc).toBe(sender.streams[0]!.rtxSsrc);
    expect(stream!.stats.retransmittedPacketsReceived).toBeGreaterThan(5);
  });
});

describe('streams', () => {
  test('another SSRC in mid-stream is another stream; MID may be left out once it is known', () => {
    const { end, receiver, receive } = receivingEnd();
    end.receiver('audio', [OPUS]);
    end.configure();
    receive(100, 0);
    receive(101, 10, { mid: '' });
    receive(500, 20, { ssrc: 8 });
    receive(501, 30, { ssrc: 8, mid: '' });
    expect(end.packets).toEqual([100, 101, 500, 501]);
    expect([...receiver.streams.keys()]).toEqual([7, 8]);
  });

  test('an SSRC that we use as well is another one in the other direction', () => {
    const { end, receiver, receive } = receivingEnd();
    const sender = end.sender('video', VIDEO);
    end.configure();
    const { ssrc } = sender.streams[0]!;
    receive(100, 0, { ssrc });
    sender.sendFrame({ data: picture(0, true), isKeyFrame: true, timestampUs: 0 }, VP8_NAME, 0);
    expect(receiver.streams.has(ssrc)).toBe(true);
    expect(rtpOf(end.sent())[0]!.ssrc).toBe(ssrc);
  });

  test('stragglers of a stream that said goodbye do not bring it back; its going on does', () => {
    const { end, receiver, receive } = receivingEnd();
    for (const number of [100, 101, 103]) receive(number, number);
    end.transport.handleRtcp(encodeRtcp([{ kind: 'bye', ssrcs: [7] }]), 110);
    expect(end.ended).toEqual([7]);
    receive(102, 120);
    expect(receiver.streams.size).toBe(0);
    receive(104, 130);
    expect([...receiver.streams.keys()]).toEqual([7]);
  });

  test('without keys no stream goes on, whether it said goodbye or not; what came of it is still known', () => {
    const { end, receiver, receive } = receivingEnd();
    receive(100, 0);
    receive(100, 10, { ssrc: 8 });
    end.transport.abandon();
    end.transport.abandon();
    expect(end.ended).toEqual([7, 8]);
    expect([...receiver.streams.values()].map(({ isSilent }) => isSilent)).toEqual([true, true]);
  });

  test('limits the number of streams: what the demultiplexer forgets, nobody keeps', () => {
    const { end, receiver, receive } = receivingEnd();
    for (let ssrc = 1; ssrc <= 1000; ssrc++) receive(100, ssrc, { ssrc });
    expect(receiver.streams.size).toBe(256);
    expect(end.ended).toHaveLength(744);
  });

  test('a tone ends where nothing may be sent any more, and has a clock before any sound', () => {
    const end = new TransportEnd(1);
    const events = codec('telephone-event', 101, { role: 'telephoneEvent' });
    const sender = end.sender('audio', [OPUS, events]);
    end.configure();
    end.transport.connect(0);
    sender.playTone('1', 500, 0);
    runTo(end, 100);
    const sent = end.sent();
    const [first] = rtpOf(sent);
    expect(first!.payloadType).toBe(101);
    const report = rtcpOf(sent)
      .flat()
      .find(({ kind }) => kind === 'senderReport');
    expect(report).toMatchObject({ rtpTimestamp: first!.timestamp });
    const extensions = new ExtensionMap(EXTENSIONS);
    sender.configure({ mid: 'audio', codecs: [OPUS, events], extensions, isSending: false });
    runTo(end, 1000, 100);
    expect(rtpOf(end.sent())).toEqual([]);
  });
});

describe('redundancy', () => {
  const RED = codec('red', 63, { role: 'red', redPayloadTypes: [111, 111] });

  test.each([
    ['preferred', [RED, OPUS], 63],
    ['not preferred', [OPUS, RED], 111],
  ] as const)('RED where it is %s', (_, codecs, payloadType) => {
    const ends = [new TransportEnd(1), new TransportEnd(2)] as const;
    const sender = ends[0].sender('audio', codecs);
    ends[1].receiver('audio', codecs);
    for (const end of ends) {
      end.configure();
      end.transport.connect(0);
    }
    const wire = new Wire(ends);
    const types = new Set<number>();
    let count = 0;
    wire.drops = ({ isRtcp, bytes }) => {
      if (isRtcp) return false;
      types.add(bytes[1]! & 0x7f);
      return count++ % 3 !== 0; // two of three
    };
    for (let i = 0; i < 31; i++) {
      const data = new Uint8Array(30).fill(i);
      data[0] = 0xf8;
      sender.sendFrame({ data, isKeyFrame: true, timestampUs: 20_000 * i }, OPUS_NAME, 20 * i);
      wire.run(20 * i + 20);
    }
    wire.run(2000);
    expect([...types]).toEqual([payloadType]);
    const numbers = ends[1].frames.map(({ frame }) => frame.data[1]);
    expect(numbers).toEqual(
      payloadType === 63 ? Array.from({ length: 31 }, (__, i) => i) : Array.from({ length: 11 }, (__, i) => 3 * i),
    );
  });

  const PICTURES = codec('VP8', 96, { feedback: [{ type: 'nack', parameter: 'pli' }] });
  const VIDEO_RED = codec('red', 116, { role: 'red', clockRate: 90_000 });
  const ULPFEC = codec('ulpfec', 117, { role: 'ulpfec' });
  const FLEXFEC = codec('flexfec-03', 118, { role: 'flexfec' });

  test.each([
    ['ULPFEC in RED', [PICTURES, VIDEO_RED, ULPFEC], [116]],
    ['FlexFEC under an SSRC of its own', [PICTURES, FLEXFEC], [96, 118]],
    ['FlexFEC, where the peer has it before ULPFEC,', [PICTURES, FLEXFEC, VIDEO_RED, ULPFEC], [96, 118]],
    ['ULPFEC, where the peer has it before FlexFEC,', [PICTURES, VIDEO_RED, ULPFEC, FLEXFEC], [116]],
  ] as const)('%s brings back what is lost, without a NACK', (_, codecs, payloadTypes) => {
    const ends = [new TransportEnd(1, { fecProtection: 0.5 }), new TransportEnd(2)] as const;
    const sender = ends[0].sender('video', codecs);
    const receiver = ends[1].receiver('video', codecs);
    for (const end of ends) {
      end.configure({ feedback: 'transport-cc' });
      end.transport.connect(0);
    }
    const wire = new Wire(ends);
    const types = new Map<number, number>();
    let [count, longest] = [0, 0];
    wire.drops = ({ isRtcp, bytes }) => {
      if (isRtcp) return false;
      types.set(bytes[1]! & 0x7f, u32(bytes, 8));
      longest = Math.max(longest, bytes.length);
      return count++ % 12 === 8;
    };
    for (let i = 0; i < 60; i++) {
      const data = picture(i, i === 0, 4000);
      sender.sendFrame({ data, isKeyFrame: i === 0, timestampUs: 40_000 * i }, VP8_NAME, 40 * i);
      wire.run(40 * i + 40);
    }
    wire.run(4000);
    expect([...types.keys()].sort((x, y) => x - y)).toEqual(payloadTypes);
    expect(new Set(types.values()).size).toBe(payloadTypes.length);
    expect(longest).toBeLessThanOrEqual(1180);
    const [stream, ...others] = receiver.streams.values();
    expect(others).toEqual([]);
    expect(stream!.stats.fecPacketsReceived).toBeGreaterThan(60);
    expect(stream!.stats.fecPacketsRecovered).toBeGreaterThan(10);
    expect(stream!.stats.nackCount).toBe(0);
    expect(ends[1].frames.map(({ frame }) => frame.data[20])).toEqual(Array.from({ length: 60 }, (__, i) => i));
    const { fecPacketsSent, packetsSent } = sender.streams[0]!.stats;
    expect(fecPacketsSent).toBeGreaterThan(60);
    if (payloadTypes[0] === 96) expect(packetsSent).toBe(count - fecPacketsSent); // of its own SSRC
  });

  test('FlexFEC of each encoding says by its repaired rid whose it is', () => {
    const ends = [new TransportEnd(1, { fecProtection: 1 }), new TransportEnd(2)] as const;
    const sender = ends[0].sender('video', [PICTURES, FLEXFEC], ['q', 'f']);
    const receiver = ends[1].receiver('video', [PICTURES, FLEXFEC], ['q', 'f']);
    for (const end of ends) {
      end.configure();
      end.transport.connect(0);
    }
    const wire = new Wire(ends);
    let count = 0;
    wire.drops = ({ isRtcp, bytes }) => !isRtcp && (bytes[1]! & 0x7f) === 96 && count++ % 7 === 4;
    for (let i = 0; i < 30; i++) {
      const data = picture(i, i === 0, 4000);
      for (const encoding of [0, 1]) {
        sender.sendFrame({ data, isKeyFrame: i === 0, timestampUs: 40_000 * i }, VP8_NAME, 40 * i, encoding);
      }
      wire.run(40 * i + 40);
    }
    wire.run(2000);
    const streams = [...receiver.streams.values()];
    expect(streams.map(({ rid }) => rid).sort()).toEqual(['f', 'q']);
    for (const { stats } of streams) expect(stats.fecPacketsRecovered).toBeGreaterThan(5);
    expect(ends[1].frames).toHaveLength(60);
  });

  test.each([
    ['fecProtection', [-0.1, 1.1, Number.NaN]],
    ['redundancy', [-1, 0.5, 10]],
  ] as const)('a %s that cannot be is refused', (name, values) => {
    for (const value of values) {
      const { transport } = new TransportEnd(1, { [name]: value });
      expect(() => transport.createSender('video')).toThrow(RangeError);
    }
  });
});
