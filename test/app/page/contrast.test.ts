/** The page's colours: WCAG 2.2 §1.4.3 wants 4.5 between a text and what it stands on, §1.4.11 wants 3 for controls. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const css = readFileSync(new URL('../../../src/app/page/style.css', import.meta.url), 'utf8');
const [light, dark] = [...css.matchAll(/:root \{([^}]*)\}/g)].map(([, block]) =>
  Object.fromEntries([...block!.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map(([, name, value]) => [name!, value!])),
);

/** Relative luminance (WCAG 2.2, "relative luminance"). */
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dim, bright] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (bright + 0.05) / (dim + 0.05);
}

const TEXTS = [
  ['ink', 'ground'],
  ['ink', 'surface'],
  ['ink', 'raised'],
  ['ink', 'tint'],
  ['quiet', 'ground'],
  ['quiet', 'surface'],
  ['quiet', 'raised'],
  ['quiet', 'hover'],
  ['quiet', 'tile'],
  ['accent-ink', 'accent'],
  ['accent', 'surface'],
  ['good', 'raised'],
  ['bad', 'surface'],
] as const;

describe.each([
  ['light', light],
  ['dark', dark],
])('in the %s', (_name, colours) => {
  test.each(TEXTS)('%s can be read on %s', (text, ground) => {
    expect(contrast(colours![text]!, colours![ground]!)).toBeGreaterThanOrEqual(4.5);
  });

  test.each([
    ['accent', 'tint'],
    ['accent', 'ground'],
    ['bad', 'tile'],
  ] as const)('%s can be made out on %s', (mark, ground) => {
    expect(contrast(colours![mark]!, colours![ground]!)).toBeGreaterThanOrEqual(3);
  });
});

test('avatars: white letters on each hue', () => {
  const hues = [...css.matchAll(/--hue: (#[0-9a-f]{6});/g)].map(([, hue]) => hue!);
  expect(hues).toHaveLength(8);
  for (const hue of hues) expect(contrast('#ffffff', hue)).toBeGreaterThanOrEqual(4.5);
});
