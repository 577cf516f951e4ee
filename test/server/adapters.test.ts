/** The tracker on other runtimes, and on servers that other people made. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findRuntime, peersDirectory, type RuntimeName } from '../interop/implementations.mjs';
import { Client, meet } from './client.ts';

type Adapter = { readonly runtime: RuntimeName; readonly adapter: string; readonly package?: string };

const ADAPTERS: readonly Adapter[] = [
  { runtime: 'node', adapter: 'http' },
  { runtime: 'node22', adapter: 'http' },
  { runtime: 'node26', adapter: 'http' },
  { runtime: 'deno', adapter: 'http' },
  { runtime: 'bun', adapter: 'bun' },
  { runtime: 'node', adapter: 'express', package: 'express' },
  { runtime: 'node', adapter: 'fastify', package: 'fastify' },
  { runtime: 'node', adapter: 'hono', package: '@hono/node-server' },
  { runtime: 'node', adapter: 'crossws', package: 'crossws' },
];

describe.each(ADAPTERS)('$adapter on $runtime', ({ runtime: name, adapter, package: dependency }) => {
  const runtime = findRuntime(name);
  const isThere = dependency === undefined || existsSync(join(peersDirectory, 'node_modules', dependency));
  if (runtime === null || !isThere) {
    test.skip('is not installed: npm run peers', () => {});
    return;
  }

  let child: ChildProcess;
  let host: string;
  let errors = '';
  beforeAll(async () => {
    const file = fileURLToPath(new URL('tracker-process.mjs', import.meta.url));
    child = spawn(runtime.command, [...runtime.args, file, adapter], { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stderr!.on('data', (data) => {
      errors += data;
    });
    const lines = createInterface({ input: child.stdout! });
    host = await new Promise((resolve, reject) => {
      lines.once('line', (line) => resolve(`127.0.0.1:${line}`));
      child.once('exit', () => reject(new Error(`the tracker did not start: ${errors}`)));
    });
  }, 30_000);
  afterAll(() => {
    child.stdin!.end();
  });

  test('members meet', async () => {
    await Promise.all(
      [1, 2, 3].map(() => meet(`ws://${host}/announce`).catch((error: Error) => expect.fail(`${error} ${errors}`))),
    );
  });

  test('the page is still the server’s', async () => {
    expect(await (await fetch(`http://${host}/`)).text()).toBe('the page');
    if (adapter !== 'crossws') expect(await (await fetch(`http://${host}/healthz`)).json()).toEqual({ status: 'ok' });
  });

  test('a message over the limit ends its connection, and no other', async () => {
    const [big, other] = [new Client(`ws://${host}/announce`), new Client(`ws://${host}/announce`)];
    await Promise.all([big.opened, other.opened]);
    big.announce({ more: 'x'.repeat(3000) });
    expect([1006, 1009]).toContain((await big.closed).code); // Bun hangs up without a word
    other.announce();
    expect(await other.next()).toMatchObject({ kind: 'response' });
    other.socket.close();
  });

  test('who may not come in is refused, and told why', async () => {
    const client = new Client(`ws://${host}/announce`, { headers: { origin: 'https://bad.example' } });
    if (adapter === 'crossws')
      expect(await client.closed).toMatchObject({ code: 1008, reason: expect.stringContaining('origin') });
    else await expect(client.opened).rejects.toThrow('403');
    const good = new Client(`ws://${host}/announce`, { headers: { origin: 'https://good.example' } });
    await good.opened;
    good.socket.close();
  });

  test('pings of a visitor are answered', async () => {
    const client = new Client(`ws://${host}/announce`);
    await client.opened;
    const pong = new Promise((resolve) => client.socket.once('pong', resolve));
    client.socket.ping();
    await pong;
    client.socket.close();
  });
});
