import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../../src/binary/bytes.ts';
import {
  decodeTelephoneEvents,
  dtmfDigit,
  dtmfEvent,
  encodeTelephoneEvent,
  parseTelephoneEventList,
} from '../../../src/rtp/payload/telephone-event.ts';
import {
  TelephoneEventReceiver,
  type TelephoneEventReport,
} from '../../../src/rtp/payload/telephone-event-receiver.ts';
import {
  type TelephoneEventPacket,
  TelephoneEventSender,
  type TelephoneEventSenderOptions,
} from '../../../src/rtp/payload/telephone-event-sender.ts';

type Sent = TelephoneEventPacket & { at: number };

/** Everything a sender sends when it is called exactly when it wants to be. */
function send(options: Partial<TelephoneEventSenderOptions>): Sent[] {
  const sent: Sent[] = [];
  let now = 1000;
  const sender = new TelephoneEventSender(
    { event: 5, durationMs: 100, clockRate: 8000, timestamp: 4_294_967_000, ...options },
    (packet) => sent.push({ ...packet, at: now - 1000 }),
  );
  expect(sender.nextTimeout).toBe(Infinity);
  sender.start(now);
  while (sender.nextTimeout !== Infinity) {
    expect(sender.nextTimeout).toBeGreaterThan(now);
    now = sender.nextTimeout;
    sender.handleTimeout(now);
    sender.handleTimeout(now); // asking twice does nothing
  }
  return sent;
}

function describeSent(sent: readonly Sent[]): unknown[] {
  return sent.map(({ at, payload, marker }) => {
    const [event] = decodeTelephoneEvents(payload)!;
    return [at, event!.duration, ...(marker ? ['M'] : []), ...(event!.isEnd ? ['E'] : [])];
  });
}

function listen(): { receiver: TelephoneEventReceiver; reports: TelephoneEventReport[] } {
  const reports: TelephoneEventReport[] = [];
  return { receiver: new TelephoneEventReceiver((report) => reports.push(report)), reports };
}

describe('the payload (RFC 4733 §2.3)', () => {
  test('has event, end, volume and duration', () => {
    const event = { event: 11, isEnd: true, volume: 10, duration: 1600 };
    expect(encodeTelephoneEvent(event)).toEqual(fromHex('0b8a0640'));
    expect(decodeTelephoneEvents(fromHex('0bca0640'))).toEqual([event]); // the reserved bit is ignored
  });

  test('§2.5.1.5: may hold several events', () => {
    expect(decodeTelephoneEvents(fromHex('018a0320 020a0190'))!.map(({ event }) => event)).toEqual([1, 2]);
  });

  test('survives being written and read; other lengths are malformed', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.boolean(), fc.nat(63), fc.nat(65_535), (event, isEnd, volume, duration) => {
        const value = { event, isEnd, volume, duration };
        expect(decodeTelephoneEvents(encodeTelephoneEvent(value))).toEqual([value]);
      }),
    );
    for (const length of [0, 1, 2, 3, 5, 7]) expect(decodeTelephoneEvents(new Uint8Array(length))).toBeNull();
    expect(() => encodeTelephoneEvent({ event: 256, isEnd: false, volume: 0, duration: 0 })).toThrow(RangeError);
    expect(() => encodeTelephoneEvent({ event: 1, isEnd: false, volume: 64, duration: 0 })).toThrow(RangeError);
    expect(() => encodeTelephoneEvent({ event: 1, isEnd: false, volume: 0, duration: 65_536 })).toThrow(RangeError);
  });

  test('digits have the codes of table 7', () => {
    expect([...'0129*#ABCDd'].map(dtmfEvent)).toEqual([0, 1, 2, 9, 10, 11, 12, 13, 14, 15, 15]);
    expect(['', ',', 'x', '12'].map(dtmfEvent)).toEqual([undefined, undefined, undefined, undefined]);
    expect([dtmfDigit(11), dtmfDigit(16)]).toEqual(['#', undefined]);
  });

  test('§2.5.1.1: a peer takes what it lists, and the DTMF digits where it lists nothing', () => {
    expect([...parseTelephoneEventList('0-3,66,70')]).toEqual([0, 1, 2, 3, 66, 70]);
    expect(parseTelephoneEventList('')).toEqual(parseTelephoneEventList('0-15'));
    expect(parseTelephoneEventList('events=0-15').size).toBe(16);
    expect(parseTelephoneEventList('0-999').size).toBe(256);
    expect(parseTelephoneEventList('9-1,bad').size).toBe(16);
  });
});

describe('sending', () => {
  test('§2.5.1.2: at once, then at intervals with the duration so far; §2.5.1.4: the last packet three times', () => {
    expect(describeSent(send({ durationMs: 180 }))).toEqual([
      [0, 400, 'M'],
      [50, 800],
      [100, 1200],
      [150, 1440, 'E'],
      [200, 1440, 'E'],
      [250, 1440, 'E'],
    ]);
  });

  test('all packets of an event have the timestamp of its beginning', () => {
    expect(new Set(send({}).map(({ timestamp }) => timestamp))).toEqual(new Set([4_294_967_000]));
  });

  test('an event shorter than the interval begins and ends in one packet', () => {
    expect(describeSent(send({ durationMs: 40 }))).toEqual([
      [0, 320, 'M', 'E'],
      [50, 320, 'E'],
      [100, 320, 'E'],
    ]);
  });

  test('§2.5.1.3: a long event is told in segments, none but the last of which ends it', () => {
    const sent = send({ durationMs: 9000, intervalMs: 1000 });
    const durations = sent.map(({ payload, timestamp }) => [timestamp, decodeTelephoneEvents(payload)![0]!.duration]);
    expect(durations.slice(7, 12)).toEqual([
      [4_294_967_000, 64_000],
      [4_294_967_000, 65_535],
      [4_294_967_000, 65_535],
      [4_294_967_000, 65_535],
      [65_239, 6465], // the timestamp has wrapped
    ]);
    expect(sent.map(({ marker }) => marker).indexOf(true, 1)).toBe(-1);
    const { receiver, reports } = listen();
    for (const { payload, timestamp, at } of sent) receiver.handlePayload(payload, timestamp, at / 100);
    expect(reports).toMatchObject([{ kind: 'start' }, { kind: 'end', duration: 72_000, isConfirmed: true }]);
  });

  test('one who comes late sends the duration so far, once', () => {
    const sent: TelephoneEventPacket[] = [];
    const sender = new TelephoneEventSender({ event: 1, durationMs: 1000, clockRate: 48_000, timestamp: 0 }, (packet) =>
      sent.push(packet),
    );
    sender.start(0);
    sender.handleTimeout(420);
    expect(sent.map(({ payload }) => decodeTelephoneEvents(payload)![0]!.duration)).toEqual([2400, 21_600]);
    expect(sender.nextTimeout).toBe(450);
    expect([sender.hasEnded, sender.endTimestamp]).toEqual([false, 48_000]);
  });

  test('flush sends at once what is left of the last packets', () => {
    const sent: TelephoneEventPacket[] = [];
    const sender = new TelephoneEventSender({ event: 1, durationMs: 40, clockRate: 8000, timestamp: 0 }, (packet) =>
      sent.push(packet),
    );
    sender.start(0);
    sender.flush(10);
    expect(sent).toHaveLength(3);
    expect(sender.nextTimeout).toBe(Infinity);
    expect(() => sender.start(20)).toThrow(TypeError);
  });

  test('what cannot be sent is the caller’s mistake', () => {
    for (const wrong of [
      { event: 300 },
      { volume: -1 },
      { durationMs: 0 },
      { durationMs: Number.NaN },
      { intervalMs: 0 },
    ]) {
      expect(() => send(wrong)).toThrow(RangeError);
    }
  });
});

describe('receiving', () => {
  const sent = send({ durationMs: 180, event: 7 });

  test('a tone is reported once, whatever subset of its packets arrives, in whatever order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(sent, { minLength: 1 }), fc.boolean(), (arrived, repeats) => {
        const { receiver, reports } = listen();
        let now = 0;
        for (const { payload, timestamp } of repeats ? arrived.flatMap((packet) => [packet, packet]) : arrived) {
          receiver.handlePayload(payload, timestamp, now++);
        }
        receiver.handleTimeout(now + 1000);
        expect(reports.map(({ kind }) => kind)).toEqual(['start', 'end']);
        expect(reports[0]).toMatchObject({ event: 7, volume: 10, timestamp: 4_294_967_000 });
        expect(receiver.nextTimeout).toBe(Infinity);
      }),
    );
  });

  test('its duration is known when any of the last packets arrives', () => {
    const { receiver, reports } = listen();
    receiver.handlePayload(sent.at(-1)!.payload, sent[0]!.timestamp, 0);
    expect(reports).toMatchObject([{ kind: 'start' }, { kind: 'end', duration: 1440, isConfirmed: true }]);
  });

  test('when all of those are lost, it ends 150 ms after the last word of it', () => {
    const { receiver, reports } = listen();
    receiver.handlePayload(sent[0]!.payload, 5, 0);
    receiver.handlePayload(sent[1]!.payload, 5, 50);
    expect(receiver.nextTimeout).toBe(200);
    receiver.handleTimeout(199);
    expect(reports).toHaveLength(1);
    receiver.handleTimeout(200);
    expect(reports[1]).toMatchObject({ kind: 'end', duration: 800, isConfirmed: false });
    receiver.handlePayload(sent[2]!.payload, 5, 201); // §2.5.2.2: "further reports for the event MUST be ignored"
    expect(reports).toHaveLength(2);
  });

  test('the same digit twice is two tones', () => {
    const { receiver, reports } = listen();
    for (const timestamp of [100, 4000]) receiver.handlePayload(fromHex('058a0640'), timestamp, 0);
    expect(reports.map(({ kind }) => kind)).toEqual(['start', 'end', 'start', 'end']);
  });

  test('a next tone ends one whose end was lost', () => {
    const { receiver, reports } = listen();
    receiver.handlePayload(fromHex('050a0640'), 100, 0);
    receiver.handlePayload(fromHex('060a0640'), 4000, 20);
    expect(reports.map(({ kind, event }) => [kind, event])).toEqual([
      ['start', 5],
      ['end', 5],
      ['start', 6],
    ]);
  });

  test('§2.5.1.5: events in one packet follow one another in time', () => {
    const { receiver, reports } = listen();
    receiver.handlePayload(fromHex('018a0320 028a0190'), 4_294_967_295, 0);
    expect(reports.map(({ timestamp }) => timestamp)).toEqual([4_294_967_295, 4_294_967_295, 799, 799]);
  });

  test('§2.3.5: a duration of zero, and half an event, are counted and ignored', () => {
    const { receiver, reports } = listen();
    for (const hex of ['05800000', '0580', '']) receiver.handlePayload(fromHex(hex), 100, 0);
    expect(reports).toEqual([]);
    expect(receiver.stats).toEqual({ packets: 1, malformed: 3, repeated: 0 });
  });

  test('no nonsense throws, and what it keeps does not grow', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.uint8Array({ maxLength: 12 }), fc.nat(2 ** 32 - 1))), (packets) => {
        const { receiver, reports } = listen();
        packets.forEach(([payload, timestamp], now) => {
          receiver.handlePayload(payload, timestamp, now);
        });
        receiver.handleTimeout(1e9);
        expect(reports.filter(({ kind }) => kind === 'start')).toHaveLength(reports.length / 2);
      }),
    );
  });
});
