import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { MAX_MISSING, type NackEvent, NackGenerator } from '../../../src/rtp/repair/nack-generator.ts';

let events: NackEvent[];
let generator: NackGenerator;
const nacks = () => events.flatMap((event) => (event.kind === 'nack' ? [event.sequenceNumbers] : []));

beforeEach(() => {
  events = [];
  generator = new NackGenerator({}, { event: (event) => events.push(event) });
  generator.roundTripMs = 100;
});

describe('NackGenerator', () => {
  test('asks for what is missing, after a moment for reordering', () => {
    generator.receive(10, false, 0);
    generator.receive(13, false, 0);
    expect(generator.nextTimeout).toBe(5);
    generator.handleTimeout(4);
    expect(events).toEqual([]);
    generator.handleTimeout(5);
    expect(events).toEqual([{ kind: 'nack', sequenceNumbers: [11, 12] }]);
  });

  test('survives the wrap from 65535 to 0', () => {
    generator.receive(65533, false, 0);
    generator.receive(2, false, 0);
    generator.handleTimeout(5);
    expect(nacks()).toEqual([[65534, 65535, 0, 1]]);
    generator.receive(65535, true, 6);
    generator.receive(0, true, 6);
    generator.handleTimeout(130);
    expect(nacks()[1]).toEqual([65534, 1]);
  });

  test('asks again after a round trip and a quarter, ten times, then gives up', () => {
    generator.receive(1, false, 0);
    generator.receive(3, false, 0);
    const times: number[] = [];
    for (let turns = 0; generator.nextTimeout < Infinity && turns < 100; turns++) {
      times.push(generator.nextTimeout);
      generator.handleTimeout(generator.nextTimeout);
    }
    expect(times).toEqual([5, 130, 255, 380, 505, 630, 755, 880, 1005, 1130, 1255]);
    expect(events.at(-1)).toEqual({ kind: 'gaveUp', sequenceNumbers: [2] });
    expect(generator.stats).toEqual({ missing: 1, requested: 10, recovered: 0, gaveUp: 1 });
    expect(generator.missingCount).toBe(0);
  });

  test('gives up what is too old', () => {
    generator.roundTripMs = 1000;
    generator.receive(1, false, 0);
    generator.receive(3, false, 0);
    while (generator.nextTimeout < Infinity) generator.handleTimeout(generator.nextTimeout);
    expect(generator.stats).toMatchObject({ requested: 2, gaveUp: 1 });
  });

  test('asking twice at one time asks once', () => {
    generator.receive(1, false, 0);
    generator.receive(3, false, 0);
    generator.handleTimeout(5);
    generator.handleTimeout(5);
    expect(nacks().length).toBe(1);
    expect(generator.nextTimeout).toBeGreaterThan(5);
  });

  test('what comes late in order is not asked for, and teaches it to wait longer; repairs teach it to wait less', () => {
    for (let n = 0; n < 5; n++) {
      generator.receive(10 * n, false, 1000 * n);
      generator.receive(10 * n + 9, false, 1000 * n);
      for (let late = 1; late < 9; late++) generator.receive(10 * n + late, false, 1000 * n + 20);
    }
    events = [];
    generator.receive(100, false, 10_000);
    generator.receive(102, false, 10_000);
    expect(generator.nextTimeout).toBe(10_025);
    for (let n = 200; n < 600; n += 2) {
      generator.receive(n, false, 20_000);
      generator.receive(n - 1, true, 20_000);
    }
    generator.receive(700, false, 30_000);
    expect(generator.nextTimeout).toBeLessThan(30_007);
  });

  test('duplicates and packets from before the beginning change nothing', () => {
    generator.receive(10, false, 0);
    generator.receive(10, false, 0);
    generator.receive(8, false, 0);
    expect(generator.nextTimeout).toBe(Infinity);
    expect(generator.stats.missing).toBe(0);
  });

  test('what was decoded past is not asked for', () => {
    generator.receive(65534, false, 0);
    generator.receive(2, false, 0);
    generator.forgetBefore(0);
    generator.handleTimeout(5);
    expect(nacks()).toEqual([[0, 1]]);
    generator.forgetBefore(2);
    expect(generator.nextTimeout).toBe(Infinity);
  });

  test('limits the list of missing packets: above it a key frame is asked for instead', () => {
    generator.receive(0, false, 0);
    generator.receive(MAX_MISSING, false, 0); // 999 missing
    expect(generator.missingCount).toBe(MAX_MISSING - 1);
    generator.handleTimeout(5);
    expect(nacks().map(({ length }) => length)).toEqual([250, 250, 250, 249]);
    generator.receive(MAX_MISSING + 10, false, 6);
    expect(events.slice(-2).map(({ kind }) => kind)).toEqual(['gaveUp', 'keyFrameNeeded']);
    expect([generator.missingCount, generator.nextTimeout]).toEqual([0, Infinity]);
    generator.receive(MAX_MISSING + 12, false, 7);
    generator.handleTimeout(12);
    expect(nacks().at(-1)).toEqual([MAX_MISSING + 11]);
  });

  test('the events may call back in', () => {
    const again: NackGenerator = new NackGenerator({}, { event: () => again.receive(4, true, 6) });
    again.receive(3, false, 0);
    again.receive(5, false, 0);
    again.handleTimeout(5);
    expect(again.missingCount).toBe(0);
  });

  test('any arrivals: it never asks for what came, its list is what is missing, and nextTimeout moves on', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 65535 }),
        fc.array(fc.tuple(fc.integer({ min: -40, max: 60 }), fc.integer({ min: 0, max: 200 }), fc.boolean())),
        (first, steps) => {
          const came = new Set<number>();
          let now = 0;
          const machine = new NackGenerator(
            {},
            {
              event(event) {
                if (event.kind === 'nack') for (const n of event.sequenceNumbers) expect(came.has(n)).toBe(false);
              },
            },
          );
          let at = first;
          for (const [step, delay, isRepair] of steps) {
            at += step;
            came.add(at & 0xffff);
            machine.receive(at & 0xffff, isRepair, now);
            now += delay;
            machine.handleTimeout(now);
            expect(machine.nextTimeout).toBeGreaterThan(now);
            expect(machine.missingCount).toBeLessThanOrEqual(MAX_MISSING);
          }
        },
      ),
    );
  });
});
