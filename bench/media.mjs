/**
 * Media measured: SRTP alone, then one publisher forwarded to many viewers by each stack in turn. The forwarder has a
 * process of its own, which is what is measured; publisher and viewers share another, the same for every stack, which
 * takes a core for itself. Packets are counted at the viewers, in steady state.
 *
 *   npm run bench -- media [--quick] [--only name,name] [--seconds 5] [--rounds 1] [--viewers 20] [--no-srtp] [--no-forward]
 *
 * Two loads. `flood`: as many packets as get through, without congestion control (the peers take no part in it), which
 * shows what a process can forward. `paced`: 4 Mbit/s with everything negotiated that both sides know, at viewers that
 * decrypt and report all, which shows what it costs. A busy machine spoils packets per second first; CPU seconds per
 * million packets less so.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { findRuntime, newestNode, rivalVersion } from '../test/interop/implementations.mjs';
import { attempt, PeerProcess, sleep } from './peer-process.mjs';

const FORWARDER = fileURLToPath(new URL('./media/forwarder.mjs', import.meta.url));
const LOAD = fileURLToPath(new URL('./media/load.mjs', import.meta.url));
const SRTP = fileURLToPath(new URL('./srtp.ts', import.meta.url));

const LOADS = [
  { name: 'flood', command: 'flood', value: { inFlight: 64 } },
  { name: 'paced', command: 'pace', value: { bitrate: 4_000_000 } },
];
const OPEN_TIMEOUT_MS = 20_000;
const FLOW_TIMEOUT_MS = 20_000;

/** The stacks in the order of the table; what is not installed drops out. */
function contestants() {
  const newest = newestNode();
  const own = (runtime, found = findRuntime(runtime), impl = 'purertc') => {
    const name = `${impl.replace('-', ' ')} · ${runtime}`;
    return { name, impl, runtime: found, version: 'this' };
  };
  const rival = (impl) => ({ name: `${impl} · ${newest.name}`, impl, runtime: newest, version: rivalVersion(impl) });
  const all = [
    own('node20'),
    own('node24'),
    own(newest.name, newest),
    own('bun'),
    own('deno'),
    own(newest.name, newest, 'purertc-noble'),
    rival('werift'),
    rival('node-datachannel'),
  ];
  const names = new Set();
  return all.filter(({ name, runtime, version }) => {
    if (runtime === null || version === null || names.has(name)) return false;
    names.add(name);
    return true;
  });
}

async function withForwarder({ impl, runtime }, { name }, viewers, body) {
  const paced = name === 'paced';
  const forwarder = new PeerProcess(FORWARDER, impl, runtime);
  const load = new PeerProcess(LOAD, 'purertc', newestNode());
  try {
    await Promise.all([forwarder.ready, load.ready]);
    await load.call('published', await forwarder.call('publish', await load.call('publish', { paced })));
    for (let i = 0; i < viewers; i++) {
      const { viewer, offer } = await forwarder.call('view');
      await forwarder.call('accept', { viewer, answer: await load.call('view', { offer, paced }) });
    }
    await load.call('connected', null, OPEN_TIMEOUT_MS);
    return await body(forwarder, load);
  } finally {
    forwarder.end();
    load.end();
  }
}

function measureForwarding(contestant, load, viewers, { warmUpMs, rampUpMs, measureMs }) {
  return withForwarder(contestant, load, viewers, async (forwarder, peers) => {
    await peers.call(load.command, load.value);
    await peers.call('flowing', null, FLOW_TIMEOUT_MS);
    await sleep(load.name === 'paced' ? rampUpMs : warmUpMs); // congestion control has to find out what the path takes
    const before = await peers.call('mark');
    const forwarderBefore = await forwarder.usage();
    await sleep(measureMs);
    const after = await peers.call('mark');
    const forwarderAfter = await forwarder.usage();
    const packets = after.packets - before.packets;
    const seconds = (after.at - before.at) / 1000;
    const cpuSeconds = forwarderAfter.cpuSeconds - forwarderBefore.cpuSeconds;
    return {
      packetsPerSecond: packets / seconds,
      deliveredShare: packets / (viewers * (after.written - before.written)),
      cpuSecondsPerMillionPackets: packets === 0 ? null : cpuSeconds / (packets / 1e6),
      cpuShare: cpuSeconds / seconds,
      residentBytes: forwarderAfter.residentBytes,
    };
  });
}

/** bench/srtp.ts in each runtime: those that do not read TypeScript by themselves get it bundled, and so do all. */
async function measureSrtp(quick) {
  const build = await rolldown({ input: SRTP, platform: 'node', external: [] });
  const { output } = await build.generate({ format: 'esm', codeSplitting: false });
  const directory = mkdtempSync(join(tmpdir(), 'purertc-bench-'));
  try {
    const file = join(directory, 'srtp.mjs');
    writeFileSync(file, output[0].code);
    return ['node20', newestNode().name, 'bun', 'deno'].flatMap((name) => {
      const runtime = findRuntime(name);
      if (runtime === null) return [];
      process.stderr.write(`SRTP · ${name} …\n`);
      const args = [...runtime.args, file, '--json', ...(quick ? ['--quick'] : [])];
      const { stdout, stderr, status } = spawnSync(runtime.command, args, { encoding: 'utf8' });
      if (status !== 0) return [{ runtime: name, error: stderr.trim().split('\n').at(-1) }];
      return JSON.parse(stdout).map((speed) => ({ runtime: name, ...speed }));
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export async function main(args) {
  const value = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
  const quick = args.includes('--quick');
  const only = value('--only')?.split(',');
  const rounds = Number(value('--rounds') ?? 1);
  const viewers = Number(value('--viewers') ?? 20);
  const measureMs = Number(value('--seconds') ?? (quick ? 2 : 5)) * 1000;
  const timing = { warmUpMs: quick ? 1500 : 3000, rampUpMs: quick ? 4000 : 8000, measureMs };
  const entrants = contestants().filter(({ name }) => only === undefined || only.some((part) => name.includes(part)));
  if (entrants.length === 0) throw new Error('nothing to measure: npm run build, npm run peers');

  const srtp = args.includes('--no-srtp') ? [] : await measureSrtp(quick);
  if (srtp.length > 0) console.log(`${srtpTable(srtp)}\n`);

  const results = entrants.map(({ name, impl, version }) => ({
    name,
    impl,
    version,
    loads: Object.fromEntries(LOADS.map((load) => [load.name, []])),
  }));
  if (!args.includes('--no-forward')) {
    for (let round = 0; round < rounds; round++) {
      for (const [index, entrant] of entrants.entries()) {
        process.stderr.write(`${entrant.name} …\n`);
        for (const load of LOADS) {
          const figures = await attempt(() => measureForwarding(entrant, load, viewers, timing));
          results[index].loads[load.name].push(figures);
        }
      }
    }
    console.log(forwardingTable(results, viewers));
  }

  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memoryBytes: totalmem(), loadAverage: loadavg() };
  const report = {
    bench: 'media',
    at: new Date().toISOString(),
    machine,
    timing,
    viewers,
    loads: LOADS,
    srtp,
    results,
  };
  const directory = new URL('./results/', import.meta.url);
  mkdirSync(directory, { recursive: true });
  const file = new URL(`media-${report.at.replaceAll(/[:.]/g, '-')}.json`, directory);
  writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`);
  console.log(
    `\n${machine.cores} × ${machine.cpu}, load average ${machine.loadAverage.map((l) => l.toFixed(1)).join(' ')}`,
  );
  console.log(`written to ${fileURLToPath(file)}`);
}

/** The best round: what disturbs a measurement only ever makes it worse. */
function best(attempts, better) {
  const done = attempts.filter(({ error }) => error === undefined);
  return done.length === 0 ? null : done.reduce((a, b) => (better(a, b) ? a : b));
}

const fastest = ({ loads }) => best(loads.flood, (a, b) => a.packetsPerSecond >= b.packetsPerSecond);
const cheapest = ({ loads }) =>
  best(loads.paced, (a, b) => a.cpuSecondsPerMillionPackets <= b.cpuSecondsPerMillionPackets);

function forwardingTable(results, viewers) {
  const format = (figure, digits = 0) => (figure == null ? '–' : figure.toFixed(digits));
  const percent = (share) => (share == null ? '–' : `${(share * 100).toFixed(share > 0.9995 ? 0 : 1)} %`);
  const werift = results.find(({ impl }) => impl === 'werift');
  const theirs = werift && fastest(werift)?.packetsPerSecond;
  const head = [
    `1 → ${viewers}`,
    'packets/s',
    '÷ werift',
    'CPU s/M',
    'CPU',
    'delivered',
    'RSS MB',
    '4 Mbit/s: CPU s/M',
    'CPU',
    'delivered',
  ];
  const rows = results.map((result) => {
    const [flood, paced] = [fastest(result), cheapest(result)];
    return [
      result.name,
      format(flood?.packetsPerSecond),
      flood && theirs ? `${(flood.packetsPerSecond / theirs).toFixed(2)}×` : '–',
      format(flood?.cpuSecondsPerMillionPackets, 1),
      percent(flood?.cpuShare),
      percent(flood?.deliveredShare),
      format(flood && flood.residentBytes / 1e6),
      format(paced?.cpuSecondsPerMillionPackets, 1),
      percent(paced?.cpuShare),
      percent(paced?.deliveredShare),
    ];
  });
  const failures = results.flatMap(({ name, loads }) =>
    Object.entries(loads).flatMap(([load, attempts]) =>
      attempts.flatMap(({ error }) => (error === undefined ? [] : [`${name}, ${load}: ${error}`])),
    ),
  );
  const silent = 'roamhq: @roamhq/wrtc has no way to take or give RTP packets, so that it cannot forward them.';
  return [...lines(head, rows), ...new Set(failures), silent].join('\n');
}

function srtpTable(speeds) {
  const head = ['SRTP packets/s', 'payload', 'crypto', 'protect', 'unprotect'];
  const count = (ns) => Math.round(1e9 / ns).toLocaleString('en');
  const rows = speeds.map(({ runtime, error, profile, payloadLength, crypto, protect, unprotect }) =>
    error === undefined
      ? [`${profile} · ${runtime}`, String(payloadLength), crypto, count(protect), count(unprotect)]
      : [`${runtime}: ${error}`, '', '', '', ''],
  );
  return lines(head, rows).join('\n');
}

function lines(head, rows) {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)];
}
