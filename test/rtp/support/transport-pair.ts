/** Two RTP transports wired to each other without SRTP, on one clock: what each sends lies in a list until it is carried. */
import {
  ExtensionMap,
  type NegotiatedRtpCodec,
  type ReceivedFrame,
  type RtpEvent,
  type RtpReceiver,
  type RtpSender,
  RtpTransport,
  type RtpTransportOptions,
  type TransportParameters,
} from '../../../src/rtp/index.ts';
import { SeededRandom } from './random.ts';

export const EXTENSIONS: readonly { id: number; uri: string }[] = [
  { id: 1, uri: 'urn:ietf:params:rtp-hdrext:sdes:mid' },
  { id: 2, uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time' },
  { id: 3, uri: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01' },
  { id: 4, uri: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id' },
  { id: 5, uri: 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id' },
];

export function codec(name: string, payloadType: number, fields: Partial<NegotiatedRtpCodec> = {}): NegotiatedRtpCodec {
  const isSound = ['opus', 'red', 'telephone-event'].includes(name) && fields.clockRate !== 90_000;
  return {
    name,
    mimeType: `${isSound ? 'audio' : 'video'}/${name}`,
    payloadType,
    clockRate: isSound ? 48_000 : 90_000,
    channels: isSound ? 2 : null,
    parameters: new Map(),
    role: 'media',
    rtxPayloadType: null,
    associatedPayloadType: null,
    redPayloadTypes: [],
    feedback: [],
    ...fields,
  };
}

const NACK = { type: 'nack', parameter: null };
export const VP8: NegotiatedRtpCodec = codec('VP8', 96, {
  rtxPayloadType: 97,
  feedback: [NACK, { type: 'nack', parameter: 'pli' }, { type: 'ccm', parameter: 'fir' }],
});
export const RTX: NegotiatedRtpCodec = codec('rtx', 97, { role: 'rtx', associatedPayloadType: 96 });
export const OPUS: NegotiatedRtpCodec = codec('opus', 111);

export type Sent = { readonly isRtcp: boolean; readonly bytes: Uint8Array; readonly isSealed?: boolean };

/** One of the two, and what it has sent since it was last looked at. */
export class TransportEnd {
  readonly transport: RtpTransport;
  readonly events: RtpEvent[] = [];
  readonly frames: ReceivedFrame[] = [];
  readonly packets: number[] = [];
  readonly ended: number[] = [];
  out: Sent[] = [];

  constructor(seed: number, options: Partial<RtpTransportOptions> = {}) {
    this.transport = new RtpTransport(
      { random: new SeededRandom(seed), maxPacketLength: 1180, tailroom: 20, cname: 'end', ...options },
      {
        sendRtp: (buffer, end, keep) => {
          keep?.(buffer.subarray(0, end));
          this.out.push({ isRtcp: false, bytes: buffer.slice(0, end) });
        },
        sendSealed: (packet) => this.out.push({ isRtcp: false, isSealed: true, bytes: packet.slice() }),
        sendRtcp: (packet) => this.out.push({ isRtcp: true, bytes: packet.slice() }),
        event: (event) => this.events.push(event),
      },
    );
  }

  configure(parameters: Partial<TransportParameters> = {}): void {
    const extensions = new ExtensionMap(EXTENSIONS);
    this.transport.configure({ extensions, feedback: null, reducedSize: true, ...parameters });
  }

  sender(
    kind: 'audio' | 'video',
    codecs: readonly NegotiatedRtpCodec[],
    rids: readonly (string | null)[] = [null],
  ): RtpSender {
    const sender = this.transport.createSender(kind);
    sender.setEncodings(rids.map((rid) => ({ rid, active: true })));
    sender.configure({ mid: kind, codecs, extensions: new ExtensionMap(EXTENSIONS), isSending: true });
    return sender;
  }

  receiver(kind: 'audio' | 'video', codecs: readonly NegotiatedRtpCodec[], rids: readonly string[] = []): RtpReceiver {
    const receiver = this.transport.createReceiver(kind, {
      packet: (packet) => this.packets.push(packet.sequenceNumber),
      frame: (frame) => this.frames.push(frame),
      ended: ({ ssrc }) => this.ended.push(ssrc),
    });
    const extensions = new ExtensionMap(EXTENSIONS);
    receiver.configure({ mid: kind, codecs, extensions, rids, sources: [], isReceiving: true });
    receiver.assembleFrames(true, 0);
    return receiver;
  }

  take(datagrams: readonly Sent[], now: number): void {
    for (const { isRtcp, bytes } of datagrams) {
      if (isRtcp) this.transport.handleRtcp(bytes.slice(), now);
      else this.transport.handleRtp(bytes.slice(), now);
    }
  }

  sent(): Sent[] {
    const { out } = this;
    this.out = [];
    return out;
  }
}

/** The wire between two: what one sends, the other gets `delayMs` later. */
export class Wire {
  readonly ends: readonly [TransportEnd, TransportEnd];
  delayMs = 10;
  drops: (sent: Sent, to: number) => boolean = () => false;
  readonly #onWay: { readonly at: number; readonly to: number; readonly datagram: Sent }[] = [];
  #now = 0;

  constructor(ends: readonly [TransportEnd, TransportEnd]) {
    this.ends = ends;
  }

  run(until: number): void {
    const { ends } = this;
    this.#collect();
    for (let turns = 0; ; turns++) {
      const due = Math.min(this.#onWay[0]?.at ?? Infinity, ...ends.map(({ transport }) => transport.nextTimeout));
      if (due > until) break;
      if (turns > 100_000) throw new Error(`a timer stays in the past at ${this.#now} ms`);
      this.#now = Math.max(this.#now, due);
      while (this.#onWay.length > 0 && this.#onWay[0]!.at <= this.#now) {
        const { to, datagram } = this.#onWay.shift()!;
        ends[to]!.take([datagram], this.#now);
      }
      for (const { transport } of ends) if (transport.nextTimeout <= this.#now) transport.handleTimeout(this.#now);
      this.#collect();
    }
    this.#now = until;
  }

  #collect(): void {
    for (const [index, end] of this.ends.entries()) {
      for (const datagram of end.sent()) {
        const to = 1 - index;
        if (!this.drops(datagram, to)) this.#onWay.push({ at: this.#now + this.delayMs, to, datagram });
      }
    }
  }
}

export function picture(number: number, isKeyFrame: boolean, length = 900): Uint8Array {
  const data = new Uint8Array(length).fill(number);
  data.set(isKeyFrame ? [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00] : [0x31, 0x02, 0x00]);
  return data;
}

export const VP8_NAME = { mimeType: 'video/VP8', clockRate: 90_000 } as const;
export const OPUS_NAME = { mimeType: 'audio/opus', clockRate: 48_000 } as const;
