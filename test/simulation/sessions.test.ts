/**
 * Whole sessions over a bad network: every reliable byte arrives once and in order, and no seed hangs.
 *
 * `SIMULATION_SEED=123` runs one seed, `SIMULATION_SEEDS=5000` more of them. A failing seed is in the message.
 */
import { beforeAll, expect, test } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { DtlsCertificate } from '../../src/dtls/index.ts';
import { makeDtlsCertificate } from './certificates.ts';
import { runSeed } from './scenario.ts';

const ONE_SEED = process.env['SIMULATION_SEED'];
const SEEDS = Number(process.env['SIMULATION_SEEDS'] ?? 1000);
/** Seeds per test: a failure stops one batch, not all. */
const BATCH = 100;

let certificates: readonly [DtlsCertificate, DtlsCertificate];

beforeAll(async () => {
  certificates = [await makeDtlsCertificate(nodeCrypto), await makeDtlsCertificate(nodeCrypto)];
});

function runAll(seeds: readonly number[]): void {
  const failures: string[] = [];
  for (const seed of seeds) {
    try {
      runSeed(seed, certificates);
    } catch (error) {
      failures.push(`SIMULATION_SEED=${seed}: ${error instanceof Error ? error.message : error}`);
    }
  }
  expect(failures).toEqual([]);
}

if (ONE_SEED !== undefined) {
  test(`seed ${ONE_SEED}`, () => {
    console.log(runSeed(Number(ONE_SEED), certificates));
  });
} else {
  for (let first = 0; first < SEEDS; first += BATCH) {
    const seeds = Array.from({ length: Math.min(BATCH, SEEDS - first) }, (_, i) => first + i);
    test(`seeds ${first}–${first + seeds.length - 1}: every reliable byte once and in order, none hangs`, () => {
      runAll(seeds);
    }, 120_000);
  }
}
