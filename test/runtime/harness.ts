/** How tests wait, on a real runtime and in the memory network. */
import { MemoryNetwork } from '../../src/runtime/memory.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import type { ContractHarness } from './contract.ts';

/** Generous: a busy machine is no failure. */
const LIMIT_MS = 5_000;

/** Looks again each turn of the real event loop. */
export function realHarness(runtime: Runtime): ContractHarness {
  return {
    runtime,
    async until(predicate, what) {
      const limit = performance.now() + LIMIT_MS;
      while (!predicate()) {
        if (performance.now() > limit) throw new Error(`waited ${LIMIT_MS} ms for ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
  };
}

/** A host of its own in a network of its own. */
export function memoryHarness(): ContractHarness {
  const network = new MemoryNetwork({ seed: 1 });
  const host = network.addHost({ addresses: ['10.0.0.1', 'fd00::1'] });
  return {
    runtime: host,
    async until(predicate, what) {
      if (!(await network.runUntilAsync(predicate, LIMIT_MS))) throw new Error(`waited ${LIMIT_MS} ms for ${what}`);
    },
  };
}
