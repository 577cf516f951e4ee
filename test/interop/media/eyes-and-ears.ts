/** What the page sees and hears of us, waited for. */
import { expect } from 'vitest';
import type { MediaPage, Rgb } from './media-browser.ts';

const PATIENCE = { timeout: 10_000, interval: 50 };
/** Codecs are lossy, and browsers differ about the matrix that stands for RGB: a red of 255 may have a green of 30. */
const COLOR_TOLERANCE = 56;
/** Of the spectrum, in Hz: two bins. */
const TONE_TOLERANCE = 12;
/** dB of full scale: a tone, and not what is left of one. */
const LOUD = -50;

/** At the left and at the right, half way up. */
export async function expectColors(page: MediaPage, mid: string, [left, right]: readonly [Rgb, Rgb]): Promise<void> {
  const points = [
    [0.25, 0.5],
    [0.75, 0.5],
  ] as const;
  await expect.poll(async () => describe(await page.pixels({ mid, points }), [left, right]), PATIENCE).toBe('as sent');
}

function describe(seen: readonly Rgb[] | null, sent: readonly Rgb[]): string {
  if (seen === null) return 'no picture';
  const isNear = seen.every((rgb, i) => rgb.every((value, j) => Math.abs(value - sent[i]![j]!) <= COLOR_TOLERANCE));
  return isNear ? 'as sent' : seen.join(' | ');
}

export async function expectTone(page: MediaPage, mid: string, frequency: number): Promise<void> {
  await expectTones(page, mid, [frequency]);
}

/** These are the strongest. */
export async function expectTones(page: MediaPage, mid: string, frequencies: readonly number[]): Promise<void> {
  const hear = async (): Promise<string> => {
    const peaks = await page.spectrum({ mid, count: frequencies.length });
    const heard = peaks.filter(({ level }) => level > LOUD).map((peak) => peak.frequency);
    const isHeard = frequencies.every((wanted) => heard.some((one) => Math.abs(one - wanted) <= TONE_TOLERANCE));
    return isHeard ? 'as sent' : JSON.stringify(peaks);
  };
  await expect.poll(hear, PATIENCE).toBe('as sent');
}
