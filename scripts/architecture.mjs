/**
 * The rules of docs/architecture.md that a compiler does not check, over the syntax tree of the source:
 *
 * - imports point one way: app cli webrtc worker server signaling → session sdp media → protocols → crypto → binary, and only
 *   webrtc, server, cli and the root know runtime;
 * - no two files import each other, directly or around a corner (types do not count: they are gone when it runs);
 * - Node's modules are imported where a runtime is spoken to, and nowhere else;
 * - the core has no clock, no timers, no randomness of its own, and nothing asynchronous.
 *
 * `node scripts/check-architecture.mjs` applies them to src; test/architecture shows each of them catching something.
 */
import { posix } from 'node:path';
import { parseSync } from 'rolldown/utils';

/** @typedef {{ file: string, line: number, message: string }} Violation */

const PROTOCOLS = ['stun', 'ice', 'turn', 'dtls', 'srtp', 'rtp', 'sctp', 'datachannel'];
const MIDDLE = ['session', 'sdp', 'media'];
const EDGES = ['webrtc', 'worker', 'server', 'cli', 'signaling', 'app'];
/** src/index.ts, src/browser.ts: doors to everything. */
const ROOT = '(root)';

/** Lower layers first. A layer imports itself, its like and what is below; `runtime` is below none but the edges. */
const RANKS = new Map([
  ['binary', 0],
  ['machine.ts', 0],
  ['webidl', 0],
  ['crypto', 1],
  ...PROTOCOLS.map((layer) => /** @type {const} */ ([layer, 2])),
  ['runtime', 3],
  ...MIDDLE.map((layer) => /** @type {const} */ ([layer, 3])),
  ...EDGES.map((layer) => /** @type {const} */ ([layer, 4])),
  [ROOT, 5],
]);
const KNOWS_RUNTIME = new Set(['runtime', 'webrtc', 'server', 'cli', ROOT]);
const SPEAKS_TO_NODE = [
  'src/runtime/',
  'src/server/',
  'src/cli/',
  'src/app/serve/',
  'src/app/terminal/',
  'src/worker/',
  'src/crypto/node.ts',
  'src/media/files/byte-',
];
const CORE = new Set(['binary', 'machine.ts', 'sdp', 'session', ...PROTOCOLS]);

/** Names that nothing in the core may mention. */
const AMBIENT = new Set([
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'queueMicrotask',
  'requestAnimationFrame',
  'process',
  'Deno',
  'Bun',
]);
/** Members of globals that nothing in the core may mention. A `CryptoProvider` is often called `crypto` too. */
const AMBIENT_MEMBERS = new Map([
  ['Date', new Set(['now'])],
  ['Math', new Set(['random'])],
  ['crypto', new Set(['getRandomValues', 'randomUUID', 'subtle'])],
  ['globalThis', new Set([...AMBIENT, 'crypto'])],
]);
const ASYNCHRONOUS = new Map([
  ['AwaitExpression', 'await'],
  ['ForOfStatement', 'for await'],
]);

/**
 * Everything wrong with these sources.
 * @param {ReadonlyMap<string, string>} sources file names from the root, with forward slashes, and what is in them
 * @returns {Violation[]}
 */
export function checkArchitecture(sources) {
  const files = [...sources].map(([file, text]) => parse(file, text));
  return [...files.flatMap(checkImports), ...files.flatMap(checkCore), ...findCycles(files)];
}

/** The folder under src that a file belongs to, or the file itself where it is a layer of its own. */
export function layerOf(/** @type {string} */ file) {
  const [, first, ...rest] = file.split('/');
  if (rest.length > 0 || first === 'machine.ts') return first;
  return ROOT;
}

function parse(file, text) {
  const { program, module, errors } = parseSync(file, text);
  const lineOf = (offset) => text.slice(0, offset).split('\n').length;
  // `import type` is gone when it runs; `import { type X }` leaves `import {}` behind (verbatimModuleSyntax).
  const imports = program.body
    .filter((node) => node.source)
    .map(({ source, start, importKind, exportKind }) => ({
      specifier: source.value,
      line: lineOf(start),
      isType: importKind === 'type' || exportKind === 'type',
    }));
  for (const { moduleRequest, start } of module.dynamicImports) {
    const quoted = text.slice(moduleRequest.start, moduleRequest.end);
    imports.push({ specifier: quoted.slice(1, -1), line: lineOf(start), isType: false });
  }
  return { file, program, imports, lineOf, errors };
}

function checkImports({ file, imports, errors }) {
  const violations = errors.map(({ message }) => ({ file, line: 1, message }));
  const layer = layerOf(file);
  for (const { specifier, line, isType } of imports) {
    const report = (message) => violations.push({ file, line, message });
    if (specifier.startsWith('node:') && !isType && !SPEAKS_TO_NODE.some((place) => file.startsWith(place))) {
      report(`imports ${specifier}: Node's modules belong in ${SPEAKS_TO_NODE.join(', ')}`);
    }
    if (!specifier.startsWith('.')) continue;
    const target = layerOf(resolve(file, specifier));
    if (!RANKS.has(target)) report(`imports ${specifier}, of a layer with no place in scripts/architecture.mjs`);
    else if (target === 'runtime' && !KNOWS_RUNTIME.has(layer)) report(`${layer} imports runtime: only the edges may`);
    else if (RANKS.get(target) > (RANKS.get(layer) ?? -1)) report(`${layer} imports ${target}, which is above it`);
  }
  return violations;
}

function checkCore({ file, program, lineOf }) {
  if (!CORE.has(layerOf(file))) return [];
  /** @type {Violation[]} */
  const violations = [];
  walk(program, null, (node, parent) => {
    const banned = ambientUse(node, parent);
    if (banned !== null) violations.push({ file, line: lineOf(node.start), message: `${banned} in the core` });
  });
  return violations;
}

/** What this node asks of the world around it; `null` for nearly all. */
function ambientUse(node, parent) {
  if (node.type === 'ForOfStatement' && !node.await) return null;
  if (ASYNCHRONOUS.has(node.type)) return ASYNCHRONOUS.get(node.type);
  if (node.async === true) return 'an async function';
  if (node.type === 'MemberExpression' && node.object.type === 'Identifier') {
    const members = AMBIENT_MEMBERS.get(node.object.name);
    const name = node.computed ? node.property.value : node.property.name;
    return members?.has(name) ? `${node.object.name}.${name}` : null;
  }
  if (node.type === 'Identifier' && isReference(node, parent)) {
    if (AMBIENT.has(node.name)) return node.name;
    const isCall = parent.type === 'CallExpression' || parent.type === 'NewExpression';
    if (node.name === 'Date' && isCall && parent.callee === node && parent.arguments.length === 0) return 'Date()';
  }
  return null;
}

/** Whether an identifier stands for a variable, not for the name of a member. */
function isReference(node, parent) {
  if (parent === null || parent.computed) return true;
  if (parent.type === 'MemberExpression') return parent.object === node;
  if ('key' in parent && parent.key === node) return parent.shorthand === true;
  return true;
}

/** Visits the expressions and statements of a syntax tree; types are passed over. */
function walk(node, parent, visit) {
  visit(node, parent);
  for (const [name, value] of Object.entries(node)) {
    if (name === 'parent' || value === null || typeof value !== 'object') continue;
    for (const child of Array.isArray(value) ? value : [value]) {
      if (typeof child?.type === 'string' && !isType(child)) walk(child, node, visit);
    }
  }
}

function isType({ type }) {
  return type.startsWith('TS') && !['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression'].includes(type);
}

/** Each cycle of imports once, told at the file that comes first in the alphabet. */
function findCycles(files) {
  const edges = new Map(
    files.map(({ file, imports }) => [
      file,
      imports
        .filter((item) => !item.isType && item.specifier.startsWith('.'))
        .map((item) => resolve(file, item.specifier)),
    ]),
  );
  /** @type {Violation[]} */
  const violations = [];
  const done = new Set();
  const seen = new Set();
  const visit = (file, path) => {
    const start = path.indexOf(file);
    if (start >= 0) {
      const cycle = path.slice(start);
      const name = [...cycle].sort().join();
      if (!seen.has(name)) violations.push({ file, line: 1, message: `cycle: ${[...cycle, file].join(' → ')}` });
      seen.add(name);
    } else if (!done.has(file)) {
      for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    }
  };
  for (const file of [...edges.keys()].sort()) visit(file, []);
  return violations;
}

function resolve(file, specifier) {
  return posix.join(posix.dirname(file), specifier);
}
