/** Which payload format carries a codec. */
import { type FormatParameters, formatParameter } from '../codecs.ts';
import { AUDIO_PACKET_FORMAT } from './audio-packet.ts';
import { Av1Format } from './av1.ts';
import { H264Format } from './h264.ts';
import { H265Format } from './h265.ts';
import type { PayloadFormat } from './types.ts';
import { Vp8Format } from './vp8.ts';
import { Vp9Format } from './vp9.ts';

type MakeFormat = (parameters: FormatParameters) => PayloadFormat;

/** By MIME type in lower case. */
const FORMATS: ReadonlyMap<string, MakeFormat> = new Map<string, MakeFormat>([
  ['audio/opus', () => AUDIO_PACKET_FORMAT],
  ['audio/pcmu', () => AUDIO_PACKET_FORMAT],
  ['audio/pcma', () => AUDIO_PACKET_FORMAT],
  ['audio/g722', () => AUDIO_PACKET_FORMAT],
  ['audio/l16', () => AUDIO_PACKET_FORMAT],
  ['audio/cn', () => AUDIO_PACKET_FORMAT],
  ['audio/telephone-event', () => AUDIO_PACKET_FORMAT],
  ['video/h264', (parameters) => new H264Format({ packetizationMode: packetizationMode(parameters) })],
  ['video/h265', () => new H265Format()],
  ['video/vp8', () => new Vp8Format()],
  ['video/vp9', () => new Vp9Format()],
  ['video/av1', () => new Av1Format()],
]);

/**
 * A payload format for one stream of a codec.
 * @param mimeType as in W3C's `RTCRtpCodec`, in any case: `video/H264`
 * @param parameters of the codec's `a=fmtp`
 * @returns `null` for a codec we cannot carry
 */
export function payloadFormat(mimeType: string, parameters: FormatParameters = new Map()): PayloadFormat | null {
  return FORMATS.get(mimeType.toLowerCase())?.(parameters) ?? null;
}

/** RFC 6184 §8.1: where it is not said, it is 0. */
function packetizationMode(parameters: FormatParameters): 0 | 1 {
  return formatParameter({ parameters }, 'packetization-mode') === '1' ? 1 : 0;
}
