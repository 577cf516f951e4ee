/**
 * Runs one file of the suite and prints what happens, one JSON message a line, for `run-file.mjs`.
 *
 * The suite's own testharness.js runs unmodified, in the realm of the classes under test, so that its checks of
 * identity (`instanceof`, TypeError, DOMException) mean what they say. The classes become globals as they are.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';
import { makeMedia } from './media.mjs';
import { installWindow } from './window.mjs';
import { makeWorkerClass } from './worker.mjs';

const { impl, wptDir, file, variant, harnessMs } = JSON.parse(process.env.WPT_JOB);
const TEST_STATUS = ['PASS', 'FAIL', 'TIMEOUT', 'NOTRUN', 'PRECONDITION_FAILED'];
const HARNESS_STATUS = ['OK', 'ERROR', 'TIMEOUT', 'PRECONDITION_FAILED'];
/** Told apart from what tests print (`run-file.mjs`). */
const emit = (message) => process.stdout.write(`\x01${JSON.stringify(message)}\n`);
const describe = (error) => String(error?.stack ?? error).slice(0, 500);

/** `impl` is the built `index.js`; `purertc/media` is beside it. */
const entry = pathToFileURL(resolve(impl)).href;
const api = await import(entry);
const media = makeMedia(api, await import(new URL('media/index.js', entry).href));
for (const [name, value] of Object.entries(api)) {
  if (/^(RTC|MediaStream)/.test(name))
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}

const path = join(wptDir, file);
const source = readFileSync(path, 'utf8');
const isScript = file.endsWith('.js');
const html = isScript ? '' : source.replace(/<!--[\s\S]*?-->/g, '');
const page = file.replace(/\.(any|window)\.js$/, '.html');
const window = installWindow({ url: `https://web-platform.test:8443/${page}${variant}`, html, wptDir, media });
globalThis.Worker = makeWorkerClass(wptDir, new URL('worker/index.js', entry).href);

let finished = false;
function finish(message) {
  if (finished) return;
  finished = true;
  emit(message);
  process.exit(0);
}
process.on('unhandledRejection', (reason, promise) => {
  emit({ kind: 'unhandledRejection', message: describe(reason) });
  if (!finished) window.fireRejection(reason, promise);
});
process.on('uncaughtException', (error) => {
  emit({ kind: 'uncaughtException', message: describe(error) });
  if (!finished) window.fireError(error);
});

/** What a browser's driver would provide: `window.mjs` has the part that these tests use. */
const REPLACED = /(^|\/)(testharnessreport|testdriver(-vendor|-actions)?|permission-helper)\.js$/;
const loaded = new Set();

function load(src) {
  const name = src.split('?')[0];
  if (REPLACED.test(name)) return;
  // By way of a URL, so that '..' never leads out of the suite.
  const script = join(wptDir, new URL(name, `http://suite/${relative(wptDir, path)}`).pathname);
  if (script.endsWith('/testharness.js') && loaded.has(script)) return;
  loaded.add(script);
  if (!existsSync(script)) return emit({ kind: 'missing', src });
  run(readFileSync(script, 'utf8'), script);
  if (script.endsWith('/resources/testharness.js')) watchHarness();
}

function watchHarness() {
  setup({ output: false, explicit_timeout: true });
  add_result_callback(({ name, status, message }) =>
    emit({ kind: 'result', name, status: TEST_STATUS[status], message }),
  );
  add_test_state_callback(({ name, phase, phases }) => {
    if (phase === phases.STARTED) emit({ kind: 'start', name });
  });
  add_completion_callback((tests, { status, message }) => {
    const results = tests.map((test) => ({ name: test.name, status: TEST_STATUS[test.status], message: test.message }));
    finish({ kind: 'done', harness: HARNESS_STATUS[status], message, tests: results });
  });
  // The runner, not the harness, has the clock: a harness timeout shortly before the process is killed.
  setTimeout(() => globalThis.timeout?.(), harnessMs);
  setTimeout(() => {
    emit({ kind: 'forced' });
    process.exit(0);
  }, harnessMs + 1000);
}

/** A classic script that throws does not stop the ones after it: the error goes to `window.onerror`. */
function run(code, filename) {
  try {
    vm.runInThisContext(code, { filename });
  } catch (error) {
    emit({ kind: 'uncaughtException', message: describe(error) });
    window.fireError(error);
  }
}

if (isScript) {
  load('/resources/testharness.js');
  for (const match of source.matchAll(/^\/\/\s*META:\s*script=(.*)$/gm)) load(match[1].trim());
  run(source, path);
} else {
  for (const [, attributes, code] of html.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script\s*>/gi)) {
    const type = /\btype\s*=\s*["']?([^"'\s>]+)/i.exec(attributes)?.[1];
    if (type && !/^(text|application)\/(java|ecma)script$/i.test(type)) continue;
    const src = /\bsrc\s*=\s*(?:"([^"]+)"|'([^']+)'|([^\s>]+))/i.exec(attributes);
    if (src) load(src[1] ?? src[2] ?? src[3]);
    else run(code, path);
  }
}
window.fireLoad();
