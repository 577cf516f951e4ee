/**
 * Whole sessions with media over a bad network: what is delivered was sent, once and in order; what is lost is repaired.
 *
 * `SIMULATION_SEED=123` runs one seed, `MEDIA_SEEDS=5000` more of them. A failing seed is in the message.
 */
import { beforeAll, expect, test } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { DtlsCertificate } from '../../src/dtls/index.ts';
import { makeDtlsCertificate } from './certificates.ts';
import { isOrdinary, type MediaOutcome, type MediaPlan, runMediaSeed } from './media-scenario.ts';

const ONE_SEED = process.env['SIMULATION_SEED'];
const SEEDS = Number(process.env['MEDIA_SEEDS'] ?? 150);
/** Seeds per test: a failure stops one batch, not all. */
const BATCH = 25;

let certificates: readonly [DtlsCertificate, DtlsCertificate];

beforeAll(async () => {
  certificates = [await makeDtlsCertificate(nodeCrypto), await makeDtlsCertificate(nodeCrypto)];
});

function runAll(seeds: readonly number[], forced: Partial<MediaPlan> = {}): MediaOutcome[] {
  const failures: string[] = [];
  const outcomes: MediaOutcome[] = [];
  for (const seed of seeds) {
    try {
      outcomes.push(runMediaSeed(seed, certificates, forced));
    } catch (error) {
      failures.push(`SIMULATION_SEED=${seed}: ${error instanceof Error ? error.message : error}`);
    }
  }
  expect(failures).toEqual([]);
  return outcomes;
}

if (ONE_SEED !== undefined) {
  test(`seed ${ONE_SEED}`, () => {
    console.log(runMediaSeed(Number(ONE_SEED), certificates));
  });
} else {
  const outcomes: MediaOutcome[] = [];
  for (let first = 0; first < SEEDS; first += BATCH) {
    const seeds = Array.from({ length: Math.min(BATCH, SEEDS - first) }, (_, i) => first + i);
    test(`seeds ${first}–${first + seeds.length - 1}: every frame as it was sent, once and in order; it goes on after outages`, () => {
      outcomes.push(...runAll(seeds));
    }, 120_000);
  }

  test('with up to 5 % lost, and RTX, under 0.1 % of the pictures are broken', () => {
    const calm = outcomes.filter(({ plan }) => isOrdinary(plan));
    const frames = calm.reduce((sum, { video }) => sum + video.frames, 0);
    const broken = calm.reduce((sum, { video }) => sum + video.broken, 0);
    console.log(
      `simulated media: ${outcomes.length} calls; ${calm.length} with up to 5 % lost: ${broken} of ${frames} frames broken`,
    );
    expect(frames).toBeGreaterThan(SEEDS * 10);
    expect(broken / frames).toBeLessThan(0.001);
  });

  const RELAY = {
    faults: {
      lossRate: 0.05,
      burstLoss: undefined,
      reorderRate: 0.05,
      duplicateRate: 0.01,
      delayMs: 15,
      jitterMs: 5,
      nats: ['none', 'none'],
    },
    feedback: 'transport-cc',
    outageMs: 0,
    changesDelayTo: null,
  } as const;

  test('through a relay that loses 5 % and reorders: NACK with RTX, or without, leaves under 0.1 % of pictures broken', () => {
    for (const videoRepair of ['rtx', 'nack'] as const) {
      const calls = runAll([1, 2, 3, 4, 5, 6], { ...RELAY, videoRepair, audioRepair: 'none' });
      expect(share(calls, 'video')).toBeLessThan(0.001);
      expect(share(calls, 'audio')).toBeGreaterThan(0.03); // what the relay does to who repairs nothing
    }
  }, 120_000);

  test('the same with RED for sound; FEC alone, of either kind, halves what is broken of pictures', () => {
    const without = runAll([1, 2, 3, 4, 5, 6], { ...RELAY, videoRepair: 'none', audioRepair: 'none' });
    for (const videoRepair of ['fec', 'flexfec'] as const) {
      const calls = runAll([1, 2, 3, 4, 5, 6], { ...RELAY, videoRepair, audioRepair: 'red' });
      expect(share(calls, 'audio')).toBeLessThan(0.001);
      expect(share(calls, 'video')).toBeLessThan(0.5 * share(without, 'video'));
    }
  }, 120_000);
}

function share(outcomes: readonly MediaOutcome[], kind: 'audio' | 'video'): number {
  const total = (of: 'frames' | 'broken'): number => outcomes.reduce((sum, outcome) => sum + outcome[kind][of], 0);
  return total('broken') / total('frames');
}
