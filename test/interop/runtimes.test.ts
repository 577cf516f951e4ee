import { findRuntime, type RuntimeName } from './implementations.mjs';
import { processPeer } from './peer.ts';
import { interopSuite } from './suite.ts';

/** PureRTC here, and PureRTC on each of these in a process of its own. */
const RUNTIMES: readonly RuntimeName[] = ['node22', 'node24', 'node26', 'deno', 'bun'];

for (const name of RUNTIMES) {
  const runtime = findRuntime(name);
  if (runtime === null) console.warn(`${name} is not installed, its tests are skipped: npm run peers`);
  interopSuite({
    title: `PureRTC on ${name}`,
    start: () => processPeer(name, 'purertc', runtime!),
    skip: runtime === null ? 'not installed' : null,
  });
}

const [deno, bun] = [findRuntime('deno'), findRuntime('bun')];
interopSuite({
  title: 'Deno (in the place of Node) and Bun',
  subject: () => processPeer('deno', 'purertc', deno!),
  start: () => processPeer('bun', 'purertc', bun!),
  skip: deno === null || bun === null ? 'not installed' : null,
});
