/** Chromium's packets, recorded by scripts/record-browser-rtp.ts, forwarded with fewer layers and one encoding after another. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { concatBytes, fromHex } from '../../../src/binary/bytes.ts';
import { DependencyReceiver } from '../../../src/rtp/extensions/dependency-streams.ts';
import { EncodingReader } from '../../../src/rtp/forward/encoding-reader.ts';
import { type ForwardedPacket, LayerForwarder, type LayerSelection } from '../../../src/rtp/forward/layer-forwarder.ts';
import { RtpPacket } from '../../../src/rtp/packet.ts';
import { payloadFormat } from '../../../src/rtp/payload/index.ts';
import { receiveFrames } from '../payload/nal-support.ts';
import { dice } from './publisher.ts';

type Recording = {
  codec: string;
  scalabilityMode: string;
  dependencyDescriptorId: number;
  frames: { rtpTimestamp: number; sha256: string; spatialIndex?: number; temporalIndex: number; frameId: number }[];
  packets: string[];
};

const NAMES = ['vp8-l1t2', 'vp9-l1t3', 'vp9-l2t2', 'vp9-l3t3_key', 'av1-l1t3', 'av1-l2t2'];
const recordings = NAMES.map((name): [string, Recording] => {
  const file = new URL(`../../../fixtures/rtp/chromium-${name}.json`, import.meta.url);
  return [name, JSON.parse(readFileSync(file, 'utf8')) as Recording];
});
const TEMPORAL_DELIMITER = fromHex('1200');

type Received = Omit<ForwardedPacket, 'source'> & { readonly frame: number };

function packetsOf(recording: Recording): Uint8Array[] {
  return recording.packets.map((packet) => new Uint8Array(Buffer.from(packet, 'base64')));
}

function keep(received: Received[]): (packet: ForwardedPacket) => void {
  return ({ source, payload, dependencyDescriptor, ...rest }) => {
    const copy = { payload: payload.slice(), dependencyDescriptor: dependencyDescriptor?.slice() ?? null };
    received.push({ ...rest, ...copy, frame: source.frame });
  };
}

function forward(recording: Recording, selection: LayerSelection, withDescriptors: boolean): Received[] {
  const received: Received[] = [];
  const mimeType = `video/${recording.codec}`;
  const dependencyDescriptorId = withDescriptors ? recording.dependencyDescriptorId : 0;
  const reader = new EncodingReader({ ssrc: 1, rid: null, mimeType, dependencyDescriptorId });
  const forwarder = new LayerForwarder({}, { forward: keep(received), requestKeyFrame: () => {} });
  forwarder.select(selection, 0);
  for (const bytes of packetsOf(recording)) forwarder.handlePacket(reader.read(RtpPacket.parse(bytes)!), 0);
  return received;
}

const layers = (recording: Recording) =>
  [0, 1, 2]
    .flatMap((spatialLayer) => [0, 1, 2].map((temporalLayer) => ({ spatialLayer, temporalLayer })))
    .filter(({ spatialLayer, temporalLayer }) => {
      const [, spatial, temporal] = /^L(\d)T(\d)/.exec(recording.scalabilityMode)!;
      return spatialLayer < Number(spatial) && temporalLayer < Number(temporal);
    });

describe.each(recordings)('%s', (name, recording) => {
  const format = payloadFormat(`video/${recording.codec}`)!;
  const firstPicture = recording.frames[0]!.rtpTimestamp;

  function framesWithin(
    { spatialLayer, temporalLayer }: { spatialLayer: number; temporalLayer: number },
    isKey: boolean,
  ) {
    return recording.frames.filter(({ spatialIndex = 0, temporalIndex, rtpTimestamp }) => {
      if (temporalIndex > temporalLayer) return false;
      return isKey && rtpTimestamp !== firstPicture ? spatialIndex === spatialLayer : spatialIndex <= spatialLayer;
    });
  }

  test.each(layers(recording))('its layers up to %o are what a viewer gets, by dependency descriptors', (selection) => {
    const received = forward(recording, selection, true);
    const first = received[0]!.frame;
    const frames = [...new Set(received.map(({ frame }) => recording.frames[0]!.frameId + frame - first))];
    const isKey = name.endsWith('_key');
    expect(frames).toEqual(framesWithin(selection, isKey).map(({ frameId }) => frameId));
    received.forEach(({ sequenceNumber, timestamp, marker }, i) => {
      expect(sequenceNumber).toBe((received[0]!.sequenceNumber + i) & 0xffff);
      expect(marker).toBe(timestamp !== received[i + 1]?.timestamp);
    });
    const receiver = new DependencyReceiver();
    for (const { dependencyDescriptor } of received) {
      const { decodeTargetIndications } = receiver.read(dependencyDescriptor!)!.dependencies;
      const isActive = decodeTargetIndications.some(
        (indication, target) => indication !== 'notPresent' && (receiver.activeDecodeTargets >>> target) & 1,
      );
      expect(isActive).toBe(true);
    }
  });

  const isTold = recording.codec === 'VP9' || recording.scalabilityMode.startsWith('L1');
  const byPayload = recording.codec === 'VP9' ? layers(recording) : [{ spatialLayer: 0, temporalLayer: 2 }];
  test.runIf(isTold).each(byPayload)(
    'its layers up to %o, by payload, are frames as its encoder made them',
    (selection) => {
      const received = forward(recording, selection, false);
      const frames = receiveFrames(format, received);
      const expected = framesWithin(selection, false);
      const parts = frames.flatMap(({ data, metadata }) => {
        let end = 0;
        return (metadata?.layerFrames?.map(({ length }) => length) ?? [data.length]).map((length) => {
          end += length;
          return data.subarray(end - length, end);
        });
      });
      const prefix = recording.codec === 'AV1' ? TEMPORAL_DELIMITER : new Uint8Array(0);
      const hashes = parts.map((part) => createHash('sha256').update(concatBytes(prefix, part)).digest('hex'));
      expect(hashes).toEqual(expected.map(({ sha256 }) => sha256));
    },
  );

  // Of three layers that are predicted from one another in key pictures alone, two are left out.
  test.runIf(!name.endsWith('_key'))('one encoding after another is one stream', () => {
    const received: Received[] = [];
    const mimeType = `video/${recording.codec}`;
    const { dependencyDescriptorId } = recording;
    const forwarder = new LayerForwarder({ rids: ['a', 'b'] }, { forward: keep(received), requestKeyFrame: () => {} });
    for (const [i, rid] of ['a', 'b', 'a'].entries()) {
      forwarder.select({ rid }, 1000 * i);
      const reader = new EncodingReader({ ssrc: i, rid, mimeType, dependencyDescriptorId });
      for (const bytes of packetsOf(recording)) {
        const packet = RtpPacket.parse(bytes)!;
        packet.sequenceNumber = packet.sequenceNumber + 777 * i;
        packet.timestamp = packet.timestamp + 0x7777_7777 * i;
        forwarder.handlePacket(reader.read(packet), 1000 * i);
      }
    }
    expect(received.length).toBe(3 * recording.packets.length);
    const receiver = new DependencyReceiver();
    let last = -1;
    received.forEach(({ sequenceNumber, timestamp, dependencyDescriptor }, i) => {
      expect(sequenceNumber).toBe((received[0]!.sequenceNumber + i) & 0xffff);
      if (i > 0) expect((timestamp - received[i - 1]!.timestamp) | 0).toBeGreaterThanOrEqual(0);
      const { frameNumber, startsFrame } = receiver.read(dependencyDescriptor!)!;
      if (startsFrame && last >= 0) expect(frameNumber).toBe((last + 1) & 0xffff);
      last = frameNumber;
    });
    expect(receiveFrames(format, received).length).toBe(3 * new Set(recording.frames.map((f) => f.rtpTimestamp)).size);
  });

  test('damaged packets make nothing throw', () => {
    const random = dice(7);
    const mimeType = `video/${recording.codec}`;
    const { dependencyDescriptorId } = recording;
    for (let round = 0; round < 300; round++) {
      const reader = new EncodingReader({ ssrc: 1, rid: null, mimeType, dependencyDescriptorId });
      const forwarder = new LayerForwarder({}, { forward: () => {}, requestKeyFrame: () => {} });
      forwarder.select({ spatialLayer: random(3), temporalLayer: random(3) }, 0);
      for (const bytes of packetsOf(recording)) {
        const damaged = bytes.slice(0, random(20) === 0 ? 12 + random(60) : bytes.length);
        for (let flips = random(4); flips > 0; flips--) damaged[12 + random(100)]! ^= 1 << random(8);
        const packet = RtpPacket.parse(damaged);
        if (packet !== null) forwarder.handlePacket(reader.read(packet), round);
        if (random(10) === 0) forwarder.select({ spatialLayer: random(3), temporalLayer: random(3) }, 0);
      }
    }
  });
});
