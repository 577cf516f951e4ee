import type { RandomSource } from '../../../src/machine.ts';
import {
  absSendTimeExtension,
  ExtensionMap,
  midExtension,
  type NegotiatedRtpCodec,
  type ReceiverSink,
  type RtpReceiver,
  type RtpSender,
  RtpTransport,
  transportSequenceExtension,
} from '../../../src/rtp/index.ts';

const EXTENSIONS = new ExtensionMap(
  [midExtension, absSendTimeExtension, transportSequenceExtension].map(({ uri }, i) => ({ id: i + 1, uri })),
);

const COMMON = { clockRate: 90_000, channels: null, parameters: new Map<string, string>(), redPayloadTypes: [] };

export const VP8: NegotiatedRtpCodec = {
  ...COMMON,
  name: 'VP8',
  mimeType: 'video/VP8',
  payloadType: 96,
  role: 'media',
  rtxPayloadType: 97,
  associatedPayloadType: null,
  feedback: [
    { type: 'nack', parameter: null },
    { type: 'nack', parameter: 'pli' },
    { type: 'transport-cc', parameter: null },
  ],
};

const RTX: NegotiatedRtpCodec = {
  ...COMMON,
  name: 'rtx',
  mimeType: 'video/rtx',
  payloadType: 97,
  role: 'rtx',
  rtxPayloadType: null,
  associatedPayloadType: 96,
  feedback: [],
};

export type Delivery = { sendRtp(packet: Uint8Array): void; sendRtcp(packet: Uint8Array): void };

/** A transport that has negotiated VP8 with RTX and transport-wide feedback; what it sends goes to `delivery`. */
export function makeTransport(
  random: RandomSource,
  delivery: Delivery,
  bitrates: { readonly startBitrate?: number; readonly maxBitrate?: number } = {},
): RtpTransport {
  return new RtpTransport(
    { random, maxPacketLength: 1180, tailroom: 16, ...bitrates },
    {
      sendRtp: (buffer, end) => delivery.sendRtp(buffer.subarray(0, end)),
      sendSealed: () => {},
      sendRtcp: (packet) => delivery.sendRtcp(packet),
      event: () => {},
    },
  );
}

export function addSender(transport: RtpTransport, sources: { ssrc: number; rtxSsrc: number }): RtpSender {
  const sender = transport.createSender('video', () => sources);
  sender.setEncodings([{ rid: null, active: true }]);
  sender.configure({ mid: '0', codecs: [VP8, RTX], extensions: EXTENSIONS, isSending: true });
  return sender;
}

export function addReceiver(
  transport: RtpTransport,
  source: { ssrc: number; rtxSsrc: number },
  sink: Partial<ReceiverSink> = {},
): RtpReceiver {
  const receiver = transport.createReceiver('video', { packet: () => {}, frame: () => {}, ended: () => {}, ...sink });
  receiver.configure({
    mid: '0',
    codecs: [VP8, RTX],
    extensions: EXTENSIONS,
    rids: [],
    sources: [source],
    isReceiving: true,
  });
  return receiver;
}

export function connect(transports: readonly RtpTransport[], now: number): void {
  for (const transport of transports) {
    transport.configure({ extensions: EXTENSIONS, feedback: 'transport-cc', reducedSize: true });
    transport.connect(now);
  }
}
