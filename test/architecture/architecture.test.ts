import { describe, expect, test } from 'vitest';
import { checkArchitecture } from '../../scripts/architecture.mjs';

/** What the rules say of a few files, as `file:line message`. */
function check(sources: Record<string, string>): string[] {
  return checkArchitecture(new Map(Object.entries(sources))).map(
    ({ file, line, message }) => `${file}:${line} ${message}`,
  );
}

describe('imports point one way', () => {
  test.each([
    ['src/ice/agent.ts', '../session/session.ts', 'ice imports session, which is above it'],
    ['src/session/session.ts', '../webrtc/peer-connection.ts', 'session imports webrtc, which is above it'],
    ['src/crypto/noble.ts', '../dtls/index.ts', 'crypto imports dtls, which is above it'],
    ['src/binary/reader.ts', '../crypto/provider.ts', 'binary imports crypto, which is above it'],
    ['src/webrtc/stats.ts', '../index.ts', 'webrtc imports (root), which is above it'],
    ['src/session/session.ts', '../runtime/runtime.ts', 'session imports runtime: only the edges may'],
    ['src/signaling/room.ts', '../runtime/default.ts', 'signaling imports runtime: only the edges may'],
    ['src/ice/agent.ts', '../gossip/index.ts', 'of a layer with no place'],
  ])('%s may not import %s', (file, specifier, message) => {
    for (const statement of [
      `import { x } from '${specifier}';`,
      `import type { X } from '${specifier}';`,
      `export { x } from '${specifier}';`,
      `export * from '${specifier}';`,
      `export const x = () => import('${specifier}');`,
    ]) {
      expect(check({ [file]: `\n${statement}` })).toEqual([expect.stringContaining(`${file}:2 `)]);
      expect(check({ [file]: statement })[0]).toContain(message);
    }
  });

  test.each([
    ['src/session/session.ts', '../ice/index.ts'],
    ['src/ice/agent.ts', '../stun/index.ts'],
    ['src/ice/agent.ts', '../machine.ts'],
    ['src/webrtc/peer-transport.ts', '../runtime/runtime.ts'],
    ['src/index.ts', './webrtc/peer-connection.ts'],
    ['src/runtime/dgram.ts', '../ice/address.ts'],
    ['src/ice/agent.ts', 'some-package'],
  ])('%s may import %s', (file, specifier) => {
    expect(check({ [file]: `import { x } from '${specifier}';` })).toEqual([]);
  });
});

describe("Node's modules", () => {
  test.each(['src/crypto/noble.ts', 'src/dtls/record.ts', 'src/webrtc/peer-transport.ts', 'src/index.ts'])(
    'are not imported by %s, but for their types',
    (file) => {
      expect(check({ [file]: "import { hash } from 'node:crypto';" })).toEqual([
        expect.stringContaining(`${file}:1 imports node:crypto`),
      ]);
      expect(check({ [file]: "export const load = () => import('node:fs');" })).toHaveLength(1);
      expect(check({ [file]: "import type { Hash } from 'node:crypto';" })).toEqual([]);
    },
  );

  test.each(['src/runtime/node.ts', 'src/crypto/node.ts', 'src/server/app.ts', 'src/cli/main.ts'])(
    'may be imported by %s',
    (file) => {
      expect(check({ [file]: "import * as node from 'node:crypto';" })).toEqual([]);
    },
  );
});

describe('the core asks nothing of the world', () => {
  test.each([
    ['const now = Date.now();', 'Date.now'],
    ["const now = Date['now']();", 'Date.now'],
    ['const now = performance.now();', 'performance'],
    ['const clock = { performance };', 'performance'],
    ['const now = new Date();', 'Date()'],
    ['const now = Date();', 'Date()'],
    ['const x = Math.random();', 'Math.random'],
    ['const { random } = globalThis.crypto;', 'globalThis.crypto'],
    ['crypto.getRandomValues(bytes);', 'crypto.getRandomValues'],
    ['setTimeout(() => {}, 10);', 'setTimeout'],
    ['globalThis.setTimeout(() => {}, 10);', 'globalThis.setTimeout'],
    ['const later = setInterval;', 'setInterval'],
    ['setImmediate(f);', 'setImmediate'],
    ['queueMicrotask(f);', 'queueMicrotask'],
    ['const env = process.env;', 'process'],
    ['const x = async () => 1;', 'an async function'],
    ['async function f() {}', 'an async function'],
    ['await ready;', 'await'],
    ['for await (const x of y);', 'for await'],
  ])('%s is caught', (snippet, name) => {
    for (const layer of [
      'stun',
      'ice',
      'turn',
      'dtls',
      'srtp',
      'sctp',
      'datachannel',
      'rtp',
      'sdp',
      'session',
      'binary',
    ]) {
      expect(check({ [`src/${layer}/x.ts`]: snippet })).toContain(`src/${layer}/x.ts:1 ${name} in the core`);
    }
  });

  test.each([
    'const later = new Date(ms).toISOString();',
    '/** Never setTimeout(), never Date.now(). */ const text = "await setTimeout";',
    'class Timer { setTimeout(now: number) { this.performance = now; } performance = 0 }',
    'const options = { process: 1, setTimeout() {} };',
    'type Handle = ReturnType<typeof setTimeout>;',
    'crypto.hmac("sha1", key); crypto.random.fill(bytes);',
    'Math.max(1, 2);',
  ])('%s is not', (snippet) => {
    expect(check({ 'src/ice/x.ts': snippet })).toEqual([]);
  });

  test('the edges may', () => {
    const source = 'setTimeout(() => Date.now(), Math.random()); await performance.now();';
    for (const file of ['src/webrtc/x.ts', 'src/runtime/x.ts', 'src/crypto/x.ts'])
      expect(check({ [file]: source })).toEqual([]);
  });
});

describe('cycles', () => {
  const importing = (...specifiers: string[]): string => specifiers.map((s) => `import { x } from '${s}';`).join('\n');

  test('a cycle is found once, however long', () => {
    expect(
      check({
        'src/ice/a.ts': importing('./b.ts'),
        'src/ice/b.ts': importing('../stun/c.ts', './d.ts'),
        'src/stun/c.ts': importing('../ice/a.ts'),
        'src/ice/d.ts': importing('./e.ts'),
        'src/ice/e.ts': '',
      }),
    ).toEqual(['src/ice/a.ts:1 cycle: src/ice/a.ts → src/ice/b.ts → src/stun/c.ts → src/ice/a.ts']);
  });

  test('imported types make none, unless their import stays behind', () => {
    const checkBack = (statement: string): string[] =>
      check({ 'src/ice/a.ts': importing('./b.ts'), 'src/ice/b.ts': statement });
    expect(checkBack("import type { X } from './a.ts';")).toEqual([]);
    expect(checkBack("export type { X } from './a.ts';")).toEqual([]);
    expect(checkBack("import { type X } from './a.ts';")).toHaveLength(1);
  });
});

test('a file that does not parse is told', () => {
  expect(check({ 'src/ice/a.ts': 'const = 1;' }).length).toBeGreaterThan(0);
});
