/** What a page has to load for a room. */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { describe, expect, it } from 'vitest';

const door = fileURLToPath(new URL('../../src/signaling/browser.ts', import.meta.url));

async function bundle(...names: readonly string[]): Promise<string> {
  const code = `import { ${names} } from ${JSON.stringify(door)}; globalThis.found = [${names}];`;
  const entry = {
    name: 'entry',
    resolveId: (id: string) => (id === 'entry' ? id : null),
    load: (id: string) => (id === 'entry' ? code : null),
  };
  const built = await rolldown({ input: 'entry', platform: 'browser', plugins: [entry] });
  const { output } = await built.generate({ minify: true });
  expect(output).toHaveLength(1);
  return output[0].code;
}

const kilobytes = (code: string): number => gzipSync(code).length / 1000;

describe('rooms in a page', () => {
  it('bring nothing of Node, no WebRTC stack, and elliptic curves only for identities', async () => {
    const room = await bundle('joinRoom', 'createSecretLink', 'parseSecretLink');
    expect(room.match(/node:\w+|extended master secret|edwards/g)).toBeNull();
    expect(kilobytes(room)).toBeLessThan(28);
    const identity = await bundle('joinRoom', 'PeerIdentity');
    expect(identity.includes('edwards')).toBe(true);
    expect(kilobytes(identity)).toBeLessThan(40);
  });
});
