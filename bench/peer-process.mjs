/** Processes that a benchmark runs its peers in, controlled through JSON lines on stdin and stdout. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { createInterface } from 'node:readline';

const PREFIX = '@bench ';
/** A peer that is too busy to answer for so long is not in a steady state. */
const CALL_TIMEOUT_MS = 20_000;
const CLOCK_TICKS_PER_SECOND = 100; // sysconf(_SC_CLK_TCK) of every Linux

/** A peer process and the calls into it. */
export class PeerProcess {
  #child;
  #calls = new Map();
  #nextId = 1;
  #noise = '';
  #ready;
  onCandidate = () => {};

  /** @param file the peer's program, which is told `--impl` */
  constructor(file, impl, { command, args }) {
    // The build everywhere: it is what a user of the package runs, and no runtime has an advantage from the source.
    const env = { ...process.env, PURERTC_BUILD: '1' };
    this.#child = spawn(command, [...args, file, '--impl', impl], { stdio: ['pipe', 'pipe', 'pipe'], env });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => this.#keepNoise(text));
    this.#ready = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('exit', (code, signal) => {
        const error = new Error(`${impl} exited with ${code ?? signal}: ${this.#noise}`);
        reject(error);
        for (const call of this.#calls.values()) call.reject(error);
        this.#calls.clear();
      });
      let rest = '';
      this.#child.stdout.setEncoding('utf8').on('data', (text) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop();
        for (const line of lines) this.#takeLine(line, resolve);
      });
    });
    this.#ready.catch(() => {}); // reported by whoever awaits it
  }

  get ready() {
    return this.#ready;
  }

  get pid() {
    return this.#child.pid;
  }

  #keepNoise(text) {
    this.#noise = (this.#noise + text).slice(-2000);
  }

  #takeLine(line, ready) {
    if (!line.startsWith(PREFIX)) return this.#keepNoise(`${line}\n`);
    const reply = JSON.parse(line.slice(PREFIX.length));
    if (reply.ready) ready();
    if (reply.candidate) this.onCandidate(reply.candidate);
    const call = this.#calls.get(reply.id);
    this.#calls.delete(reply.id);
    if (reply.error !== undefined) call?.reject(new Error(reply.error));
    else call?.resolve(reply.result);
  }

  call(command, value, timeoutMs = CALL_TIMEOUT_MS) {
    const reply = new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#calls.set(id, { resolve, reject });
      this.#child.stdin.write(`${JSON.stringify({ id, command, value })}\n`);
    });
    return within(reply, timeoutMs, command);
  }

  /** CPU time of all its threads so far, and its resident memory. */
  async usage() {
    if (process.platform !== 'linux') return this.call('usage');
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // proc(5): field 3 is the first here
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND,
      residentBytes: Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]) * 1024,
    };
  }

  end() {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2000);
    this.#child.once('exit', () => clearTimeout(timer));
  }
}

/** Rejects when it takes longer. */
export function within(promise, ms, what) {
  let timer;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** A failure is a result too: it stands in the table. */
export async function attempt(body) {
  try {
    return await body();
  } catch (error) {
    return { error: String(error.message).split('\n')[0] };
  }
}

/** The other side of `PeerProcess.call`, for programs that run in one. */
export async function serve(commands) {
  const write = (value) => void process.stdout.write(`${PREFIX}${JSON.stringify(value)}\n`);
  const lines = createInterface({ input: process.stdin });
  lines.on('line', async (line) => {
    const { id, command, value } = JSON.parse(line);
    try {
      write({ id, result: (await commands[command](value ?? {})) ?? null });
    } catch (error) {
      write({ id, error: String(error?.stack ?? error) });
    }
  });
  lines.on('close', () => process.exit(0));
  write({ ready: true });
}
