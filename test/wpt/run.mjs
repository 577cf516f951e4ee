#!/usr/bin/env node
/**
 * Runs web-platform-tests over the built classes, unpatched, and compares with what is expected.
 *
 *   npm run wpt                                  all classes of files (lists/*.txt), against expectations.json
 *   npm run wpt -- --class data-channels         those that need no media (more of them: with commas)
 *   npm run wpt -- webrtc/RTCError.html …        these files or folders; nothing is compared
 *   npm run wpt -- --update                      writes expectations.json anew; the reasons given so far are kept
 *
 * --list FILE  --jobs N (twice the processors)  --timeout SECONDS (20; 60 for files that say they take long)  --out FILE (every result, as JSON)
 * --runtime node|deno|bun  --impl MODULE (dist/index.js)  --verbose (messages of failures)
 * WPT_DIR: where the suite is; default .cache/wpt, unpacked by get-suite.sh when it is not there.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compare, readExpectations, writeExpectations } from './expectations.mjs';
import { runFile } from './run-file.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = resolve(here, '../..');
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: 'string' },
    class: { type: 'string' },
    jobs: { type: 'string', default: String(2 * availableParallelism()) },
    timeout: { type: 'string', default: '20' },
    out: { type: 'string' },
    runtime: { type: 'string', default: 'node' },
    impl: { type: 'string', default: join(root, 'dist/index.js') },
    update: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});

const wptDir = resolve(process.env.WPT_DIR ?? join(root, '.cache/wpt'));
if (!existsSync(join(wptDir, 'webrtc'))) {
  console.error(`Unpacking web-platform-tests into ${wptDir}; this is done once.`);
  execFileSync(join(here, 'get-suite.sh'), [wptDir], { stdio: ['ignore', 'ignore', 'inherit'] });
}
if (!existsSync(options.impl)) {
  console.error(`${options.impl} is not there: npm run build makes it.`);
  process.exit(2);
}

const CLASSES = ['data-channels', 'no-media', 'local-tracks', 'playing', 'workers', 'idl'];
const isCompared = positionals.length === 0 && options.list === undefined;
const classes = new Map(
  (options.class?.split(',') ?? CLASSES).map((name) => [name, readList(join(here, `lists/${name}.txt`))]),
);
const listed = options.list === undefined ? [...classes.values()].flat() : readList(options.list);
const names = positionals.length > 0 ? positionals : listed;
const jobs = [...new Set(names.flatMap(expand))].sort().flatMap(variantsOf);
const started = Date.now();
const results = await runAll(jobs);
const passed = results.flatMap(({ tests }) => tests).filter(({ status }) => status === 'PASS').length;
const total = results.reduce((count, { tests }) => count + tests.length, 0);
const seconds = Math.round((Date.now() - started) / 1000);
console.log(`${passed} of ${total} subtests pass, in ${results.length} files, ${seconds} s`);
if (options.out) writeFileSync(options.out, JSON.stringify({ results }, null, 1));

if (isCompared) {
  const expectationsFile = join(here, 'expectations.json');
  const core = JSON.parse(readFileSync(join(here, 'lists/core.json'), 'utf8'));
  for (const [name, files] of classes) {
    const inClass = results.filter(({ file }) => files.includes(file));
    const passing = inClass.flatMap(({ tests }) => tests).filter(({ status }) => status === 'PASS').length;
    const all = inClass.reduce((count, { tests }) => count + tests.length, 0);
    const isCore = ([id]) => files.includes(id.replace(/\?.*/, ''));
    const ofClass = Object.fromEntries(Object.entries(core).filter(isCore));
    console.log(
      `${name.padEnd(14)} ${passing} of ${all}; ${corePassed(inClass, ofClass)} of ${size(ofClass)} core ones`,
    );
  }
  console.log(`${corePassed(results, core)} of the ${size(core)} core ones: they pass in Chromium 156 and Firefox 153`);
  if (options.update) {
    writeExpectations(expectationsFile, results, core, readExpectations(expectationsFile));
  } else {
    const surprises = compare(results, readExpectations(expectationsFile));
    for (const surprise of surprises) console.log(surprise);
    if (surprises.length > 0) console.log(`${surprises.length} surprises: see test/wpt/expectations.json`);
    process.exitCode = surprises.length > 0 ? 1 : 0;
  }
}

function corePassed(results, core) {
  return results.flatMap(({ id, tests }) => {
    const names = new Set(core[id] ?? []);
    return tests.filter(({ name, status }) => names.has(name) && status === 'PASS');
  }).length;
}

function size(core) {
  return Object.values(core).flat().length;
}

function readList(file) {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.map((line) => line.replace(/#.*/, '').trim()).filter(Boolean);
}

/** A folder stands for all tests in it. */
function expand(name) {
  const path = join(wptDir, name);
  if (!statSync(path).isDirectory()) return [name];
  const files = readdirSync(path, { recursive: true }).map((file) => relative(wptDir, join(path, file)));
  const isTest = (file) => /\.(html|window\.js|any\.js)$/.test(file) && !/(^|\/)(resources|support|tools)\//.test(file);
  return files.filter((file) => isTest(file) && statSync(join(wptDir, file)).isFile());
}

/** A file may say that it wants to be run several times, with different query strings. */
function variantsOf(file) {
  const source = readFileSync(join(wptDir, file), 'utf8');
  const inHtml = source.matchAll(/<meta\s+name=["']?variant["']?\s+content=["']([^"']*)["']/gi);
  const inScript = source.matchAll(/^\/\/\s*META:\s*variant=(.*)$/gm);
  const variants = [...inHtml, ...inScript].map((match) => match[1].trim());
  const isLong = /name=["']?timeout["']?\s+content=["']?long/.test(source) || /META:\s*timeout=long/.test(source);
  const timeoutMs = Number(options.timeout) * 1000 * (isLong ? 3 : 1);
  return (variants.length > 0 ? variants : ['']).map((variant) => ({ file, variant, id: file + variant, timeoutMs }));
}

async function runAll(queue) {
  const done = [];
  const waiting = [...queue];
  const worker = async () => {
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      const { impl, runtime } = options;
      const result = await runFile({ ...job, impl, wptDir }, runtime);
      done.push(result);
      report(result, `${done.length}/${queue.length}`);
    }
  };
  await Promise.all(Array.from({ length: Number(options.jobs) }, worker));
  return done.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function report({ id, harness, tests, ms, notes, message }, progress) {
  const failed = tests.filter(({ status }) => status !== 'PASS');
  const mark = failed.length === 0 && harness === 'OK' ? ' ' : '!';
  console.error(
    `${progress.padStart(7)} ${mark} ${tests.length - failed.length}/${tests.length} ${harness} ${ms} ms ${id}`,
  );
  if (!options.verbose) return;
  for (const { name, status, message: why } of failed) console.error(`          ${status} ${name}: ${why ?? ''}`);
  if (message) console.error(`          ${message}`);
  for (const note of notes) console.error(`          ${JSON.stringify(note)}`);
}
