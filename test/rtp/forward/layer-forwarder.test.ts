import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LayerForwarder, type LayerSelection } from '../../../src/rtp/forward/layer-forwarder.ts';
import { type Delivery, deliver, dice, EncodingModel, type EncodingModelOptions, parse, Viewer } from './publisher.ts';

const FRAME_MS = 1000 / 30;
/** At the end of a run nothing is lost and nothing changes: the viewer has to get what it wants. */
const CALM_MS = 3000;

type Scenario = {
  readonly kind: EncodingModelOptions['kind'];
  readonly modes: readonly string[];
  readonly seed: number;
  /** Packets lost, of 100. */
  readonly chaos: number;
  readonly selections: readonly { readonly at: number; readonly selection: LayerSelection | null }[];
  readonly last: LayerSelection;
  readonly durationMs: number;
  readonly withReports: boolean;
};

/** Plays it; returns the viewer, the forwarder, and what the viewer decoded. */
function play(scenario: Scenario) {
  const { kind, modes, seed, chaos, selections, last, durationMs } = scenario;
  const random = dice(seed);
  const rids = modes.length > 1 ? modes.map((_, i) => `r${i}`) : [];
  const encodings = modes.map(
    (mode, index) =>
      new EncodingModel({ kind, rid: rids[index] ?? null, index, mode, pictureIdBits: seed & 1 ? 15 : 7 }, random),
  );
  const viewer = new Viewer(encodings, kind);
  const requests: { at: number; ssrc: number }[] = [];
  const forwarder = new LayerForwarder(
    { rids },
    {
      forward: (packet) => viewer.take(packet),
      requestKeyFrame: (ssrc) => requests.push({ at: viewer.now, ssrc }),
    },
  );
  const calmAt = durationMs;
  let pending: Delivery[] = [];
  const steps = [...selections, { at: calmAt, selection: last }].sort((a, b) => a.at - b.at);
  let asked = 0;
  for (let picture = 0; picture * FRAME_MS < durationMs + CALM_MS; picture++) {
    const now = picture * FRAME_MS;
    for (const encoding of encodings) {
      if (!encoding.isOn) continue;
      for (const bytes of encoding.encode(picture)) {
        pending.push(...deliver(bytes, now, encoding, now < calmAt ? chaos : 0, random));
      }
      if (scenario.withReports && picture === 5) {
        encoding.reader.noteSenderReport(BigInt(Math.round(now * 4294967.296)), encoding.timestampAt(picture));
      }
    }
    // A viewer whose decoder has stopped asks for a key frame.
    if (chaos > 0 && now < calmAt + 1000 && (now < calmAt ? random(60) === 0 : picture % 10 === 0))
      forwarder.handleKeyFrameRequest(now);
    pending.sort((a, b) => a.at - b.at);
    const due = pending.filter(({ at }) => at < now + FRAME_MS);
    pending = pending.filter(({ at }) => at >= now + FRAME_MS);
    for (const { at, encoding, bytes } of due) {
      viewer.now = at;
      while (steps.length > 0 && steps[0]!.at <= at) forwarder.select(steps.shift()!.selection, at);
      forwarder.handlePacket(encoding.reader.read(parse(bytes)), at);
      if (forwarder.nextTimeout <= at) forwarder.handleTimeout(at);
      if (forwarder.nextTimeout <= at) throw new Error('what was due is done');
    }
    for (; asked < requests.length; asked++) {
      if (now > calmAt || random(4) > 0) encodings[requests[asked]!.ssrc - 1000]!.wantsKeyFrame = true;
    }
  }
  return { viewer, forwarder, encodings, requests, decoded: viewer.check({ isLossless: chaos === 0 }) };
}

const LAYERS = { vp8: ['L1T1', 'L1T2', 'L1T3'], vp9: ['L1T3', 'L2T2', 'L3T3', 'L3T3_KEY'] } as const;
const DESCRIPTOR_MODES = ['L1T2', 'L1T3', 'L2T1', 'L2T2', 'L2T2_KEY', 'L3T3', 'L3T3_KEY', 'S2T1', 'S3T3'] as const;

function selectionOf(rids: number): fc.Arbitrary<LayerSelection> {
  return fc
    .record({
      rid: fc.option(fc.integer({ min: 0, max: rids - 1 }), { nil: undefined }),
      spatialLayer: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
      temporalLayer: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
    })
    .map(({ rid, spatialLayer, temporalLayer }) => ({
      ...(rid !== undefined && rids > 1 && { rid: `r${rid}` }),
      ...(spatialLayer !== undefined && { spatialLayer }),
      ...(temporalLayer !== undefined && { temporalLayer }),
    }));
}

function scenarios(kind: Scenario['kind'], chaos: number): fc.Arbitrary<Scenario> {
  const modes: readonly string[] = kind === 'descriptor' ? DESCRIPTOR_MODES : LAYERS[kind];
  return fc.integer({ min: 1, max: 3 }).chain((count) =>
    fc.record({
      kind: fc.constant(kind),
      modes: fc.array(fc.constantFrom(...modes), { minLength: count, maxLength: count }),
      seed: fc.integer(),
      chaos: fc.constant(chaos),
      selections: fc.array(
        fc.record({
          at: fc.integer({ min: 0, max: 2800 }),
          selection: fc.oneof(
            { weight: 9, arbitrary: selectionOf(count) },
            { weight: 1, arbitrary: fc.constant(null) },
          ),
        }),
        { maxLength: 8 },
      ),
      last: selectionOf(count),
      durationMs: fc.constant(3000),
      withReports: fc.boolean(),
    }),
  );
}

/** In the end the viewer gets the layers it asked for, as far as there are any, and no others. */
function expectWishFulfilled({ last, modes, kind }: Scenario, { forwarder, decoded }: ReturnType<typeof play>): void {
  const index = last.rid === undefined ? modes.length - 1 : Number(last.rid.slice(1));
  expect(forwarder.watching!.ssrc).toBe(1000 + index);
  const [, spatial, temporal] = /^[LS](\d)T(\d)/.exec(modes[index]!)!;
  const spatialLayer = Math.min(last.spatialLayer ?? 9, Number(spatial) - 1);
  const temporalLayer = Math.min(last.temporalLayer ?? 9, Number(temporal) - 1);
  const end = decoded.at(-1)!.at;
  const recent = decoded.filter(({ at }) => at > end - 500);
  expect(recent.length).toBeGreaterThan(0);
  expect(recent.every(({ frame }) => frame.encoding === index)).toBe(true);
  expect(Math.max(...recent.map(({ frame }) => frame.spatialLayer))).toBe(spatialLayer);
  expect(Math.max(...recent.map(({ frame }) => frame.temporalLayer))).toBe(temporalLayer);
  if (kind === 'descriptor' && /^S|KEY/.test(modes[index]!)) {
    const delta = recent.filter(({ frame }) => !frame.isKeyPicture || modes[index]!.startsWith('S'));
    expect(delta.every(({ frame }) => frame.spatialLayer === spatialLayer)).toBe(true);
  }
}

describe.each(['vp8', 'vp9', 'descriptor'] as const)('%s', (kind) => {
  test('whatever is selected, the viewer decodes all it gets, without a hole in any number', () => {
    fc.assert(
      fc.property(scenarios(kind, 0), (scenario) => expectWishFulfilled(scenario, play(scenario))),
      { numRuns: 40 },
    );
  });

  test('with loss, reordering and repair, every break is one that the viewer can see', () => {
    fc.assert(
      fc.property(scenarios(kind, 5), (scenario) => expectWishFulfilled(scenario, play(scenario))),
      { numRuns: 40 },
    );
  });
});
