/** A call on each runtime: test/webrtc/media-portable.ts, from source where the runtime reads it. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { findRuntime } from '../interop/implementations.mjs';

test.for(['node24', 'deno', 'bun'] as const)('%s', { timeout: 30_000 }, async (name, { skip }) => {
  const runtime = findRuntime(name);
  if (runtime === null) return skip('not installed: npm run peers');
  const script = fileURLToPath(new URL('media-portable.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(runtime.command, [...runtime.args, script], { timeout: 25_000 });
  expect(stdout.trim().split('\n').at(-1), stdout).toBe('ok');
});
