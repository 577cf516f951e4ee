/** The checks of .ci/run, once everything is installed: each counts what it tells, or itself as one. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findRuntime } from '../test/interop/implementations.mjs';

/** @typedef {{ passed: number, failed: number }} Count */

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'purertc-ci-'));
/** A check that hangs is a failure. The tests take twelve minutes on a machine with two cores that does nothing else. */
const PATIENCE_MS = 18 * 60_000;

const totals = [
  check('types', 'npm', ['run', '--silent', 'typecheck']),
  check('lint', 'npm', ['run', '--silent', 'lint']),
  check('architecture', 'npm', ['run', '--silent', 'architecture']),
  check('unused code', 'npm', ['run', '--silent', 'unused']),
  suite(),
  ...['node22', 'node24', 'node26', 'deno', 'bun'].map(onRuntime),
];
rmSync(scratch, { recursive: true, force: true });

const sum = (/** @type {keyof Count} */ key) => totals.reduce((total, count) => total + count[key], 0);
process.exitCode = sum('failed') > 0 ? 1 : 0;
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);

/** One command, one result. */
function check(name, command, args) {
  return tell(name, run(command, args).status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });
}

/** The README's test command, browsers compulsory. */
function suite() {
  const file = join(scratch, 'vitest.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile=${file}`];
  const { status } = run('npm', ['test', '--', ...reporters], { PURERTC_REQUIRE_BROWSERS: '1' });
  if (!existsSync(file)) return tell('npm test', { passed: 0, failed: 1 });
  const { numPassedTests: passed, numFailedTests, testResults } = JSON.parse(readFileSync(file, 'utf8'));
  // A file that cannot be loaded has failed without a test in it; an error outside of every test shows in the exit code.
  const broken = testResults.filter((result) => result.status === 'failed' && result.assertionResults.length === 0);
  const failed = numFailedTests + broken.length;
  return tell('npm test', { passed, failed: failed === 0 && status !== 0 ? 1 : failed });
}

/** The runtime contract, from source, where vitest does not run or is not the point. */
function onRuntime(name) {
  const runtime = findRuntime(name);
  if (runtime === null) return tell(name, { passed: 0, failed: 1 });
  const { status, stdout } = run(runtime.command, [...runtime.args, 'test/runtime/portable.ts'], {}, 'pipe');
  const [, passed, failed] = stdout.match(/(\d+) passed, (\d+) failed\s*$/) ?? [];
  if (status !== 0) console.log(stdout);
  if (failed === undefined) return tell(name, { passed: 0, failed: 1 });
  return tell(name, { passed: Number(passed), failed: Number(failed) });
}

function run(command, args, env = {}, stdout = 'inherit') {
  const options = { cwd: root, env: { ...process.env, ...env }, encoding: 'utf8', timeout: PATIENCE_MS };
  return spawnSync(command, args, { ...options, stdio: ['ignore', stdout, 'inherit'] });
}

/** @returns {Count} */
function tell(name, count) {
  console.log(`== ${name}: ${count.passed} passed, ${count.failed} failed`);
  return count;
}
