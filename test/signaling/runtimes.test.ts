/** A room on each runtime: its own WebSocket where it has one, and a process that ends when everyone has left. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { findRuntime } from '../interop/implementations.mjs';

const example = fileURLToPath(new URL('../../examples/room.mjs', import.meta.url));

test.for(['node22', 'node24', 'node26', 'deno', 'bun'] as const)(
  'on %s',
  { timeout: 60_000 },
  async (name, { skip }) => {
    const runtime = findRuntime(name);
    if (runtime === null) return skip('not installed: npm run peers');
    const { stdout } = await promisify(execFile)(runtime.command, [...runtime.args, example], { timeout: 50_000 });
    expect(stdout).toMatch(/^(\w+ is connected to 2, and heard: hello from \w+, hello from \w+\n){3}$/);
  },
);
