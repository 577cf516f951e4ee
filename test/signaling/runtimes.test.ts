/** Rooms on each runtime: its own WebSocket where it has one, and processes that end when everyone has left. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { findRuntime } from '../interop/implementations.mjs';

const example = fileURLToPath(new URL('../../examples/room.mjs', import.meta.url));
const reconnect = fileURLToPath(new URL('reconnect.mjs', import.meta.url));

describe.each(['node', 'node22', 'node24', 'node26', 'deno', 'bun'] as const)('on %s', (name) => {
  const runtime = findRuntime(name);
  if (runtime === null) return test.skip('not installed: npm run peers');
  const run = async (script: string): Promise<string> =>
    (await promisify(execFile)(runtime.command, [...runtime.args, script], { timeout: 50_000 })).stdout;

  // On Node itself test/examples runs it.
  test.skipIf(name === 'node')('three meet, talk and leave', { timeout: 60_000 }, async () => {
    const line = String.raw`\w+ is connected to 2, and heard: hello from \w+, hello from \w+\n`;
    expect(await run(example)).toMatch(new RegExp(`^(${line}){3}$`));
  });

  test('a tracker that refuses the connection is tried again until it does not', { timeout: 60_000 }, async () => {
    expect(await run(reconnect)).toBe('connecting waiting open response\n');
  });
});
