/** Media of one session in a simulation: a sender and a receiver of a kind, frames with numbers, and what came of them. */
import { ExtensionMap, type NegotiatedRtpCodec, type RtpReceiver, type RtpSender } from '../../src/rtp/index.ts';
import type { SeededRandom } from '../../src/runtime/memory.ts';
import type { SimulatedPeer } from './simulated-peer.ts';

export type Repair = 'rtx' | 'nack' | 'none' | 'red' | 'fec' | 'flexfec';

const NO_PARAMETERS: ReadonlyMap<string, string | null> = new Map();

/** Ids as browsers have them. */
export const EXTENSIONS: readonly { id: number; uri: string }[] = [
  { id: 1, uri: 'urn:ietf:params:rtp-hdrext:sdes:mid' },
  { id: 2, uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time' },
  { id: 3, uri: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01' },
];

function codec(
  fields: Partial<NegotiatedRtpCodec> & { name: string; mimeType: string; payloadType: number },
): NegotiatedRtpCodec {
  return {
    clockRate: 90_000,
    channels: null,
    parameters: NO_PARAMETERS,
    role: 'media',
    rtxPayloadType: null,
    associatedPayloadType: null,
    redPayloadTypes: [],
    feedback: [],
    ...fields,
  };
}

export function isFec(repair: Repair): boolean {
  return repair === 'fec' || repair === 'flexfec';
}

export function videoCodecs(repair: Repair): NegotiatedRtpCodec[] {
  const feedback = [
    { type: 'nack', parameter: 'pli' },
    { type: 'ccm', parameter: 'fir' },
    ...(repair === 'none' || isFec(repair) ? [] : [{ type: 'nack', parameter: null }]),
  ];
  const vp8 = codec({ name: 'VP8', mimeType: 'video/VP8', payloadType: 96, feedback });
  if (repair === 'fec') {
    const red = codec({ name: 'red', mimeType: 'video/red', payloadType: 116, role: 'red' });
    return [vp8, red, codec({ name: 'ulpfec', mimeType: 'video/ulpfec', payloadType: 117, role: 'ulpfec' })];
  }
  if (repair === 'flexfec') {
    return [vp8, codec({ name: 'flexfec-03', mimeType: 'video/flexfec-03', payloadType: 118, role: 'flexfec' })];
  }
  if (repair !== 'rtx') return [vp8];
  const rtx = codec({ name: 'rtx', mimeType: 'video/rtx', payloadType: 97, role: 'rtx', associatedPayloadType: 96 });
  return [{ ...vp8, rtxPayloadType: 97 }, rtx];
}

export function audioCodecs(repair: Repair): NegotiatedRtpCodec[] {
  const sound = { clockRate: 48_000, channels: 2 };
  const feedback = repair === 'nack' || repair === 'rtx' ? [{ type: 'nack', parameter: null }] : [];
  const opus = codec({ name: 'opus', mimeType: 'audio/opus', payloadType: 111, ...sound, feedback });
  if (repair !== 'red') return [opus];
  const red = {
    name: 'red',
    mimeType: 'audio/red',
    payloadType: 63,
    role: 'red',
    redPayloadTypes: [111, 111],
  } as const;
  return [codec({ ...red, ...sound }), opus];
}

/** An Opus packet of 20 ms with one frame (RFC 6716 §3.1), as far as its first byte tells. */
const OPUS_20_MS = 0xf8;
const VP8_KEY_FRAME = [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00];
const VP8_INTER_FRAME = [0x31, 0x02, 0x00];

/** Frames one way. */
export class MediaFlow {
  readonly kind: 'audio' | 'video';
  readonly from: SimulatedPeer;
  /** By number, until the end: to compare with what comes. */
  readonly sent: { readonly data: Uint8Array; readonly at: number }[] = [];
  /** Numbers, in the order of delivery. */
  readonly delivered: number[] = [];
  readonly sender: RtpSender;
  readonly receiver: RtpReceiver;
  problem: string | null = null;
  wantsKeyFrame = true;
  readonly #random: SeededRandom;

  constructor(
    kind: 'audio' | 'video',
    [from, to]: readonly [SimulatedPeer, SimulatedPeer],
    repair: Repair,
    random: SeededRandom,
  ) {
    this.kind = kind;
    this.from = from;
    this.#random = random;
    const codecs = kind === 'video' ? videoCodecs(repair) : audioCodecs(repair);
    const extensions = new ExtensionMap(EXTENSIONS);
    this.sender = from.session.media.createSender(kind);
    this.sender.setEncodings([{ rid: null, active: true }]);
    if (isFec(repair)) this.sender.fecProtection = 0.4;
    this.sender.configure({ mid: kind, codecs, extensions, isSending: true });
    this.receiver = to.session.media.createReceiver(kind, {
      packet: () => {},
      frame: ({ frame }) => this.#take(frame.data),
      ended: () => {},
    });
    const rids: string[] = [];
    this.receiver.configure({ mid: kind, codecs, extensions, rids, sources: [], isReceiving: true });
    this.receiver.assembleFrames(true, to.now);
  }

  /** Makes and sends the next frame. */
  sendFrame(): void {
    const isVideo = this.kind === 'video';
    const isKeyFrame = !isVideo || this.wantsKeyFrame;
    this.wantsKeyFrame = false;
    const size = !isVideo ? 40 + this.#random.below(100) : isKeyFrame ? 6_000 : 200 + this.#random.below(3_000);
    const data = new Uint8Array(size);
    this.#random.fill(data);
    const head = isVideo ? (isKeyFrame ? VP8_KEY_FRAME : VP8_INTER_FRAME) : [OPUS_20_MS];
    data.set(head);
    const number = this.sent.length;
    new DataView(data.buffer).setUint32(NUMBER_AT, number);
    this.sent.push({ data, at: this.from.now });
    const name = isVideo
      ? { mimeType: 'video/VP8', clockRate: 90_000 }
      : { mimeType: 'audio/opus', clockRate: 48_000, channels: 2 };
    const frame = { data: data.slice(), isKeyFrame, timestampUs: Math.round(this.from.now * 1000) };
    this.from.run((_session, now) => this.sender.sendFrame(frame, name, now));
  }

  /** Frames sent in this time, and how many of them were not delivered; not before the first that was. */
  brokenBetween(from: number, to: number): { frames: number; broken: number } {
    const delivered = new Set(this.delivered);
    const first = this.delivered[0] ?? Infinity;
    let frames = 0;
    let broken = 0;
    for (const [number, { at }] of this.sent.entries()) {
      if (number < first || at < from || at >= to) continue;
      frames++;
      if (!delivered.has(number)) broken++;
    }
    return { frames, broken };
  }

  #take(data: Uint8Array): void {
    const number = data.length < NUMBER_AT + 4 ? -1 : new DataView(data.buffer, data.byteOffset).getUint32(NUMBER_AT);
    const original = this.sent[number]?.data;
    const last = this.delivered.at(-1) ?? -1;
    if (original === undefined || Buffer.compare(original, data) !== 0) {
      this.problem ??= `${this.kind}: a frame that was never sent (${data.length} bytes, number ${number})`;
    } else if (number <= last) {
      this.problem ??= `${this.kind}: frame ${number} behind frame ${last}`;
    }
    this.delivered.push(number);
  }
}

/** Where a frame says its number: behind the headers of either codec. */
const NUMBER_AT = 12;
