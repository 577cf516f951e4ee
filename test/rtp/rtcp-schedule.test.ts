import { describe, expect, test } from 'vitest';
import { RtcpSchedule, type RtcpScheduleOptions } from '../../src/rtp/rtcp-schedule.ts';
import { SeededRandom } from './support/random.ts';

type Sent = { at: number; kind: 'regular' | 'feedback' };

function setup(options: Partial<RtcpScheduleOptions> = {}, size = 100) {
  const sent: Sent[] = [];
  const note = (kind: Sent['kind']) => (now: number) => {
    sent.push({ at: now, kind });
    schedule.noteSent(size);
  };
  const schedule: RtcpSchedule = new RtcpSchedule(
    { random: new SeededRandom(1), ...options },
    { sendRegular: note('regular'), sendFeedback: note('feedback') },
    0,
  );
  let now = 0;
  const runUntil = (until: number) => {
    for (let turns = 0; schedule.nextTimeout <= until; turns++) {
      now = Math.max(now, schedule.nextTimeout);
      schedule.handleTimeout(now);
      if (turns > 1e6) throw new Error('a timer stays in the past');
    }
    now = until;
  };
  return { schedule, sent, runUntil };
}

const intervals = (sent: readonly Sent[]) => sent.slice(1).map(({ at }, i) => at - sent[i]!.at);

describe('RtcpSchedule', () => {
  test('RFC 4585 §3.4 m: regular reports keep half to one and a half of their interval, and are random', () => {
    const { sent, runUntil } = setup({ sessionBandwidth: 1_000_000, regularIntervalMs: 1000 });
    runUntil(200_000);
    const gaps = intervals(sent);
    expect(sent.every(({ kind }) => kind === 'regular')).toBe(true);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...gaps)).toBeLessThan(1600);
    expect(gaps.reduce((a, b) => a + b) / gaps.length).toBeCloseTo(1000, -2);
    expect(new Set(gaps).size).toBe(gaps.length);
  });

  test('the first report does not wait for the regular interval', () => {
    const { sent, runUntil } = setup({ sessionBandwidth: 1_000_000 });
    runUntil(200);
    expect(sent.length).toBe(1);
  });

  test('RFC 3550 §6.2: without much bandwidth, RTCP takes its 5 % and no more', () => {
    const { schedule, sent, runUntil } = setup({ sessionBandwidth: 64_000, regularIntervalMs: 0 });
    for (let t = 0; t < 600_000; t += 10) {
      schedule.noteReceived(100); // the other member sends as much
      schedule.requestFeedback(t);
      runUntil(t + 10);
    }
    const bytes = sent.length * (100 + 42);
    const share = (2 * bytes * 8) / 600 / 64_000;
    expect(share).toBeLessThan(0.065);
    expect(share).toBeGreaterThan(0.03);
  });

  test('RFC 4585 §3.5.2: feedback goes at once; the next one waits for the regular time', () => {
    const { schedule, sent, runUntil } = setup({ sessionBandwidth: 64_000, regularIntervalMs: 60_000 });
    runUntil(2000);
    sent.length = 0;
    expect(schedule.requestFeedback(2000)).toBe(true);
    expect(schedule.nextTimeout).toBe(2000);
    expect(schedule.requestFeedback(2000)).toBe(true); // goes along
    runUntil(2000);
    expect(sent).toEqual([{ at: 2000, kind: 'feedback' }]);
    expect(schedule.requestFeedback(2001, 50)).toBe(false); // it would come too late
    expect(schedule.requestFeedback(2001)).toBe(true);
    expect(schedule.nextTimeout).toBeGreaterThan(2100);
    runUntil(4000);
    expect(sent.map(({ kind }) => kind)).toEqual(['feedback', 'feedback']);
    expect(sent[1]!.at).toBeLessThan(4000);
    expect(schedule.requestFeedback(4000)).toBe(true);
    expect(schedule.nextTimeout).toBe(4000);
  });

  test('with the bandwidth of video, feedback hardly ever waits', () => {
    const { schedule, sent, runUntil } = setup({ sessionBandwidth: 2_500_000, regularIntervalMs: 1000 });
    for (let t = 1000; t < 61_000; t += 50) {
      expect(schedule.requestFeedback(t, 50)).toBe(true);
      runUntil(t + 50);
    }
    const feedback = sent.filter(({ kind }) => kind === 'feedback');
    expect(feedback.length).toBeGreaterThan(1100);
    expect(feedback.filter(({ at }) => at % 50 === 0).length).toBeGreaterThan(1000);
  });

  test('a regular report takes waiting feedback along', () => {
    const { schedule, sent, runUntil } = setup({ sessionBandwidth: 64_000, regularIntervalMs: 1 });
    runUntil(1000);
    schedule.requestFeedback(1000);
    runUntil(1000);
    sent.length = 0;
    schedule.requestFeedback(1001);
    runUntil(5000);
    expect(sent[0]!.kind).toBe('regular');
    expect(sent.every(({ kind }) => kind === 'regular')).toBe(true);
  });

  test('RFC 3550 §6.3.1: larger packets make longer intervals; nobody sending, too', () => {
    const count = (size: number, hasSenders: boolean) => {
      const { schedule, sent, runUntil } = setup({ sessionBandwidth: 64_000, regularIntervalMs: 0 }, size);
      schedule.hasSenders = hasSenders;
      runUntil(100_000);
      return sent.length;
    };
    expect(count(1000, true)).toBeLessThan(count(100, true) / 4);
    expect(count(100, false)).toBeLessThan(0.85 * count(100, true));
  });

  test('RFC 3550 §6.3.5: who was silent for five intervals is gone', () => {
    const { schedule } = setup({ regularIntervalMs: 1000 });
    expect(schedule.silenceLimitMs).toBe(5000);
    schedule.sessionBandwidth = 10;
    expect(schedule.silenceLimitMs).toBe(5000); // 64 kbit/s at least
  });

  test('asking twice at one time sends once', () => {
    const { schedule, sent } = setup();
    schedule.requestFeedback(5);
    schedule.handleTimeout(5);
    schedule.handleTimeout(5);
    expect(sent.length).toBe(1);
    expect(schedule.nextTimeout).toBeGreaterThan(5);
  });
});
