/** What Chromium sent, recorded by scripts/record-browser-rtp.ts with what its encoder had made. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex } from '../../../src/binary/bytes.ts';
import {
  type DependencyStructure,
  decodeTargetLayers,
  writeDependencyDescriptor,
} from '../../../src/rtp/extensions/dependency-descriptor.ts';
import { DependencyReceiver } from '../../../src/rtp/extensions/dependency-streams.ts';
import { dependencyStructure } from '../../../src/rtp/extensions/dependency-structures.ts';
import { RtpPacket } from '../../../src/rtp/packet.ts';
import { payloadFormat } from '../../../src/rtp/payload/index.ts';
import { packetsOf } from './ivf-support.ts';
import { receiveFrames } from './nal-support.ts';

type Recording = {
  codec: string;
  scalabilityMode: string;
  dependencyDescriptorId: number;
  frames: {
    rtpTimestamp: number;
    type: 'key' | 'delta';
    length: number;
    sha256: string;
    width: number;
    height: number;
    spatialIndex?: number;
    temporalIndex: number;
    frameId: number;
    dependencies: number[];
  }[];
  packets: string[];
};

const NAMES = ['vp8-l1t2', 'vp9-l1t3', 'vp9-l2t2', 'vp9-l3t3_key', 'av1-l1t3', 'av1-l2t2'];
const recordings = NAMES.map((name): [string, Recording] => {
  const file = new URL(`../../../fixtures/rtp/chromium-${name}.json`, import.meta.url);
  return [name, JSON.parse(readFileSync(file, 'utf8')) as Recording];
});

/** What encoders of AV1 begin each temporal unit with, and RTP leaves out. */
const TEMPORAL_DELIMITER = fromHex('1200');

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

describe.each(recordings)('%s', (_name, recording) => {
  const format = payloadFormat(`video/${recording.codec}`)!;
  const packets = recording.packets.map((packet) => RtpPacket.parse(new Uint8Array(Buffer.from(packet, 'base64')))!);
  const received = receiveFrames(
    format,
    packets.map(({ sequenceNumber, timestamp, marker, payload }) => ({ sequenceNumber, timestamp, marker, payload })),
  );
  const timestamps = [...new Set(recording.frames.map(({ rtpTimestamp }) => rtpTimestamp))];

  test('its packets become what its encoder made, byte for byte, layer for layer', () => {
    expect(received.length).toBe(timestamps.length);
    received.forEach(({ data, isKeyFrame, metadata }, i) => {
      const layers = recording.frames.filter(({ rtpTimestamp }) => rtpTimestamp === timestamps[i]);
      const lengths = metadata?.layerFrames?.map(({ length }) => length) ?? [data.length];
      expect(lengths.length).toBe(layers.length);
      let start = 0;
      lengths.forEach((length, layer) => {
        const part = data.subarray(start, start + length);
        const hasDelimiter = recording.codec === 'AV1' && layer === 0;
        expect(sha256(hasDelimiter ? concatBytes(TEMPORAL_DELIMITER, part) : part)).toBe(layers[layer]!.sha256);
        start += length;
      });
      expect(isKeyFrame).toBe(layers[0]!.type === 'key');
      // With dependency descriptors, Chromium leaves everything but S out of VP8's own descriptor.
      const isTold = recording.codec !== 'VP8';
      expect(metadata?.temporalLayer).toBe(isTold ? layers[0]!.temporalIndex : undefined);
    });
  });

  test('key frames tell their size', () => {
    const { width, height } = recording.frames.findLast(({ rtpTimestamp }) => rtpTimestamp === timestamps[0])!;
    expect(received[0]!.metadata).toMatchObject({ width, height });
  });

  test('what was received can be sent again', () => {
    const again = receiveFrames(format, packetsOf(format, received, 300));
    expect(again).toEqual(received);
  });

  test('its dependency descriptors tell the layers and references of its frames, and are written as they were read', () => {
    const receiver = new DependencyReceiver();
    const firstId = recording.frames[0]!.frameId;
    let firstNumber: number | undefined;
    const seen = new Set<number>();
    for (const packet of packets) {
      const data = packet.extension(recording.dependencyDescriptorId)!;
      const descriptor = receiver.read(data)!;
      firstNumber ??= descriptor.frameNumber;
      const frameId = firstId + ((descriptor.frameNumber - firstNumber) & 0xffff);
      const frame = recording.frames.find((each) => each.frameId === frameId)!;
      expect(packet.timestamp).toBe(frame.rtpTimestamp);
      expect(descriptor.dependencies).toMatchObject({
        spatialLayer: frame.spatialIndex ?? 0,
        temporalLayer: frame.temporalIndex,
      });
      expect(descriptor.dependencies.frameDifferences.map((difference) => frameId - difference).sort()).toEqual(
        [...frame.dependencies].sort(),
      );
      expect(descriptor.startsFrame).toBe(!seen.has(frameId));
      seen.add(frameId);
      expect(writeDependencyDescriptor(descriptor, receiver.structure!)).toEqual(data.slice());
    }
    expect(seen.size).toBe(recording.frames.length);
  });
});

// VP8 in Chromium has patterns of its own.
const usual = recordings.filter(([, { codec }]) => codec !== 'VP8');
test.each(usual)('%s: its structure is ours for its mode, with its decode targets upside down', (_name, recording) => {
  const packet = RtpPacket.parse(new Uint8Array(Buffer.from(recording.packets[0]!, 'base64')))!;
  const receiver = new DependencyReceiver();
  receiver.read(packet.extension(recording.dependencyDescriptorId)!);
  expect(inAnyOrder(receiver.structure!)).toEqual(inAnyOrder(dependencyStructure(recording.scalabilityMode)!));
});

/** Templates in an order of their own, with the indications in the order of their targets' layers. */
function inAnyOrder(structure: DependencyStructure): string[] {
  const targets = Array.from({ length: structure.decodeTargetCount }, (_, target) => {
    const { spatialLayer, temporalLayer } = decodeTargetLayers(structure, target);
    return { target, rank: 8 * spatialLayer + temporalLayer };
  }).sort((a, b) => a.rank - b.rank);
  return structure.templates
    .map((template) =>
      JSON.stringify([
        template.spatialLayer,
        template.temporalLayer,
        template.frameDifferences,
        template.chainDifferences,
        targets.map(({ target }) => template.decodeTargetIndications[target]),
      ]),
    )
    .sort();
}
