/**
 * The contract suite without a test framework, for the runtimes that vitest does not run on:
 * `deno run -A test/runtime/portable.ts`, `bun test/runtime/portable.ts`, `node test/runtime/portable.ts` (22.18+).
 * Its last line is `N passed, N failed`.
 */
import { exit } from 'node:process';
import { defaultRuntime } from '../../src/runtime/default.ts';
import { type ContractOptions, runContract } from './contract.ts';
import { realHarness } from './harness.ts';
import { runTcpContract } from './tcp-contract.ts';

const runtime = defaultRuntime();
const tests: { name: string; run: () => Promise<void> }[] = [];
const options: ContractOptions = { make: () => realHarness(runtime), test: (name, run) => tests.push({ name, run }) };
runContract(options);
runTcpContract(options);

let failed = 0;
for (const { name, run } of tests) {
  try {
    await run();
    console.log(`ok   ${runtime.name}: ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${runtime.name}: ${name}`);
    console.log(error);
  }
}
console.log(`${tests.length - failed} passed, ${failed} failed`);
exit(failed > 0 ? 1 : 0);
