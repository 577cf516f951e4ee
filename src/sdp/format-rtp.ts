/** The RTP part of a section as attribute lines, in the order that Chromium has them in. */
import { type FormatParameters, formatFormatParameters, type RtcpFeedback } from '../rtp/codecs.ts';
import type {
  Codec,
  HeaderExtension,
  Msid,
  Rid,
  RtpAttributes,
  Simulcast,
  SimulcastStream,
  SsrcDescription,
} from './rtp-description.ts';

/** Without `a=`. `readRtpLine` reads them as the same. */
export function rtpLines(rtp: RtpAttributes): string[] {
  return [
    ...rtp.extensions.map(extensionLine),
    ...(rtp.extmapAllowMixed ? ['extmap-allow-mixed'] : []),
    ...rtp.msids.map((msid) => `msid:${msidText(msid)}`),
    ...rtp.feedback.map((feedback) => feedbackLine('*', feedback)),
    ...rtp.codecs.flatMap(codecLines),
    ...(rtp.ptime === null ? [] : [`ptime:${rtp.ptime}`]),
    ...(rtp.maxptime === null ? [] : [`maxptime:${rtp.maxptime}`]),
    ...rtp.rids.map(ridLine),
    ...(rtp.simulcast === null ? [] : [simulcastLine(rtp.simulcast)]),
    ...rtp.ssrcGroups.map(({ semantics, ssrcs }) => ['ssrc-group:', semantics, ...ssrcs].join(' ').replace(' ', '')),
    ...rtp.ssrcs.flatMap(ssrcLines),
  ];
}

export function extensionLine({ id, direction, uri, attributes }: HeaderExtension): string {
  const suffix = attributes === null ? '' : ` ${attributes}`;
  return `extmap:${id}${direction === null ? '' : `/${direction}`} ${uri}${suffix}`;
}

function codecLines({ payloadType, name, clockRate, channels, parameters, feedback }: Codec): string[] {
  return [
    `rtpmap:${payloadType} ${name}/${clockRate}${channels === null ? '' : `/${channels}`}`,
    ...feedback.map((item) => feedbackLine(payloadType, item)),
    ...(parameters.size === 0 ? [] : [`fmtp:${payloadType} ${formatFormatParameters(parameters)}`]),
  ];
}

function feedbackLine(format: number | '*', { type, parameter }: RtcpFeedback): string {
  return `rtcp-fb:${format} ${type}${parameter === null ? '' : ` ${parameter}`}`;
}

function msidText({ stream, track }: Msid): string {
  return track === null ? stream : `${stream} ${track}`;
}

function ridLine({ id, direction, payloadTypes, restrictions }: Rid): string {
  const formats: FormatParameters = payloadTypes.length > 0 ? new Map([['pt', payloadTypes.join(',')]]) : new Map();
  const text = formatFormatParameters(new Map([...formats, ...restrictions]));
  return `rid:${id} ${direction}${text === '' ? '' : ` ${text}`}`;
}

function simulcastLine({ send, receive }: Simulcast): string {
  const lists = [
    ...(send.length > 0 ? [`send ${streamsText(send)}`] : []),
    ...(receive.length > 0 ? [`recv ${streamsText(receive)}`] : []),
  ];
  return `simulcast:${lists.join(' ')}`;
}

function streamsText(streams: readonly SimulcastStream[]): string {
  return streams.map((stream) => stream.map(({ rid, paused }) => `${paused ? '~' : ''}${rid}`).join(',')).join(';');
}

function ssrcLines({ ssrc, cname, msid, attributes }: SsrcDescription): string[] {
  return [
    ...(cname === null ? [] : [`ssrc:${ssrc} cname:${cname}`]),
    ...(msid === null ? [] : [`ssrc:${ssrc} msid:${msidText(msid)}`]),
    ...attributes.map(({ name, value }) => `ssrc:${ssrc} ${name}${value === null ? '' : `:${value}`}`),
  ];
}
