import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pacer, type PacerOptions, type PacketKind } from '../../../src/rtp/congestion/index.ts';
import type { ProbeCluster } from '../../../src/rtp/congestion/types.ts';

type Packet = { readonly kind: PacketKind; readonly sizeBytes: number; readonly id: number };
type Sent = Packet & { readonly atMs: number; readonly probe: number | null };

class Stage {
  readonly sent: Sent[] = [];
  readonly dropped: number[] = [];
  readonly pacer: Pacer<Packet>;
  now = 0;
  padding = true;
  #id = 0;

  constructor(options: PacerOptions = {}) {
    this.pacer = new Pacer(options, {
      send: (packet, probe, atMs) => this.sent.push({ ...packet, atMs, probe: probe?.id ?? null }),
      makePadding: (sizeBytes) => (this.padding ? [this.packet('padding', sizeBytes)] : []),
      drop: ({ id }) => this.dropped.push(id),
    });
  }

  packet(kind: PacketKind, sizeBytes: number): Packet {
    return { kind, sizeBytes, id: this.#id++ };
  }

  enqueue(kind: PacketKind, sizeBytes = 1250, count = 1): void {
    for (let i = 0; i < count; i++) this.pacer.enqueue(this.packet(kind, sizeBytes), this.now);
  }

  /** Runs its timer until `endMs`; no timer fires closer than `timerMs` after the one before. */
  run(endMs: number, timerMs = 0): void {
    for (let i = 0; i < 100_000; i++) {
      const { nextTimeout } = this.pacer;
      if (nextTimeout > endMs) break;
      this.now = Math.max(this.now + (i > 0 ? timerMs : 0), nextTimeout);
      this.pacer.handleTimeout(this.now);
      expect(this.pacer.nextTimeout).toBeGreaterThan(this.now);
    }
    this.now = endMs;
  }

  bytes(fromMs = 0): number {
    return this.sent.filter(({ atMs }) => atMs >= fromMs).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }
}

function cluster(id: number, targetBitrate: number, requestedAtMs = 0): ProbeCluster {
  return { id, targetBitrate, minPackets: 5, minBytes: (targetBitrate * 15) / 8000, intervalMs: 2, requestedAtMs };
}

describe('Pacer', () => {
  it('sends at the pacing rate, in bursts of 5 ms', () => {
    const stage = new Stage();
    stage.pacer.setRates(1_000_000, 0, 0);
    stage.enqueue('video', 125, 100); // 1 ms each
    stage.run(0);
    expect(stage.sent).toHaveLength(5);
    stage.run(50);
    expect(stage.sent).toHaveLength(55);
    stage.run(100);
    expect(stage.sent).toHaveLength(100);
  });

  it('keeps its rate when timers come late', () => {
    const stage = new Stage();
    stage.pacer.setRates(10_000_000, 0, 0);
    stage.enqueue('video', 1250, 1000); // 1 s
    stage.run(1000, 7.3);
    expect(stage.sent.length).toBeGreaterThan(985);
  });

  it('does not make up for a process that stood still', () => {
    const stage = new Stage({ queueTimeLimitMs: 60_000 });
    stage.pacer.setRates(1_000_000, 0, 0);
    stage.enqueue('video', 1250, 300);
    stage.pacer.handleTimeout(0);
    const before = stage.sent.length;
    stage.pacer.handleTimeout(1500);
    expect(stage.sent.length - before).toBeLessThanOrEqual(7); // 50 ms and a burst
  });

  it('does nothing the second time it is asked with the same time', () => {
    const stage = new Stage();
    stage.pacer.setRates(1_000_000, 0, 0);
    stage.enqueue('video', 1250, 10);
    stage.pacer.handleTimeout(0);
    const { length } = stage.sent;
    stage.pacer.handleTimeout(0);
    expect(stage.sent).toHaveLength(length);
  });

  it('sends audio at once, then retransmissions, then video and its repair in order, then padding', () => {
    const stage = new Stage();
    stage.pacer.setRates(100_000, 0, 0);
    for (const kind of ['padding', 'video', 'fec', 'retransmission', 'audio', 'audio'] as const) stage.enqueue(kind);
    stage.run(0);
    expect(stage.sent.map(({ kind }) => kind)).toEqual(['audio', 'audio']);
    stage.run(2000);
    expect(stage.sent.map(({ kind }) => kind).slice(2)).toEqual(['retransmission', 'video', 'fec', 'padding']);
  });

  it('lets audio wait where that is asked for', () => {
    const stage = new Stage({ paceAudio: true });
    stage.pacer.setRates(100_000, 0, 0);
    stage.enqueue('video');
    stage.run(0);
    stage.enqueue('audio');
    stage.run(50);
    expect(stage.sent).toHaveLength(1);
    stage.run(100);
    expect(stage.sent).toHaveLength(2);
  });

  it('sends faster than it may rather than let packets wait for more than 2 s', () => {
    const stage = new Stage();
    stage.pacer.setRates(100_000, 0, 0);
    stage.enqueue('video', 1250, 100); // 10 s
    stage.run(2100);
    expect(stage.pacer.queuedPackets).toBeLessThan(10);
    expect(stage.sent.at(-1)!.atMs).toBeGreaterThan(1500);
  });

  it('fills up to the padding rate, and only after media', () => {
    const stage = new Stage();
    stage.pacer.setRates(1_000_000, 500_000, 0);
    expect(stage.pacer.nextTimeout).toBe(Infinity);
    stage.enqueue('video');
    stage.run(10_000);
    expect(stage.bytes() * 8).toBeGreaterThan(4_900_000);
    expect(stage.bytes() * 8).toBeLessThan(5_100_000);
    for (let i = 0; i < 100; i++) {
      stage.enqueue('video');
      stage.run(stage.now + 10);
    }
    const share = stage.sent.filter(({ kind, atMs }) => kind === 'padding' && atMs > 10_100);
    expect(share).toEqual([]);
  });

  it('asks again later when there is no padding to be had', () => {
    const stage = new Stage();
    stage.padding = false;
    stage.pacer.setRates(1_000_000, 500_000, 0);
    stage.enqueue('video');
    stage.run(1000);
    expect(stage.sent).toHaveLength(1);
    expect(stage.pacer.nextTimeout).toBeGreaterThan(1000);
    expect(stage.pacer.nextTimeout).toBeLessThan(1100);
  });

  it('sends a probe at its own rate, filled up with padding, and holds other packets back meanwhile', () => {
    const stage = new Stage();
    stage.pacer.setRates(500_000, 0, 0);
    stage.pacer.addProbe(cluster(7, 2_000_000), 0);
    stage.run(10);
    expect(stage.sent).toEqual([]);
    stage.enqueue('video', 1000, 2);
    stage.run(100);
    const probe = stage.sent.filter((packet) => packet.probe === 7);
    expect(probe.length).toBeGreaterThanOrEqual(5);
    const bytes = probe.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    expect(bytes).toBeGreaterThanOrEqual(3750);
    const bitrate = ((bytes - probe.at(-1)!.sizeBytes) * 8000) / (probe.at(-1)!.atMs - probe[0]!.atMs);
    expect(bitrate).toBeGreaterThan(1_900_000);
    expect(bitrate).toBeLessThan(2_100_000);
  });

  it('sends probes one after the other', () => {
    const stage = new Stage();
    stage.pacer.setRates(500_000, 0, 0);
    stage.pacer.addProbe(cluster(1, 900_000), 0);
    stage.pacer.addProbe(cluster(2, 1_800_000), 0);
    stage.enqueue('video', 1200);
    stage.run(500, 1);
    expect([...new Set(stage.sent.map(({ probe }) => probe))]).toEqual([1, 2]);
  });

  it('gives up a probe that is out of date, too late, or has nothing to be sent', () => {
    const old = new Stage();
    old.pacer.setRates(500_000, 0, 0);
    old.pacer.addProbe(cluster(1, 900_000), 0);
    old.now = 6000;
    old.enqueue('video');
    old.run(6100);
    expect(old.sent[0]!.probe).toBeNull();

    const late = new Stage();
    late.pacer.setRates(500_000, 0, 0);
    late.pacer.addProbe(cluster(1, 900_000), 0);
    late.enqueue('video');
    late.pacer.handleTimeout(30);
    expect(late.sent[0]!.probe).toBeNull();

    const silent = new Stage();
    silent.padding = false;
    silent.pacer.setRates(500_000, 0, 0);
    silent.pacer.addProbe(cluster(1, 900_000), 0);
    silent.enqueue('video');
    silent.run(100);
    expect(silent.sent).toHaveLength(1);
    expect(silent.pacer.nextTimeout).toBe(Infinity);
  });

  it('limits its queue: what is least urgent and youngest makes room, or the packet itself is refused', () => {
    const stage = new Stage({ maxPackets: 3 });
    stage.enqueue('video', 100, 2); // 0, 1
    stage.enqueue('padding', 100); // 2
    stage.enqueue('video', 100); // 3, for 2
    stage.enqueue('video', 100); // 4, refused
    stage.enqueue('audio', 100); // 5, for 3
    expect(stage.dropped).toEqual([2, 4, 3]);
    expect(stage.pacer.stats.dropped).toBe(3);
    expect(stage.pacer.queuedPackets).toBe(3);
    stage.pacer.setRates(10_000_000, 0, 0);
    stage.run(100);
    expect(stage.sent.map(({ id }) => id)).toEqual([5, 0, 1]);
  });

  it('takes out packets that have become worthless, and waits while it is paused', () => {
    const stage = new Stage();
    stage.pacer.setRates(100_000, 0, 0);
    stage.enqueue('video', 100, 10);
    stage.pacer.pause();
    expect(stage.pacer.nextTimeout).toBe(Infinity);
    stage.pacer.handleTimeout(10);
    expect(stage.sent).toEqual([]);
    stage.pacer.remove(({ id }) => id % 2 === 0);
    expect([stage.pacer.queuedPackets, stage.pacer.queuedBytes]).toEqual([5, 500]);
    expect(stage.pacer.expectedQueueTimeMs).toBe(40);
    stage.now = 20;
    stage.pacer.resume(20);
    stage.run(1000);
    expect(stage.sent.map(({ id }) => id)).toEqual([1, 3, 5, 7, 9]);
  });

  it('refuses rates and options that make no sense', () => {
    const { pacer } = new Stage();
    expect(() => pacer.setRates(Number.NaN, 0, 0)).toThrow(RangeError);
    expect(() => pacer.setRates(1, -1, 0)).toThrow(/paddingBitrate/);
    expect(() => new Stage({ burstMs: -1 })).toThrow(RangeError);
    expect(() => new Stage({ maxPackets: 0 })).toThrow(RangeError);
  });

  it('sends every packet once, oldest first of its kind, at no more than its rates, whatever happens', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constantFrom<PacketKind>('audio', 'video', 'retransmission', 'fec'),
        count: fc.integer({ min: 1, max: 40 }),
      }),
      fc.record({ rate: fc.integer({ min: 50_000, max: 20_000_000 }), padding: fc.integer({ min: 0, max: 500_000 }) }),
      fc.record({ probe: fc.integer({ min: 100_000, max: 5_000_000 }) }),
      fc.record({
        waitMs: fc.double({ min: 0, max: 200, noNaN: true }),
        timerMs: fc.double({ min: 0, max: 10, noNaN: true }),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const stage = new Stage();
        stage.pacer.setRates(300_000, 0, 0);
        let queued = 0;
        let id = 0;
        for (const step of steps) {
          if ('kind' in step) {
            stage.enqueue(step.kind, 100 + ((step.count * 37) % 1100), step.count);
            queued += step.count;
          } else if ('rate' in step) stage.pacer.setRates(step.rate, step.padding, stage.now);
          else if ('probe' in step) stage.pacer.addProbe(cluster(id++, step.probe, stage.now), stage.now);
          else stage.run(stage.now + step.waitMs, step.timerMs);
        }
        stage.pacer.setRates(1_000_000, 0, stage.now);
        stage.run(stage.now + 60_000);
        const media = stage.sent.filter(({ kind }) => kind !== 'padding');
        expect(media).toHaveLength(queued);
        for (const kind of ['audio', 'video', 'retransmission', 'fec']) {
          const ids = media.filter((packet) => packet.kind === kind).map((packet) => packet.id);
          expect(ids).toEqual([...ids].sort((a, b) => a - b));
        }
        expect([stage.pacer.queuedPackets, stage.pacer.queuedBytes]).toEqual([0, 0]);
      }),
      { numRuns: 100 },
    );
  });
});
