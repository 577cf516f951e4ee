import { describe, expect, test } from 'vitest';
import type { AcknowledgementSample } from '../../../src/sctp/tx/congestion-control.ts';
import { RenoCongestionControl } from '../../../src/sctp/tx/reno-congestion-control.ts';

const PMDCS = 1000;

function sample(
  acknowledgedBytes: number,
  flightSizeBefore: number,
  change: Partial<AcknowledgementSample> = {},
): AcknowledgementSample {
  return {
    now: 0,
    acknowledgedBytes,
    flightSizeBefore,
    flightSize: flightSizeBefore - acknowledgedBytes,
    cumulativeAdvanced: true,
    inRecovery: false,
    rttMs: 0,
    ...change,
  };
}

function create(): RenoCongestionControl {
  return new RenoCongestionControl({ maxDataBytesPerPacket: PMDCS });
}

/** In congestion avoidance with a cwnd of 5 packets. */
function avoiding(): RenoCongestionControl {
  const control = create();
  control.onLoss();
  expect([control.cwnd, control.ssthresh]).toEqual([5_000, 5_000]);
  control.onAcknowledgement(sample(1000, 5_000)); // cwnd <= ssthresh is slow start still
  return control;
}

describe('slow start', () => {
  test('RFC 6928: begins with ten packets', () => {
    expect(create().cwnd).toBe(10 * PMDCS);
  });

  test('RFC 9260 §7.2.1: cwnd grows by what was acknowledged, by at most L packets with each SACK', () => {
    const control = create();
    control.onAcknowledgement(sample(500, 10_000));
    expect(control.cwnd).toBe(10_500);
    control.onAcknowledgement(sample(9_000, 10_500));
    expect(control.cwnd).toBe(18_500);
  });

  test('RFC 9260 §7.2.1: "only if the current congestion window is being fully utilized"', () => {
    const control = create();
    control.onAcknowledgement(sample(5_000, 9_999));
    expect(control.cwnd).toBe(10_000);
  });

  test('RFC 9260 §7.2.1: not in Fast Recovery', () => {
    const control = create();
    control.onAcknowledgement(sample(5_000, 10_000, { inRecovery: true }));
    expect(control.cwnd).toBe(10_000);
  });
});

describe('congestion avoidance', () => {
  test('RFC 9260 §7.2.2: one PMDCS for each cwnd of bytes acknowledged', () => {
    const control = avoiding();
    const before = control.cwnd;
    for (let acknowledged = 0; acknowledged + 1000 < before; acknowledged += 1000) {
      control.onAcknowledgement(sample(1000, before));
      expect(control.cwnd).toBe(before);
    }
    control.onAcknowledgement(sample(1000, before));
    expect(control.cwnd).toBe(before + PMDCS);
  });

  test('RFC 9260 §7.2.2: partial_bytes_acked does not save up while the window is not full', () => {
    const control = avoiding();
    const before = control.cwnd;
    for (let i = 0; i < 100; i++) control.onAcknowledgement(sample(1000, 3_000));
    expect(control.cwnd).toBe(before);
    control.onAcknowledgement(sample(1000, before));
    expect(control.cwnd, 'one step for all of it').toBe(before + PMDCS);
    control.onAcknowledgement(sample(1000, before + PMDCS));
    expect(control.cwnd).toBe(before + PMDCS);
  });

  test('RFC 9260 §7.2.2: "When all of the data … has been acknowledged …, partial_bytes_acked is initialized to 0"', () => {
    const control = avoiding();
    const before = control.cwnd;
    control.onAcknowledgement(sample(before - 1000, before, { flightSize: 0 }));
    control.onAcknowledgement(sample(1000, before));
    expect(control.cwnd).toBe(before);
  });
});

describe('loss', () => {
  test('RFC 9260 §7.2.3: a loss halves cwnd, but not below four packets', () => {
    const control = create();
    control.onLoss();
    expect([control.cwnd, control.ssthresh]).toEqual([5_000, 5_000]);
    control.onLoss();
    expect([control.cwnd, control.ssthresh]).toEqual([4_000, 4_000]);
  });

  test('RFC 9260 §7.2.3: T3-rtx sets cwnd to one packet', () => {
    const control = create();
    control.onRetransmissionTimeout();
    expect([control.cwnd, control.ssthresh]).toEqual([1_000, 5_000]);
  });

  test('RFC 9260 §7.2.1: idling halves cwnd once per RTO, and ssthresh remembers it', () => {
    const control = create();
    for (let i = 0; i < 100; i++) control.onAcknowledgement(sample(2_000, control.cwnd));
    expect(control.cwnd).toBe(210_000);
    control.onIdle(299, 300);
    expect(control.cwnd).toBe(210_000);
    control.onIdle(650, 300);
    expect([control.cwnd, control.ssthresh]).toEqual([52_500, 210_000]);
    control.onIdle(1e9, 300);
    expect(control.cwnd).toBe(10_000);
  });
});
