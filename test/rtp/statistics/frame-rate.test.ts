/** How many frames came in the last second. */
import { expect, test } from 'vitest';
import { FrameRate } from '../../../src/rtp/statistics/frame-rate.ts';

test('frames of the last second are counted, and no others', () => {
  const rate = new FrameRate();
  expect(rate.perSecond(0)).toBeNull();
  for (let now = 0; now < 3000; now += 40) rate.note(now);
  expect(rate.perSecond(3000)).toBe(24); // 2040 … 2960
  expect(rate.perSecond(3500)).toBe(12);
  expect(rate.perSecond(10_000)).toBe(0);
});
