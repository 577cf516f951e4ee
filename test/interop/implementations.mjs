/**
 * The stacks that can stand at either end of an interop test or a benchmark, by name, and the runtimes to run them on.
 * Rivals are not dependencies of this package: `npm run peers` installs them into test/peers, and what is not installed
 * is reported as missing.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Where the rivals are installed; PURERTC_PEERS names another place. */
export const peersDirectory = resolve(process.env['PURERTC_PEERS'] ?? join(root, 'test/peers'));

/** How each rival is imported. All of them can be required, whatever their module kind. */
const RIVALS = {
  werift: { package: 'werift', entry: 'werift' },
  'node-datachannel': { package: 'node-datachannel', entry: 'node-datachannel/polyfill' },
  roamhq: { package: '@roamhq/wrtc', entry: '@roamhq/wrtc' },
};

/** @returns {string | null} the installed version of a rival */
export function rivalVersion(name) {
  return peerVersion(RIVALS[name].package);
}

/** @returns {string | null} the version of a package that `npm run peers` has installed */
export function peerVersion(name) {
  const file = join(peersDirectory, 'node_modules', name, 'package.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : null;
}

/**
 * PureRTC as this process can run it: the source where the runtime reads TypeScript, else the build.
 * PURERTC_BUILD=1 takes the build everywhere, as a user of the package would.
 */
export function ownEntry(path = 'index') {
  const readsTypeScript = 'Deno' in globalThis || 'Bun' in globalThis || Boolean(process.features.typescript);
  const source = join(root, `src/${path}.ts`);
  const build = join(root, `dist/${path}.js`);
  if (readsTypeScript && process.env['PURERTC_BUILD'] !== '1') return source;
  if (!existsSync(build)) throw new Error(`${build} is missing: run \`npm run build\` first`);
  return build;
}

/** @returns {Promise<{ RTCPeerConnection: typeof RTCPeerConnection }>} */
export async function loadImplementation(name) {
  if (name === 'purertc' || name === 'purertc-noble') {
    const own = await import(pathToFileURL(ownEntry()).href);
    if (name === 'purertc') return { RTCPeerConnection: own.RTCPeerConnection };
    const { nobleCrypto } = await import(pathToFileURL(ownEntry('crypto/noble')).href);
    const RTCPeerConnection = class extends own.RTCPeerConnection {
      constructor(configuration) {
        super(configuration, { crypto: nobleCrypto });
      }
    };
    return { RTCPeerConnection };
  }
  const rival = RIVALS[name];
  if (rival === undefined) throw new Error(`no implementation is called ${name}`);
  const resolved = createRequire(join(peersDirectory, 'package.json')).resolve(rival.entry);
  const loaded = await import(pathToFileURL(resolved).href);
  const { RTCPeerConnection } = loaded.RTCPeerConnection === undefined ? loaded.default : loaded;
  return { RTCPeerConnection };
}

/**
 * The program behind a runtime's name, `null` when it is not installed: `node` is the one running now, `node22` and the
 * like, `deno` and `bun` come from test/peers or from the PATH.
 * @returns {{ command: string, args: string[] } | null}
 */
export function findRuntime(name) {
  if (name === 'node') return 'Deno' in globalThis || 'Bun' in globalThis ? onPath('node') : self();
  const modules = join(peersDirectory, 'node_modules');
  if (name === 'deno' || name === 'bun') {
    const args = name === 'deno' ? ['run', '-A', '-q'] : [];
    for (const part of ['linux-x64', 'linux-aarch64', 'darwin-x64', 'darwin-aarch64']) {
      const path = name === 'deno' ? `@deno/${part}-glibc/deno` : `@oven/bun-${part}/bin/bun`;
      if (existsSync(join(modules, path))) return { command: join(modules, path), args };
    }
    return onPath(name, args);
  }
  if (name === `node${process.versions.node.split('.')[0]}` && !('Deno' in globalThis || 'Bun' in globalThis))
    return self();
  const file = join(modules, name, 'bin/node');
  return existsSync(file) ? { command: file, args: [] } : null;
}

/** The newest Node that can be found; some rivals need one past 20. */
export function newestNode() {
  for (const name of ['node26', 'node24', 'node22']) {
    const found = findRuntime(name);
    if (found !== null) return { name, ...found };
  }
  return { name: 'node', ...self() };
}

function self() {
  return { command: process.execPath, args: [] };
}

function onPath(name, args = []) {
  const directories = (process.env['PATH'] ?? '').split(process.platform === 'win32' ? ';' : ':');
  const found = directories.map((directory) => join(directory, name)).find((file) => existsSync(file));
  return found === undefined ? null : { command: found, args };
}
