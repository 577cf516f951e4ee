import { describe, expect, test } from 'vitest';
import { DEFAULT_TIMING, resolveTiming } from '../../../src/sctp/timing.ts';
import { OutboundStream } from '../../../src/sctp/tx/outbound-stream.ts';
import { OutgoingMessage } from '../../../src/sctp/tx/outgoing-message.ts';
import { OutstandingData } from '../../../src/sctp/tx/outstanding-data.ts';
import { RetransmissionTimeout } from '../../../src/sctp/tx/rto.ts';
import { sackChunk } from '../support/wire.ts';

const message = new OutgoingMessage(new OutboundStream(0), 51, new Uint8Array(100), false, Infinity, Infinity);

describe('RFC 9260 §6.3.1', () => {
  test('C1: RTO.Initial before the first measurement', () => {
    expect(new RetransmissionTimeout(DEFAULT_TIMING).ms).toBe(500);
  });

  test('C2: SRTT = R, RTTVAR = R/2, RTO = SRTT + 4 * RTTVAR', () => {
    const rto = new RetransmissionTimeout(DEFAULT_TIMING);
    rto.measured(200);
    expect([rto.srttMs, rto.ms]).toEqual([200, 600]);
  });

  test('C3: the smoothing of the specification', () => {
    const rto = new RetransmissionTimeout(DEFAULT_TIMING);
    rto.measured(400); // SRTT 400, RTTVAR 200
    rto.measured(800); // RTTVAR 0.75 * 200 + 0.25 * 400 = 250, SRTT 0.875 * 400 + 0.125 * 800 = 450
    expect([rto.srttMs, rto.ms]).toEqual([450, 1450]);
  });

  test('C6: not below RTO.Min; and always 220 ms above the round trip, for peers that delay SACKs', () => {
    const rto = new RetransmissionTimeout(DEFAULT_TIMING);
    for (let i = 0; i < 100; i++) rto.measured(1);
    expect(rto.ms).toBe(300);
    for (let i = 0; i < 300; i++) rto.measured(200);
    expect(rto.ms).toBeCloseTo(420, 3);
  });

  test('E2, C7: doubles up to RTO.Max, and a measurement ends that', () => {
    const rto = new RetransmissionTimeout(DEFAULT_TIMING);
    const seen = Array.from({ length: 7 }, () => {
      rto.backOff();
      return rto.ms;
    });
    expect(seen).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
    rto.measured(100);
    expect(rto.ms).toBe(320);
  });

  test('C5: "RTT measurements MUST NOT be made using chunks that were retransmitted", nor with any below them', () => {
    for (const [resent, expected] of [
      [5, 0],
      [4, 0],
      [6, 50],
    ] as const) {
      const rto = new RetransmissionTimeout(DEFAULT_TIMING);
      const outstanding = new OutstandingData(4);
      for (let i = 0; i < 4; i++) outstanding.add(message, 0, 100, 0);
      rto.sent(5, 1000);
      rto.disturbed(resent);
      outstanding.acknowledge(5, sackChunk(5), 16, 0);
      expect(rto.acknowledged(outstanding, 1050), `TSN ${resent} resent, 5 timed`).toBe(expected);
    }
  });

  test('C4: one measurement per round trip', () => {
    const rto = new RetransmissionTimeout(DEFAULT_TIMING);
    const outstanding = new OutstandingData(1);
    for (let i = 0; i < 4; i++) outstanding.add(message, 0, 100, 0);
    rto.sent(1, 0);
    rto.sent(2, 10);
    outstanding.acknowledge(2, sackChunk(2), 16, 0);
    expect(rto.acknowledged(outstanding, 40)).toBe(40);
    expect(rto.acknowledged(outstanding, 41)).toBe(0);
  });

  test('a clock that stands still measures more than nothing', () => {
    const rto = new RetransmissionTimeout(DEFAULT_TIMING);
    expect(rto.measured(0)).toBeGreaterThan(0);
    expect(rto.srttMs).toBeGreaterThan(0);
  });
});

describe('timing', () => {
  test('RFC 9260 §6.2: "MUST NOT allow the maximum delay … to be configured to be more than 500 ms"', () => {
    expect(resolveTiming({ sackDelayMs: 500 }).sackDelayMs).toBe(500);
    expect(() => resolveTiming({ sackDelayMs: 501 })).toThrow(RangeError);
  });

  test.each([
    { rtoMinMs: 0 },
    { rtoMinMs: 20_000 },
    { rtoInitialMs: 0 },
    { heartbeatIntervalMs: -1 },
    { rtoMaxMs: NaN },
  ])('refuses %o', (timing) => {
    expect(() => resolveTiming(timing)).toThrow(RangeError);
  });
});
