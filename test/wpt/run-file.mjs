/** Runs one file of the suite in a process of its own, and collects what it reports. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const child = fileURLToPath(new URL('child.mjs', import.meta.url));
const RUNTIMES = {
  node: ['node', '--expose-gc', '--no-warnings'],
  deno: ['deno', 'run', '-A', '--v8-flags=--expose-gc'],
  bun: ['bun', 'run', '--expose-gc'],
};
/** The harness is told to end this long before the process is killed. */
const HARNESS_MARGIN_MS = 2_500;
/** What a child prints for us begins with this, so that anything else on its output does no harm. */
const MARK = '\x01';

export function runFile(job, runtime) {
  const [command, ...args] = RUNTIMES[runtime] ?? [runtime];
  const startedAt = Date.now();
  const run = {
    last: null,
    forced: false,
    killed: false,
    stderr: '',
    results: new Map(),
    started: new Set(),
    notes: [],
  };
  const spawned = spawn(command, [...args, child], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, WPT_JOB: JSON.stringify({ ...job, harnessMs: job.timeoutMs - HARNESS_MARGIN_MS }) },
  });
  const timer = setTimeout(() => {
    run.killed = true;
    spawned.kill('SIGKILL');
  }, job.timeoutMs);
  readMessages(spawned.stdout, (message) => take(run, message));
  spawned.stderr.on('data', (data) => {
    if (run.stderr.length < 4000) run.stderr += data;
  });
  return new Promise((done) => {
    spawned.on('close', (code, signal) => {
      clearTimeout(timer);
      done({
        ...conclude(run, code ?? signal),
        id: job.id,
        file: job.file,
        variant: job.variant,
        ms: Date.now() - startedAt,
      });
    });
  });
}

function readMessages(stream, take) {
  let rest = '';
  stream.on('data', (data) => {
    const lines = (rest + data).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const at = line.indexOf(MARK);
      if (at >= 0) take(JSON.parse(line.slice(at + 1)));
    }
  });
}

function take(run, message) {
  switch (message.kind) {
    case 'start':
      run.started.add(message.name);
      break;
    case 'result':
      run.results.set(message.name, message);
      break;
    case 'done':
      run.last = message;
      break;
    case 'forced':
      run.forced = true;
      break;
    default:
      if (run.notes.length < 5) run.notes.push(message);
  }
}

function conclude(run, exit) {
  const { last, results, started, notes, stderr } = run;
  if (last) return { harness: last.harness, message: last.message, tests: last.tests, notes };
  const late = run.killed || run.forced;
  const tests = [...results.values()].map(({ name, status, message }) => ({ name, status, message }));
  for (const name of started) {
    if (results.has(name)) continue;
    tests.push({ name, status: 'TIMEOUT', message: late ? 'runner timeout' : `process exited (${exit})` });
  }
  return { harness: late ? 'TIMEOUT' : 'EXIT', message: stderr.slice(0, 600) || undefined, tests, notes };
}
