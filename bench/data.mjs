/**
 * Data channels measured: two processes on loopback, each stack in turn in the same run, so that what else the machine
 * does falls on all of them. Bytes are counted at the receiver over a fixed time in steady state.
 *
 *   npm run bench -- data [--quick] [--only name,name] [--seconds 5] [--rounds 1]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { findRuntime, newestNode, rivalVersion } from '../test/interop/implementations.mjs';
import { attempt, median, PeerProcess, sleep, within } from './peer-process.mjs';

const PEER = fileURLToPath(new URL('./data-peer.mjs', import.meta.url));

const LOADS = [
  { name: '16 KiB', size: 16_384 },
  { name: '64 KiB', size: 65_536 },
  { name: '100 B', size: 100 },
];
/**
 * How much the sender keeps in bufferedAmount. Stacks differ in what they like, werift by a factor of ten, so every one
 * of them is measured with each of these and its best counts.
 */
const BUFFERS = [
  { low: 16 << 10, high: 64 << 10 },
  { low: 256 << 10, high: 1 << 20 },
];
const BURST = { count: 2000, size: 64 };
/** A stack that has not delivered its burst by then is not going to. */
const BURST_TIMEOUT_MS = 60_000;
const OPEN_TIMEOUT_MS = 20_000;

/** The stacks in the order of the table; what is not installed drops out. */
export function contestants() {
  const newest = newestNode();
  const own = (name, impl, runtime, found = findRuntime(runtime)) => ({ name, impl, runtime: found, version: 'this' });
  const rival = (impl) => ({ name: `${impl} · ${newest.name}`, impl, runtime: newest, version: rivalVersion(impl) });
  const all = [
    own('purertc · node20', 'purertc', 'node20'),
    own(`purertc · ${newest.name}`, 'purertc', newest.name, newest),
    own('purertc · deno', 'purertc', 'deno'),
    own('purertc · bun', 'purertc', 'bun'),
    own('purertc noble · node20', 'purertc-noble', 'node20'),
    own(`purertc noble · ${newest.name}`, 'purertc-noble', newest.name, newest),
    rival('werift'),
    rival('node-datachannel'),
    rival('roamhq'),
  ];
  const seen = new Set();
  return all.filter(({ name, runtime, version }) => {
    if (runtime === null || version === null || seen.has(name)) return false;
    seen.add(name);
    return true;
  });
}

/** Connects the two anew and returns the ms from the first call to the channel being open at both ends. */
async function connect(sender, receiver) {
  const start = performance.now();
  // Candidates wait for the description that they belong to.
  const gate = (to) => {
    const waiting = [];
    let open = false;
    return {
      add: (candidate) => (open ? void to.call('candidate', candidate).catch(() => {}) : void waiting.push(candidate)),
      open() {
        open = true;
        for (const candidate of waiting) to.call('candidate', candidate).catch(() => {});
      },
    };
  };
  const toReceiver = gate(receiver);
  const toSender = gate(sender);
  sender.onCandidate = toReceiver.add;
  receiver.onCandidate = toSender.add;
  await receiver.call('create', { offering: false });
  const offer = await sender.call('create', { offering: true });
  const answer = await receiver.call('answer', offer);
  toReceiver.open();
  await sender.call('accept', answer);
  toSender.open();
  await Promise.all([sender.call('opened'), receiver.call('opened')]);
  return performance.now() - start;
}

async function withPair({ impl, runtime }, body) {
  const sender = new PeerProcess(PEER, impl, runtime);
  const receiver = new PeerProcess(PEER, impl, runtime);
  try {
    await Promise.all([sender.ready, receiver.ready]);
    return await body(sender, receiver);
  } finally {
    sender.end();
    receiver.end();
  }
}

/** One load on a connection of its own: MB/s, messages/s, CPU seconds per GB of both processes, resident memory. */
async function measureLoad(contestant, load, { warmUpMs, measureMs }) {
  return withPair(contestant, async (sender, receiver) => {
    await within(connect(sender, receiver), OPEN_TIMEOUT_MS, 'opening');
    await sender.call('send', load);
    await sleep(warmUpMs);
    const before = await receiver.call('mark');
    const [senderBefore, receiverBefore] = await Promise.all([sender.usage(), receiver.usage()]);
    await sleep(measureMs);
    const after = await receiver.call('mark');
    const [senderAfter, receiverAfter] = await Promise.all([sender.usage(), receiver.usage()]);
    const seconds = (after.at - before.at) / 1000;
    const bytes = after.bytes - before.bytes;
    const cpuSeconds =
      senderAfter.cpuSeconds - senderBefore.cpuSeconds + (receiverAfter.cpuSeconds - receiverBefore.cpuSeconds);
    return {
      megabytesPerSecond: bytes / seconds / 1e6,
      messagesPerSecond: (after.messages - before.messages) / seconds,
      cpuSecondsPerGigabyte: bytes === 0 ? null : cpuSeconds / (bytes / 1e9),
      senderResidentBytes: senderAfter.residentBytes,
      receiverResidentBytes: receiverAfter.residentBytes,
    };
  });
}

/** Times to open: the first connection of two fresh processes, and the median of those after it. */
async function measureOpen(contestant, { opens }) {
  return withPair(contestant, async (sender, receiver) => {
    const times = [];
    for (let i = 0; i < opens; i++) times.push(await within(connect(sender, receiver), OPEN_TIMEOUT_MS, 'opening'));
    return { firstMs: times[0], medianMs: median(times.length > 1 ? times.slice(1) : times) };
  });
}

async function measureBurst(contestant) {
  return withPair(contestant, async (sender, receiver) => {
    await within(connect(sender, receiver), OPEN_TIMEOUT_MS, 'opening');
    const times = [];
    for (let i = 0; i < (times[0] > 5000 ? 1 : 5); i++) {
      await receiver.call('expectBurst', BURST);
      times.push(await sender.call('burst', BURST, BURST_TIMEOUT_MS));
    }
    return { firstMs: times[0], medianMs: median(times.length > 1 ? times.slice(1) : times) };
  });
}

export async function main(args) {
  const value = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
  const quick = args.includes('--quick');
  const only = value('--only')?.split(',');
  const rounds = Number(value('--rounds') ?? 1);
  const measureMs = Number(value('--seconds') ?? (quick ? 1.5 : 5)) * 1000;
  const timing = { warmUpMs: quick ? 700 : 2000, measureMs, opens: quick ? 4 : 11 };
  const entrants = contestants().filter(({ name }) => only === undefined || only.some((part) => name.includes(part)));
  if (entrants.length === 0) throw new Error('nothing to measure: npm run build, npm run peers');

  const results = entrants.map(({ name, impl, version }) => ({ name, impl, version, open: [], burst: [], loads: {} }));
  for (let round = 0; round < rounds; round++) {
    for (const [index, entrant] of entrants.entries()) {
      const result = results[index];
      process.stderr.write(`${entrant.name} …\n`);
      result.open.push(await attempt(() => measureOpen(entrant, timing)));
      for (const load of LOADS) {
        result.loads[load.name] ??= [];
        for (const buffer of BUFFERS) {
          const figures = await attempt(() => measureLoad(entrant, { ...load, ...buffer }, timing));
          result.loads[load.name].push({ bufferBytes: buffer.high, ...figures });
        }
      }
      result.burst.push(await attempt(() => measureBurst(entrant)));
    }
  }

  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memoryBytes: totalmem(), loadAverage: loadavg() };
  const report = {
    bench: 'data',
    at: new Date().toISOString(),
    machine,
    timing,
    loads: LOADS,
    buffers: BUFFERS,
    burst: BURST,
    results,
  };
  const directory = new URL('./results/', import.meta.url);
  mkdirSync(directory, { recursive: true });
  const file = new URL(`data-${report.at.replaceAll(/[:.]/g, '-')}.json`, directory);
  writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`);
  console.log(table(results));
  console.log(
    `\n${machine.cores} × ${machine.cpu}, load average ${machine.loadAverage.map((l) => l.toFixed(1)).join(' ')}`,
  );
  console.log(`written to ${fileURLToPath(file)}`);
}

/** The best of the attempts: what disturbs a measurement only ever makes it worse. */
function best(attempts, figure, better) {
  const done = attempts.filter((entry) => entry.error === undefined);
  return done.length === 0 ? null : done.reduce((a, b) => (better(a[figure], b[figure]) ? a : b));
}
const most = (a, b) => a >= b;
const least = (a, b) => a <= b;

function table(results) {
  const format = (value, digits = 0) => value?.toFixed(digits) ?? '–';
  const fastest = (result, load) => best(result.loads[load], 'megabytesPerSecond', most);
  const quickest = (attempts) => best(attempts, 'medianMs', least);
  const ratio = (result, impl) => {
    const other = results.find((candidate) => candidate.impl === impl);
    const mine = fastest(result, '16 KiB')?.megabytesPerSecond;
    const its = other && fastest(other, '16 KiB')?.megabytesPerSecond;
    return mine && its ? `${(mine / its).toFixed(2)}×` : '–';
  };
  const head = [
    'stack',
    'open ms',
    '(first)',
    ...LOADS.slice(0, 2).map(({ name }) => `${name} MB/s`),
    '100 B msg/s',
    'CPU s/GB 16 KiB',
    'RSS MB s/r',
    `burst ${BURST.count}×${BURST.size} B ms`,
    '÷ werift',
    '÷ n-d-c',
  ];
  const rows = results.map((result) => {
    const usual = fastest(result, '16 KiB');
    return [
      result.name,
      format(quickest(result.open)?.medianMs),
      format(best(result.open, 'firstMs', least)?.firstMs),
      format(usual?.megabytesPerSecond, 1),
      format(fastest(result, '64 KiB')?.megabytesPerSecond, 1),
      format(best(result.loads['100 B'], 'messagesPerSecond', most)?.messagesPerSecond),
      format(usual?.cpuSecondsPerGigabyte, 1),
      usual === null
        ? '–'
        : [usual.senderResidentBytes, usual.receiverResidentBytes].map((n) => format(n / 1e6)).join('/'),
      format(quickest(result.burst)?.medianMs),
      ratio(result, 'werift'),
      ratio(result, 'node-datachannel'),
    ];
  });
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  const failures = results.flatMap((result) =>
    [...result.open, ...result.burst, ...Object.values(result.loads).flat()]
      .filter((entry) => entry.error !== undefined)
      .map((entry) => `${result.name}: ${entry.error}`),
  );
  return [
    line(head),
    widths.map((width) => '─'.repeat(width)).join('  '),
    ...rows.map(line),
    ...new Set(failures),
  ].join('\n');
}
