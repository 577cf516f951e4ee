import { describe, expect, test } from 'vitest';
import { TimestampLine } from '../../../src/rtp/forward/timestamp-line.ts';

const RATE = 90_000;
const MS = RATE / 1000;

describe('TimestampLine', () => {
  test('the first encoding keeps its timestamps', () => {
    const line = new TimestampLine(RATE);
    line.follow(null, null, 0x1_ffff_ffff, 0);
    expect(line.map(0x1_ffff_ffff, 0)).toBe(0xffff_ffff);
    expect(line.map(0x2_0000_0bb7, 33)).toBe(0xbb7);
  });

  test('RFC 3550 §6.4.1: sender reports tell where a picture of another encoding lies, however late it comes', () => {
    const line = new TimestampLine(RATE);
    const from = { ntpSeconds: 1000, rtpTimestamp: 0xffff_fff0 };
    const to = { ntpSeconds: 1002, rtpTimestamp: 500 };
    line.follow(null, from, 0x2_0000_0000, 0);
    line.map(0x2_0000_0000 + 100 * MS, 100);
    // 16 ticks and 133 ms behind the first report.
    const timestamp = 500 - 2000 * MS + 16 + 133 * MS;
    line.follow(from, to, timestamp, 190);
    expect(line.map(timestamp, 190)).toBe(133 * MS);
  });

  test('without them, the time of arrival does', () => {
    const line = new TimestampLine(RATE);
    line.follow(null, null, 1000, 0);
    line.map(1000, 0);
    line.follow(null, null, 77_000, 50);
    expect(line.map(77_000, 50)).toBe(1000 + 50 * MS);
  });

  test('reports that cannot be true are not believed', () => {
    const line = new TimestampLine(RATE);
    const from = { ntpSeconds: 1000, rtpTimestamp: 0 };
    line.follow(null, from, 1000, 0);
    line.map(1000, 0);
    line.follow(from, { ntpSeconds: 5000, rtpTimestamp: 0 }, 77_000, 50);
    expect(line.map(77_000, 50)).toBe(1000 + 50 * MS);
  });

  test('an encoding that lags is pushed behind what went out, and the next switch takes the push back', () => {
    const line = new TimestampLine(RATE);
    const clock = { ntpSeconds: 1000, rtpTimestamp: 0 };
    line.follow(null, clock, 0, 0);
    line.map(100 * MS, 100);
    line.follow(clock, clock, 67 * MS, 110);
    expect(line.map(67 * MS, 110)).toBe(100 * MS + 1);
    expect(line.map(100 * MS, 140)).toBe(133 * MS + 1);
    line.follow(clock, clock, 200 * MS, 200);
    expect(line.map(200 * MS, 200)).toBe(200 * MS);
  });
});
