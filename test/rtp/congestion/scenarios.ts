/** The conditions that congestion control is measured under: by the tests, and by `npm run bench -- congestion`. */
import { MediaFlow, type MediaFlowOptions } from './media-flow.ts';
import { ConstantFlow, EventLoop, Path, type PathOptions, TcpFlow } from './network.ts';

export type Scenario = {
  readonly name: string;
  readonly seconds: number;
  readonly path: PathOptions;
  readonly flow?: MediaFlowOptions;
  /** Measured from here on. */
  readonly measureFromMs?: number;
  /** Adds other flows, changes the path. */
  readonly arrange?: (stage: Stage) => void;
  /** What a flow could have at a time, in bits per second; default: the path's rate. */
  readonly available?: (atMs: number) => number;
};

export type Stage = { readonly loop: EventLoop; readonly path: Path; readonly back: Path; readonly flow: MediaFlow };

export type Figures = {
  /** Share of what was to be had that arrived: audio, video and padding. */
  readonly utilisation: number;
  readonly bitrate: number;
  /** Time in the bottleneck's queue, ms. */
  readonly queueP50: number;
  readonly queueP95: number;
  /** Time in our own pacer, ms, of video. */
  readonly pacerP95: number;
  /** Share of packets that did not arrive. */
  readonly loss: number;
  readonly paddingShare: number;
};

export function run(scenario: Scenario, seed = 1): { stage: Stage; figures: Figures } {
  const loop = new EventLoop();
  const path = new Path(loop, { ...scenario.path }, seed);
  const back = new Path(loop, { rate: 1e9, delayMs: scenario.path.delayMs, queueMs: 100 }, seed + 1);
  const flow = new MediaFlow(loop, path, back, { seed: seed + 2, ...scenario.flow });
  const stage = { loop, path, back, flow };
  scenario.arrange?.(stage);
  loop.runUntil(scenario.seconds * 1000);
  return { stage, figures: measure(scenario, flow) };
}

export function measure(scenario: Scenario, flow: MediaFlow): Figures {
  const fromMs = scenario.measureFromMs ?? 0;
  const endMs = scenario.seconds * 1000;
  const arrivals = flow.arrivals.filter(({ atMs }) => atMs >= fromMs && atMs < endMs);
  const bits = arrivals.reduce((sum, { sizeBytes }) => sum + sizeBytes * 8, 0);
  let available = 0;
  for (let atMs = fromMs; atMs < endMs; atMs += 10) {
    const limit = Math.min(scenario.available?.(atMs) ?? scenario.path.rate, scenario.flow?.encoderLimit ?? Infinity);
    available += limit * 0.01;
  }
  const queued = arrivals.map(({ queuedMs }) => queuedMs).sort((a, b) => a - b);
  const paced = arrivals.filter(({ kind }) => kind === 'video').map(({ pacedMs }) => pacedMs);
  const padding = arrivals
    .filter(({ kind }) => kind === 'padding')
    .reduce((sum, { sizeBytes }) => sum + sizeBytes * 8, 0);
  return {
    utilisation: bits / available,
    bitrate: (bits * 1000) / (endMs - fromMs),
    queueP50: quantile(queued, 0.5),
    queueP95: quantile(queued, 0.95),
    pacerP95: quantile(
      paced.sort((a, b) => a - b),
      0.95,
    ),
    loss: 1 - flow.arrivals.length / Math.max(flow.sentPackets, 1),
    paddingShare: bits === 0 ? 0 : padding / bits,
  };
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted.length === 0 ? 0 : sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)]!;
}

const BROADBAND: PathOptions = { rate: 3_000_000, delayMs: 25, queueMs: 300 };
const CONTROLLER = { maxBitrate: 20_000_000 };

export const SCENARIOS: readonly Scenario[] = [
  { name: 'clean 3 Mbit/s', seconds: 60, path: BROADBAND, flow: { controller: CONTROLLER } },
  { name: 'clean 300 kbit/s', seconds: 60, path: { rate: 300_000, delayMs: 40, queueMs: 500 } },
  {
    name: 'clean 15 Mbit/s, 100 ms',
    seconds: 60,
    path: { rate: 15_000_000, delayMs: 50, queueMs: 200 },
    flow: { controller: CONTROLLER },
  },
  {
    name: 'step up 1 → 3 Mbit/s',
    seconds: 60,
    path: { ...BROADBAND, rate: 1_000_000 },
    flow: { controller: CONTROLLER },
    arrange: ({ loop, path }) =>
      loop.at(20_000, () => {
        path.options.rate = 3_000_000;
      }),
    available: (atMs) => (atMs < 20_000 ? 1_000_000 : 3_000_000),
  },
  {
    name: 'step down 3 → 1 Mbit/s',
    seconds: 60,
    path: BROADBAND,
    flow: { controller: CONTROLLER },
    arrange: ({ loop, path }) =>
      loop.at(30_000, () => {
        path.options.rate = 1_000_000;
      }),
    available: (atMs) => (atMs < 30_000 ? 3_000_000 : 1_000_000),
  },
  { name: '1 % random loss', seconds: 60, path: { ...BROADBAND, lossRate: 0.01 }, flow: { controller: CONTROLLER } },
  { name: '5 % random loss', seconds: 60, path: { ...BROADBAND, lossRate: 0.05 }, flow: { controller: CONTROLLER } },
  { name: '20 % random loss', seconds: 60, path: { ...BROADBAND, lossRate: 0.2 }, flow: { controller: CONTROLLER } },
  {
    name: '2 % loss in bursts of 8',
    seconds: 60,
    path: { ...BROADBAND, lossRate: 0.02, lossBurst: 8 },
    flow: { controller: CONTROLLER },
  },
  { name: '20 ms jitter', seconds: 60, path: { ...BROADBAND, jitterMs: 20 }, flow: { controller: CONTROLLER } },
  { name: 'short queue, 40 ms', seconds: 60, path: { ...BROADBAND, queueMs: 40 }, flow: { controller: CONTROLLER } },
  {
    name: 'cross traffic 1.5 Mbit/s, on and off',
    seconds: 60,
    path: BROADBAND,
    flow: { controller: CONTROLLER },
    arrange: ({ loop, path }) => {
      const cross = new ConstantFlow(loop, path, 0);
      for (const atMs of [15_000, 45_000])
        loop.at(atMs, () => {
          cross.rate = 1_500_000;
        });
      for (const atMs of [30_000])
        loop.at(atMs, () => {
          cross.rate = 0;
        });
    },
    available: (atMs) => ((atMs >= 15_000 && atMs < 30_000) || atMs >= 45_000 ? 1_500_000 : 3_000_000),
  },
  {
    name: 'a second flow like it (half is fair)',
    seconds: 120,
    path: BROADBAND,
    flow: { controller: CONTROLLER },
    measureFromMs: 60_000,
    arrange: ({ loop, path, back }) => {
      new MediaFlow(loop, path, back, { controller: CONTROLLER, beginMs: 10_000, seed: 99 });
    },
    available: () => 1_500_000,
  },
  {
    name: 'a TCP download (half is fair)',
    seconds: 90,
    path: BROADBAND,
    flow: { controller: CONTROLLER },
    measureFromMs: 30_000,
    arrange: ({ loop, path }) => {
      new TcpFlow(loop, path, 15_000, 90_000);
    },
    available: () => 1_500_000,
  },
  {
    name: 'feedback: 20 % of messages lost',
    seconds: 60,
    path: BROADBAND,
    flow: { controller: CONTROLLER, feedbackLossRate: 0.2 },
  },
  { name: 'RFC 8888 feedback', seconds: 60, path: BROADBAND, flow: { controller: CONTROLLER, feedback: 'rfc8888' } },
  {
    name: 'receiver reports only',
    seconds: 60,
    path: BROADBAND,
    flow: { controller: CONTROLLER, feedback: 'receiverReports' },
  },
  { name: 'REMB', seconds: 60, path: BROADBAND, flow: { controller: CONTROLLER, feedback: 'remb' } },
  {
    name: 'encoder at 500 kbit/s of 3 Mbit/s',
    seconds: 60,
    path: BROADBAND,
    flow: { controller: CONTROLLER, encoderLimit: 500_000 },
  },
];
