/** The whole sender over a simulated path. The bounds are a little wider than what is measured: docs/congestion.md. */
import { describe, expect, it } from 'vitest';
import { MediaFlow } from './media-flow.ts';
import { ConstantFlow, EventLoop, Path } from './network.ts';
import { type Figures, measure, run, SCENARIOS, type Scenario, type Stage } from './scenarios.ts';

function scenario(name: string): Scenario {
  const found = SCENARIOS.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no scenario is called ${name}`);
  return found;
}

function target(stage: Stage, atSeconds: number): number {
  return stage.flow.targets.find(({ atMs }) => atMs >= atSeconds * 1000)!.bitrate;
}

/** The figures of a part of it. */
function between(stage: Stage, base: Scenario, fromSeconds: number, toSeconds: number): Figures {
  return measure({ ...base, measureFromMs: fromSeconds * 1000, seconds: toSeconds }, stage.flow);
}

describe('congestion control over a path', () => {
  it('fills a path of 3 Mbit/s within two seconds by probing, and leaves its queue short', () => {
    const { stage, figures } = run(scenario('clean 3 Mbit/s'));
    expect(target(stage, 2)).toBeGreaterThan(2_000_000);
    expect(figures.utilisation).toBeGreaterThan(0.85);
    expect(figures.queueP95).toBeLessThan(80);
    expect(figures.loss).toBeLessThan(0.005);
  });

  it('does so whatever the seed', () => {
    for (let seed = 2; seed < 6; seed++) {
      const { figures } = run(scenario('clean 3 Mbit/s'), seed);
      expect(figures.utilisation).toBeGreaterThan(0.8);
      expect(figures.queueP95).toBeLessThan(100);
    }
  });

  it('fills a narrow path and a wide one', () => {
    const narrow = run(scenario('clean 300 kbit/s'));
    expect(narrow.figures.utilisation).toBeGreaterThan(0.85);
    expect(narrow.figures.queueP50).toBeLessThan(60);
    const wide = run(scenario('clean 15 Mbit/s, 100 ms'));
    expect(target(wide.stage, 2)).toBeGreaterThan(10_000_000);
    expect(wide.figures.utilisation).toBeGreaterThan(0.65);
  });

  it('finds out that the path has become wider', () => {
    const base = scenario('step up 1 → 3 Mbit/s');
    const { stage } = run(base);
    expect(target(stage, 19)).toBeLessThan(1_200_000);
    expect(between(stage, base, 40, 60).utilisation).toBeGreaterThan(0.8);
  });

  it('gives way when the path becomes narrower, and empties the queue', () => {
    const base = scenario('step down 3 → 1 Mbit/s');
    const { stage } = run(base);
    expect(target(stage, 31)).toBeLessThan(1_500_000);
    expect(target(stage, 35)).toBeLessThan(1_100_000);
    const after = between(stage, base, 42, 60);
    expect(after.queueP95).toBeLessThan(150);
    expect(after.bitrate).toBeGreaterThan(750_000);
  });

  it('bears 5 % of random loss, and bursts', () => {
    expect(run(scenario('5 % random loss')).figures.utilisation).toBeGreaterThan(0.7);
    expect(run(scenario('2 % loss in bursts of 8')).figures.utilisation).toBeGreaterThan(0.75);
  });

  it('gives way to 20 % of loss', () => {
    expect(run(scenario('20 % random loss')).figures.utilisation).toBeLessThan(0.3);
  });

  it('is not misled by jitter, a short queue, or feedback that is lost', () => {
    for (const name of ['20 ms jitter', 'short queue, 40 ms', 'feedback: 20 % of messages lost']) {
      const { figures } = run(scenario(name));
      expect(figures.utilisation).toBeGreaterThan(0.75);
      expect(figures.queueP95).toBeLessThan(80);
    }
  });

  it('gives way to cross traffic, and takes the room again', () => {
    const { stage } = run(scenario('cross traffic 1.5 Mbit/s, on and off'));
    expect(target(stage, 14)).toBeGreaterThan(2_400_000);
    expect(target(stage, 20)).toBeLessThan(1_650_000);
    expect(target(stage, 44)).toBeGreaterThan(1_700_000);
  });

  it('shares with a flow like it', () => {
    const { figures } = run(scenario('a second flow like it (half is fair)'));
    expect(figures.utilisation).toBeGreaterThan(0.6);
    expect(figures.utilisation).toBeLessThan(1.35);
    expect(figures.queueP95).toBeLessThan(100);
  });

  it('is not starved by a TCP download', () => {
    const { figures } = run(scenario('a TCP download (half is fair)'));
    expect(figures.utilisation).toBeGreaterThan(0.2);
  });

  it('works as well by RFC 8888 feedback', () => {
    const { stage, figures } = run(scenario('RFC 8888 feedback'));
    expect(target(stage, 2)).toBeGreaterThan(2_000_000);
    expect(figures.utilisation).toBeGreaterThan(0.85);
    expect(figures.queueP95).toBeLessThan(80);
  });

  it('works by receiver reports alone, filling the queue until something is lost', () => {
    const { figures } = run(scenario('receiver reports only'));
    expect(figures.utilisation).toBeGreaterThan(0.6);
    expect(figures.loss).toBeLessThan(0.1);
  });

  it('works by REMB, slowly, and leaves the queue short', () => {
    const { stage, figures } = run(scenario('REMB'));
    expect(target(stage, 59)).toBeGreaterThan(2_300_000);
    expect(figures.queueP95).toBeLessThan(100);
  });

  it('keeps its estimate while the encoder makes less, at the price of a few probes', () => {
    const { stage, figures } = run(scenario('encoder at 500 kbit/s of 3 Mbit/s'));
    expect(target(stage, 59)).toBeGreaterThan(2_000_000);
    expect(figures.paddingShare).toBeLessThan(0.06);
  });

  it('begins anew on another route, and finds its width', () => {
    const loop = new EventLoop();
    const back = new Path(loop, { rate: 1e9, delayMs: 20, queueMs: 100 }, 1);
    const flow = new MediaFlow(loop, new Path(loop, { rate: 3_000_000, delayMs: 20, queueMs: 300 }, 2), back, {
      controller: { maxBitrate: 10_000_000 },
    });
    loop.runUntil(20_000);
    expect(flow.controller.rates.targetBitrate).toBeGreaterThan(2_200_000);
    flow.forward = new Path(loop, { rate: 700_000, delayMs: 80, queueMs: 300 }, 3);
    flow.controller.onRouteChange(loop.now, 300_000);
    loop.runUntil(30_000);
    expect(flow.controller.rates.targetBitrate).toBeGreaterThan(450_000);
    expect(flow.controller.rates.targetBitrate).toBeLessThan(800_000);
    flow.forward = new Path(loop, { rate: 5_000_000, delayMs: 10, queueMs: 300 }, 4);
    flow.controller.onRouteChange(loop.now, 300_000);
    loop.runUntil(35_000);
    expect(flow.controller.rates.targetBitrate).toBeGreaterThan(3_500_000);
  });

  it('comes back after an outage', () => {
    const loop = new EventLoop();
    const path = new Path(loop, { rate: 3_000_000, delayMs: 20, queueMs: 300 }, 1);
    const back = new Path(loop, { rate: 1e9, delayMs: 20, queueMs: 100 }, 2);
    const flow = new MediaFlow(loop, path, back, { controller: { maxBitrate: 10_000_000 } });
    loop.at(10_000, () => {
      path.options.lossRate = 1;
    });
    loop.at(20_000, () => {
      path.options.lossRate = 0;
    });
    loop.runUntil(20_000);
    expect(flow.controller.rates.targetBitrate).toBeLessThan(1_000_000);
    loop.runUntil(60_000);
    expect(flow.controller.rates.targetBitrate).toBeGreaterThan(1_500_000);
  });

  it('leaves a constant flow its share', () => {
    const loop = new EventLoop();
    const path = new Path(loop, { rate: 2_000_000, delayMs: 20, queueMs: 200 }, 1);
    const back = new Path(loop, { rate: 1e9, delayMs: 20, queueMs: 100 }, 2);
    new ConstantFlow(loop, path, 1_000_000);
    const flow = new MediaFlow(loop, path, back, { controller: { maxBitrate: 10_000_000 } });
    loop.runUntil(40_000);
    const late = flow.targets.filter(({ atMs }) => atMs > 10_000);
    const mean = late.reduce((sum, { bitrate }) => sum + bitrate, 0) / late.length;
    expect(mean).toBeGreaterThan(600_000);
    expect(mean).toBeLessThan(1_100_000);
  });
});
