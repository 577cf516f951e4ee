/** What Chromium and Firefox sent in calls, recorded by scripts/record-browser-calls.ts with what their encoders had made. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { RtpPacket } from '../../../src/rtp/packet.ts';
import { splitNalUnits } from '../../../src/rtp/payload/annex-b.ts';
import { payloadFormat } from '../../../src/rtp/payload/index.ts';
import { packetsOf } from './ivf-support.ts';
import { receiveFrames } from './nal-support.ts';

type Recording = {
  readonly browser: string;
  readonly mimeType: string;
  readonly frames: readonly { readonly type: string; readonly length: number; readonly sha256: string }[];
  readonly packets: readonly string[];
};

const FOLDER = new URL('../../../fixtures/rtp/calls/', import.meta.url);
const recordings = readdirSync(FOLDER).map((name): [string, Recording] => [
  name.replace('.json', ''),
  JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Recording,
]);

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

test('both browsers, their pictures and their sound', () => {
  expect(recordings.map(([name]) => name).sort()).toEqual([
    'chromium-g722',
    'chromium-h264',
    'chromium-opus',
    'chromium-pcmu',
    'chromium-vp8',
    'firefox-g722',
    'firefox-opus',
    'firefox-pcma',
    'firefox-vp8',
    'firefox-vp9',
  ]);
});

describe.each(recordings)('%s', (_name, { mimeType, frames, packets }) => {
  const format = payloadFormat(mimeType, new Map([['packetization-mode', '1']]))!;
  const parsed = packets.map((packet) => RtpPacket.parse(new Uint8Array(Buffer.from(packet, 'base64')))!);
  const isSound = mimeType.startsWith('audio/'); // whose markers say something else, and whose packets are frames
  const received = receiveFrames(
    format,
    parsed.map(({ timestamp, marker, payload }, sequenceNumber) => ({
      sequenceNumber, // padding that came between was not recorded, and leaves no gap
      timestamp,
      marker: marker || isSound,
      payload,
    })),
  );
  const first = frames.findIndex((frame) => frame.sha256 === sha256(received[0]!.data));

  test('its packets become what its encoder made, byte for byte', () => {
    expect(first).toBeGreaterThanOrEqual(0);
    expect(received.length).toBe(new Set(parsed.map(({ timestamp }) => timestamp)).size);
    expect(received.map(({ data }) => [data.length, sha256(data)])).toEqual(
      frames.slice(first, first + received.length).map(({ length, sha256: digest }) => [length, digest]),
    );
  });

  test('its key frames are told from the others', () => {
    expect(received.map(({ isKeyFrame }) => isKeyFrame)).toEqual(
      frames.slice(first, first + received.length).map(({ type }) => type === 'key'),
    );
  });

  test('what was received can be sent again', () => {
    const again = receiveFrames(format, packetsOf(format, received, 300));
    // Chromium's encoder puts zeros behind a NAL unit, where they mean nothing (H.264 §B.1, trailing_zero_8bits).
    const content = ({ data }: { readonly data: Uint8Array }) =>
      mimeType === 'video/H264' ? splitNalUnits(data) : data;
    expect(again.map(content)).toEqual(received.map(content));
    expect(again.map(({ isKeyFrame }) => isKeyFrame)).toEqual(received.map(({ isKeyFrame }) => isKeyFrame));
  });
});
