import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Box, featuredLayout, gridLayout, pairLayout, pictureScale } from '../../../src/app/page/layout.ts';

const GAP = 12;
const side = fc.integer({ min: 200, max: 3000 });
const EPSILON = 1e-6;

function overlaps(a: Box, b: Box): boolean {
  return (
    a.x + a.width > b.x + EPSILON &&
    b.x + b.width > a.x + EPSILON &&
    a.y + a.height > b.y + EPSILON &&
    b.y + b.height > a.y + EPSILON
  );
}

function expectInside(boxes: readonly Box[], width: number, height: number): void {
  for (const { x, y, width: w, height: h } of boxes) {
    expect(Math.min(x, y)).toBeGreaterThanOrEqual(-EPSILON);
    expect(x + w).toBeLessThanOrEqual(width + EPSILON);
    expect(y + h).toBeLessThanOrEqual(height + EPSILON);
    expect(Math.min(w, h)).toBeGreaterThan(0);
  }
}

describe.each([
  ['the grid', gridLayout],
  ['the stage with a shared screen', featuredLayout],
])('%s', (_name, layout) => {
  test('keeps 1 to 12 tiles apart and inside, whatever the shape of the window', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), side, side, (count, width, height) => {
        const boxes = layout(count, width, height, GAP);
        expect(boxes).toHaveLength(count);
        expectInside(boxes, width, height);
        for (const [index, box] of boxes.entries()) {
          for (const other of boxes.slice(index + 1)) expect(overlaps(box, other)).toBe(false);
        }
      }),
    );
  });

  test('of nobody is empty', () => expect(layout(0, 800, 600, GAP)).toEqual([]));
});

describe('the grid', () => {
  const shape = (count: number, width: number, height: number): number[] => {
    const rows = new Map<number, number>();
    for (const { y } of gridLayout(count, width, height, GAP)) rows.set(y, (rows.get(y) ?? 0) + 1);
    return [...rows.values()];
  };

  test('has the rows that people expect on a wide stage', () => {
    const shapes = [1, 3, 4, 5, 6, 9, 12].map((count) => shape(count, 1200, 640));
    expect(shapes).toEqual([[1], [2, 1], [2, 2], [3, 2], [3, 3], [3, 3, 3], [4, 4, 4]]);
  });

  test('has them on a phone held upright', () => {
    expect([2, 3, 4, 6].map((count) => shape(count, 370, 660))).toEqual([
      [1, 1],
      [1, 1, 1],
      [2, 2],
      [2, 2, 2],
    ]);
  });

  test('tiles have the shape of a camera, equal sizes, and the last row is centred', () => {
    const boxes = gridLayout(5, 1200, 640, GAP);
    const sizes = new Set(boxes.map(({ width, height }) => `${width.toFixed(3)}x${height.toFixed(3)}`));
    expect(sizes.size).toBe(1);
    const aspect = boxes[0]!.width / boxes[0]!.height;
    expect(aspect).toBeGreaterThanOrEqual(4 / 3 - EPSILON);
    expect(aspect).toBeLessThanOrEqual(16 / 9 + EPSILON);
    const [fourth, fifth] = boxes.slice(3) as [Box, Box];
    expect(fourth.x).toBeCloseTo(1200 - (fifth.x + fifth.width));
  });
});

test('pictures get smaller with the crowd, and never larger again', () => {
  const scales = Array.from({ length: 12 }, (_, others) => pictureScale(others));
  expect(scales).toEqual(scales.toSorted((a, b) => a - b));
  expect([scales[1], scales[5], scales[11]]).toEqual([1, 2, 3]);
});

test('a call of two: one fills the stage, the other stays inside its corner', () => {
  fc.assert(
    fc.property(side, side, (width, height) => {
      const [large, small] = pairLayout(width, height, GAP);
      expect(large).toEqual({ x: 0, y: 0, width, height });
      expect(small.width).toBeLessThan(width);
    }),
  );
  expectInside(pairLayout(390, 640, GAP), 390, 640);
  expectInside(pairLayout(900, 640, GAP), 900, 640);
});
