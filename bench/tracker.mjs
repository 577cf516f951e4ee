/**
 * Trackers measured: ours on each runtime and bittorrent-tracker's, each in a process of its own and in turn in the same
 * run, so that what else the machine does falls on all of them. 10,000 members sit in rooms of ten and say nothing; then
 * 1,000 others in rooms of 50 announce as fast as the tracker responds. Two loads. `refresh`: announces without offers, as
 * those who sit say now and then. `meet`: five offers in each, every one of which is answered, so that one announce is eleven
 * messages out of the tracker and six into it.
 *
 *   npm run bench -- tracker [--quick] [--only name,name] [--seconds 3] [--rounds 1] [--idle 10000]
 *
 * Counted are announces for each second of CPU time that the tracker's process took, all its threads together: what one core
 * can do, on a machine that is busy with other things as well.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { findRuntime, newestNode, peerVersion } from '../test/interop/implementations.mjs';
import { attempt, PeerProcess, sleep } from './peer-process.mjs';

const SERVER = fileURLToPath(new URL('./tracker/server.mjs', import.meta.url));
const LOAD = fileURLToPath(new URL('./tracker/load.mjs', import.meta.url));
const RIVAL = 'bittorrent-tracker';

const LOADS = [
  { name: 'refresh', offers: 0 },
  { name: 'meet', offers: 5 },
];
const IDLE_ROOM = 10;
const ACTIVE = { count: 1000, roomSize: 50 };
const JOIN_TIMEOUT_MS = 60_000;

/** The trackers in the order of the table; what is not installed drops out. */
function contestants() {
  const newest = newestNode();
  const entrant = (impl, runtime, version) => ({ name: `${impl} · ${runtime.name}`, impl, runtime, version });
  const on = (name) => {
    const found = findRuntime(name);
    return found && { name, ...found };
  };
  const runtimes = [on('node20'), newest, on('bun')].filter((runtime) => runtime !== null);
  const own = runtimes.map((runtime) => entrant('purertc', runtime, 'this'));
  const rival = runtimes
    .filter(({ name }) => name !== 'bun')
    .map((runtime) => entrant(RIVAL, runtime, peerVersion(RIVAL)));
  return [...own, ...rival].filter(({ version }) => version !== null);
}

async function measure({ impl, runtime }, idle, { warmUpMs, measureMs }) {
  const args = runtime.name === 'bun' ? runtime.args : ['--expose-gc', ...runtime.args];
  const server = new PeerProcess(SERVER, impl, { ...runtime, args });
  const load = new PeerProcess(LOAD, 'load', newestNode());
  try {
    await Promise.all([server.ready, load.ready]);
    const { port } = await server.call('listen');
    const empty = await server.call('memory');
    await load.call('join', { group: 'idle', port, count: idle, roomSize: IDLE_ROOM }, JOIN_TIMEOUT_MS);
    await sleep(1000);
    const full = await server.call('memory');
    const figures = {
      idle,
      residentBytesPerMember: (full.residentBytes - empty.residentBytes) / idle,
      heapBytesPerMember: (full.heapBytes - empty.heapBytes) / idle,
      loads: {},
    };
    await load.call('join', { group: 'active', port, ...ACTIVE }, JOIN_TIMEOUT_MS);
    for (const { name, offers } of LOADS) {
      await load.call('start', { offers });
      await work(server, warmUpMs);
      const [before, usageBefore] = [await load.call('mark'), await server.usage()];
      await work(server, measureMs);
      const [after, usageAfter] = [await load.call('mark'), await server.usage()];
      await load.call('stop');
      const seconds = (after.at - before.at) / 1000;
      const cpuSeconds = usageAfter.cpuSeconds - usageBefore.cpuSeconds;
      const announces = after.rounds - before.rounds;
      figures.loads[name] = {
        announcesPerCpuSecond: announces / cpuSeconds,
        announcesPerSecond: announces / seconds,
        framesPerCpuSecond: (after.frames - before.frames) / cpuSeconds,
        cpuShare: cpuSeconds / seconds,
        failures: after.failures,
      };
    }
    return figures;
  } finally {
    server.end();
    load.end();
  }
}

/** A tracker on a machine that has other work gets this many times the wall time it would need alone. */
const PATIENCE = 8;

/** Lets the tracker work until it has had that much of a processor: code that has hardly run yet is not what is measured. */
async function work(server, cpuMs) {
  const startedAt = performance.now();
  const before = await server.usage();
  do await sleep(100);
  while (
    1000 * ((await server.usage()).cpuSeconds - before.cpuSeconds) < cpuMs &&
    performance.now() - startedAt < PATIENCE * cpuMs
  );
}

export async function main(args) {
  const value = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
  const quick = args.includes('--quick');
  const only = value('--only')?.split(',');
  const rounds = Number(value('--rounds') ?? 1);
  const idle = Number(value('--idle') ?? (quick ? 2000 : 10_000));
  const measureMs = Number(value('--seconds') ?? (quick ? 1 : 3)) * 1000;
  const timing = { warmUpMs: quick ? 1000 : 2000, measureMs };
  const entrants = contestants().filter(({ name }) => only === undefined || only.some((part) => name.includes(part)));
  if (entrants.length === 0) throw new Error('nothing to measure: npm run build, npm run peers');

  const results = entrants.map(({ name, impl, runtime, version }) => ({
    name,
    impl,
    runtime: runtime.name,
    version,
    rounds: [],
  }));
  for (let round = 0; round < rounds; round++) {
    for (const [index, entrant] of entrants.entries()) {
      process.stderr.write(`${entrant.name} …\n`);
      results[index].rounds.push(await attempt(() => measure(entrant, idle, timing)));
    }
  }

  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memoryBytes: totalmem(), loadAverage: loadavg() };
  const report = {
    bench: 'tracker',
    at: new Date().toISOString(),
    machine,
    timing,
    idle,
    active: ACTIVE,
    loads: LOADS,
    results,
  };
  const directory = new URL('./results/', import.meta.url);
  mkdirSync(directory, { recursive: true });
  const file = new URL(`tracker-${report.at.replaceAll(/[:.]/g, '-')}.json`, directory);
  writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`);
  console.log(table(results, idle));
  console.log(
    `\n${machine.cores} × ${machine.cpu}, load average ${machine.loadAverage.map((l) => l.toFixed(1)).join(' ')}`,
  );
  console.log(`written to ${fileURLToPath(file)}`);
}

/** The best round: what disturbs a measurement only ever makes it worse. */
function best(result, figure, better) {
  const figures = result?.rounds.filter(({ error }) => error === undefined).map(figure) ?? [];
  return figures.length === 0 ? undefined : figures.reduce((a, b) => (better(a, b) ? a : b));
}
const most = (a, b) => a >= b;
const least = (a, b) => a <= b;

function table(results, idle) {
  const format = (figure, digits = 0) => figure?.toFixed(digits) ?? '–';
  const perCore = (result, { name }) => best(result, ({ loads }) => loads[name].announcesPerCpuSecond, most);
  /** On the same runtime; on a runtime that the rival is not measured on, the best there is. */
  const ratio = (result, load) => {
    const rivals = results.filter(({ impl }) => impl === RIVAL);
    const same = rivals.filter(({ runtime }) => runtime === result.runtime);
    const theirs = (same.length > 0 ? same : rivals).map((rival) => perCore(rival, load) ?? 0);
    const ours = perCore(result, load);
    return ours === undefined || !(Math.max(...theirs) > 0) ? '–' : `${(ours / Math.max(...theirs)).toFixed(2)}×`;
  };
  const head = [
    'tracker',
    `KB a member (${idle})`,
    'JS heap',
    ...LOADS.flatMap(({ name }) => [`${name}: announces/s/core`, `÷ ${RIVAL}`, 'frames/s/core', 'CPU']),
  ];
  const rows = results.map((result) => [
    result.name,
    format(
      best(result, ({ residentBytesPerMember }) => residentBytesPerMember / 1000, least),
      1,
    ),
    format(
      best(result, ({ heapBytesPerMember }) => heapBytesPerMember / 1000, least),
      1,
    ),
    ...LOADS.flatMap((load) => [
      format(perCore(result, load)),
      ratio(result, load),
      format(best(result, ({ loads }) => loads[load.name].framesPerCpuSecond, most)),
      `${format(best(result, ({ loads }) => loads[load.name].cpuShare * 100, most))} %`,
    ]),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  const failures = results.flatMap(({ name, rounds }) =>
    rounds.filter(({ error }) => error !== undefined).map(({ error }) => `${name}: ${error}`),
  );
  return [
    line(head),
    widths.map((width) => '─'.repeat(width)).join('  '),
    ...rows.map(line),
    ...new Set(failures),
  ].join('\n');
}
