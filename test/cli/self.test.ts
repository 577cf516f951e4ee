import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ENTRY: string = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

test('purertc self connects two processes, measures, and ends by itself', async () => {
  expect(existsSync(ENTRY), 'run `npm run build` first').toBe(true);
  const { stdout } = await promisify(execFile)(process.execPath, [ENTRY, 'self'], { timeout: 18_000 });
  expect(stdout).toMatch(/^two processes, \d+ and \d+, open after [\d.]+ ms$/m);
  for (const phase of ['gathering', 'checks', 'DTLS', 'SCTP', 'channel']) {
    expect(stdout).toMatch(new RegExp(`^ {2}${phase} .*█.* [\\d.]+ – +[\\d.]+ ms$`, 'm'));
  }
  expect(stdout).toMatch(/^ {2}round trip, idle +[\d.]+ ms \(median of \d+\)$/m);
  expect(stdout).toMatch(/^ {2}there +[\d.]+ MB\/s, [\d.]+ MB sent$/m);
  expect(stdout).toMatch(/^ {2}back +[\d.]+ MB\/s, [\d.]+ MB received$/m);
}, 20_000);
