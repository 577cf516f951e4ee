import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { publint } from 'publint';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findRuntime } from '../interop/implementations.mjs';
import { PackedProject, tool } from './packed.ts';

let project: PackedProject;
beforeAll(() => {
  project = new PackedProject();
}, 60_000);
afterAll(() => project?.remove());

describe('the tarball', () => {
  test('holds the build, the source it maps to, and what a package must', () => {
    const files = project.run('tar', ['-tzf', project.tarball]).output.trim().split('\n');
    for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json', 'dist/index.js', 'src/index.ts']) {
      expect(files).toContain(`package/${file}`);
    }
    const strangers = files.filter(
      (file) => !/^package\/((dist|src)\/|LICENSE|README|CHANGELOG|package\.json)/.test(file),
    );
    expect(strangers).toEqual([]);
  });

  test('holds the chat page, ready to be served', () => {
    const page = join(project.directory, 'node_modules/package/dist/app/page');
    expect(readdirSync(page).sort()).toEqual(['icon.svg', 'index.html', 'page.js', 'style.css']);
    const script = readFileSync(join(page, 'page.js'), 'utf8');
    expect(script).not.toMatch(/^\s*import\b|\bimport\(|node:/m);
    expect(gzipSync(script).length).toBeLessThan(48 * 1024); // 42 KiB when this was written
    const html = readFileSync(join(page, 'index.html'), 'utf8');
    expect(html).not.toMatch(/\s(style|on\w+)=|<style|<script(?![^>]*\ssrc="page\.js")/); // a strict CSP takes it as it is
    expect(
      [...html.matchAll(/(?:src|href)="([^"#]*)"/g)].map(([, url]) => url).every((url) => !url!.includes(':')),
    ).toBe(true);
  });

  test('publint finds nothing', async () => {
    const { messages } = await publint({ pkgDir: join(project.directory, 'node_modules/package'), strict: true });
    expect(messages).toEqual([]);
  });

  test('attw finds every door resolving to its types', () => {
    const { status, output } = project.run(tool('attw'), [project.tarball, '--profile', 'esm-only']);
    expect(status, output).toBe(0);
  }, 60_000);
});

describe('the tracker', () => {
  const script = 'tracker.mjs';
  beforeAll(() => copyFileSync(new URL(script, import.meta.url), join(project.directory, script)));

  test.for(['node22', 'node26', 'deno', 'bun'] as const)('lets members meet on %s', (name, { skip }) => {
    const runtime = findRuntime(name);
    if (runtime === null) return skip('not installed: npm run peers');
    const { status, output } = project.run(runtime.command, [...runtime.args, script]);
    expect(status, output).toBe(0);
    expect(output).toBe('pong\n');
  });
});

describe('every door opens', () => {
  // What it takes to look through all of them, without a file: Deno has no --input-type.
  const script = 'open-doors.mjs';
  beforeAll(() => {
    const imports = project.doors.map((door) => `console.log('${door}', Object.keys(await import('${door}')).join());`);
    writeFileSync(join(project.directory, script), imports.join('\n'));
  });

  test.for(['node', 'node22', 'node24', 'node26', 'deno', 'bun'] as const)(
    'on %s',
    { timeout: 30_000 },
    (name, { skip }) => {
      const runtime = findRuntime(name);
      if (runtime === null) return skip('not installed: npm run peers');
      const { status, output } = project.run(runtime.command, [...runtime.args, script]);
      expect(status, output).toBe(0);
      const lines = output.trim().split('\n');
      expect(lines.map((line) => line.split(' ')[0])).toEqual(project.doors);
      for (const line of lines) expect(line.split(' ')[1], line).not.toBe('');
      expect(lines[0]).toContain('RTCPeerConnection');
    },
  );
});

describe('a consumer in TypeScript', () => {
  const consumer = readFileSync(fileURLToPath(new URL('consumer.ts', import.meta.url)), 'utf8');

  test.each([
    ['Node', { module: 'NodeNext', moduleResolution: 'NodeNext', types: [] }],
    [
      'a bundler for the browser',
      { module: 'ESNext', moduleResolution: 'Bundler', customConditions: ['browser'], types: [] },
    ],
  ])(
    'compiles with the names it knows from lib.dom: %s',
    (_name, options) => {
      const compilerOptions = { target: 'ES2022', lib: ['ES2022', 'DOM'], strict: true, noEmit: true, ...options };
      writeFileSync(join(project.directory, 'consumer.mts'), consumer);
      const config = { compilerOptions, files: ['consumer.mts'] };
      writeFileSync(join(project.directory, 'tsconfig.json'), JSON.stringify(config));
      expect(project.run(tool('tsc'), ['-p', '.'])).toEqual({ status: 0, output: '' });
    },
    60_000,
  );
});

describe('a bundle for the browser', () => {
  async function bundle(entry: string): Promise<string> {
    const input = join(project.directory, 'app.mjs');
    writeFileSync(input, entry);
    const build = await rolldown({ input, platform: 'browser', resolve: { conditionNames: ['browser', 'import'] } });
    const { output } = await build.generate({ format: 'esm', minify: true });
    return output[0].code;
  }

  test("is the browser's own class, and nothing of the stack", async () => {
    const code = await bundle("import { RTCPeerConnection } from 'purertc'; globalThis.found = RTCPeerConnection;");
    expect(code.length).toBeLessThan(200);
    for (const name of ['RTCDataChannel', 'stun', 'dtls', 'noble']) expect(code).not.toContain(name);
    class Own {}
    const browser = { RTCPeerConnection: Own, found: undefined };
    new Function('globalThis', code.replaceAll(/export\s*\{\s*\};?/g, ''))(browser);
    expect(browser.found).toBe(Own);
  });

  test('has the same names as the door for Node, and takes it easy when a browser lacks one', async () => {
    const [own, browser] = await Promise.all(
      ['index.js', 'browser.js'].map((file) => import(join(project.directory, 'node_modules/package/dist', file))),
    );
    expect(Object.keys(browser!)).toEqual(Object.keys(own!));
    expect(browser!.RTCIceTransport).toBeUndefined(); // Node has none of them
  });
});
