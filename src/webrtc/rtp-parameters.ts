/** The dictionaries of WebRTC §5.2: what RTP is sent with, as scripts see it. */
import {
  type CodecFormat,
  formatFormatParameters,
  parseFormatParameters,
  type RtpCapabilities,
  rtpCapabilities,
} from '../rtp/codecs.ts';
import type { HeaderExtension, NegotiatedCodec } from '../sdp/index.ts';
import {
  type Conversion,
  Dictionary,
  enforceUnsignedLong,
  enforceUnsignedShort,
  enumeration,
  sequence,
  toBoolean,
  toDOMString,
  toDouble,
} from '../webidl/conversions.ts';
import type { RTCPriorityType } from './data-channel.ts';

export interface RTCRtpCodec {
  mimeType: string;
  clockRate: number;
  channels?: number;
  sdpFmtpLine?: string;
}

export interface RTCRtpCodecParameters extends RTCRtpCodec {
  payloadType: number;
}

export interface RTCRtpHeaderExtensionParameters {
  uri: string;
  id: number;
  encrypted?: boolean;
}

export interface RTCRtcpParameters {
  cname?: string;
  reducedSize?: boolean;
}

export interface RTCRtpParameters {
  headerExtensions: RTCRtpHeaderExtensionParameters[];
  rtcp: RTCRtcpParameters;
  codecs: RTCRtpCodecParameters[];
}

export interface RTCRtpEncodingParameters {
  active?: boolean;
  /** Whether an encoder may change the duration of packets (WebRTC Extensions); of audio. Kept, for whoever makes the frames. */
  adaptivePtime?: boolean;
  codec?: RTCRtpCodec;
  maxBitrate?: number;
  maxFramerate?: number;
  rid?: string;
  /** Of the pictures that go to an encoder. There is none here: kept, and told to whoever makes the frames. */
  scaleResolutionDownBy?: number;
  /** RFC 8835 §4: among the streams of a connection (webrtc-priority §4). */
  priority?: RTCPriorityType;
  networkPriority?: RTCPriorityType;
  /** webrtc-svc §4, such as `L1T3`. */
  scalabilityMode?: string;
}

export interface RTCRtpSendParameters extends RTCRtpParameters {
  transactionId: string;
  encodings: RTCRtpEncodingParameters[];
}

export type RTCRtpReceiveParameters = RTCRtpParameters;

export interface RTCRtpCapabilities {
  codecs: RTCRtpCodec[];
  headerExtensions: { uri: string }[];
}

const toPriority = enumeration('RTCPriorityType', ['very-low', 'low', 'medium', 'high']);

export const toCodec: Conversion<RTCRtpCodec> = (value, what) => {
  const members = new Dictionary(value, what);
  return present({
    channels: members.optional('channels', enforceUnsignedShort),
    clockRate: members.required('clockRate', enforceUnsignedLong),
    mimeType: members.required('mimeType', toDOMString),
    sdpFmtpLine: members.optional('sdpFmtpLine', toDOMString),
  });
};

const toCodecParameters: Conversion<RTCRtpCodecParameters> = (value, what) => ({
  ...toCodec(value, what),
  payloadType: new Dictionary(value, what).required('payloadType', enforceUnsignedShort),
});

const toHeaderExtension: Conversion<RTCRtpHeaderExtensionParameters> = (value, what) => {
  const members = new Dictionary(value, what);
  return {
    uri: members.required('uri', toDOMString),
    id: members.required('id', enforceUnsignedShort),
    encrypted: members.withDefault('encrypted', toBoolean, false),
  };
};

const toRtcp: Conversion<RTCRtcpParameters> = (value, what) => {
  const members = new Dictionary(value, what);
  return present({
    cname: members.optional('cname', toDOMString),
    reducedSize: members.optional('reducedSize', toBoolean),
  });
};

export const toEncoding: Conversion<RTCRtpEncodingParameters> = (value, what) => {
  const members = new Dictionary(value, what);
  return present({
    active: members.withDefault('active', toBoolean, true),
    adaptivePtime: members.optional('adaptivePtime', toBoolean),
    codec: members.optional('codec', toCodec),
    maxBitrate: members.optional('maxBitrate', enforceUnsignedLong),
    maxFramerate: members.optional('maxFramerate', toDouble),
    networkPriority: members.optional('networkPriority', toPriority),
    priority: members.optional('priority', toPriority),
    rid: members.optional('rid', toDOMString),
    scalabilityMode: members.optional('scalabilityMode', toDOMString),
    scaleResolutionDownBy: members.optional('scaleResolutionDownBy', toDouble),
  });
};

/** The argument of `setParameters`. What a script left out of the read-only parts is told apart: `undefined`. */
export type GivenSendParameters = {
  readonly transactionId: string;
  readonly encodings: RTCRtpEncodingParameters[];
  readonly headerExtensions: RTCRtpHeaderExtensionParameters[] | undefined;
  readonly rtcp: RTCRtcpParameters | undefined;
  readonly codecs: RTCRtpCodecParameters[] | undefined;
};

/** Members of its parent dictionary come first, though what browsers let be missing is required by the specification. */
export const toSendParameters: Conversion<GivenSendParameters> = (value, what) => {
  const members = new Dictionary(value, what);
  return {
    codecs: members.optional('codecs', sequence(toCodecParameters)),
    headerExtensions: members.optional('headerExtensions', sequence(toHeaderExtension)),
    rtcp: members.optional('rtcp', toRtcp),
    encodings: members.required('encodings', sequence(toEncoding)),
    transactionId: members.required('transactionId', toDOMString),
  };
};

/** The static method `getCapabilities` of sender and receiver: the same both ways. `null` for an unknown kind. */
export function getCapabilities(kind: unknown): RTCRtpCapabilities | null {
  const name = toDOMString(kind, 'kind');
  if (name !== 'audio' && name !== 'video') return null;
  const capabilities: RtpCapabilities = rtpCapabilities(name);
  return { codecs: [...capabilities.codecs], headerExtensions: [...capabilities.headerExtensions] };
}

export function toCodecDictionary(kind: 'audio' | 'video', codec: NegotiatedCodec): RTCRtpCodecParameters {
  return {
    payloadType: codec.payloadType,
    mimeType: codec.mimeType,
    clockRate: codec.clockRate,
    ...(kind === 'audio' && { channels: codec.channels ?? 1 }),
    ...(codec.parameters.size > 0 && { sdpFmtpLine: formatFormatParameters(codec.parameters) }),
  };
}

export function toHeaderExtensionDictionary({ uri, id }: HeaderExtension): RTCRtpHeaderExtensionParameters {
  return { uri, id, encrypted: false };
}

/** A codec that a script named, as sdp/ looks for it. */
export function toCodecFormat({ mimeType, clockRate, channels, sdpFmtpLine }: RTCRtpCodec): CodecFormat {
  return {
    name: mimeType.slice(mimeType.indexOf('/') + 1),
    clockRate,
    channels: channels ?? null,
    parameters: parseFormatParameters(sdpFmtpLine ?? ''),
  };
}

/** "The codec dictionary match algorithm". */
export function isSameCodec(given: RTCRtpCodec, ours: RTCRtpCodec): boolean {
  return isSameFormat(given, ours) && given.sdpFmtpLine === ours.sdpFmtpLine;
}

/** Likewise, with `ignoreLevels`: who takes a lower level than we can send is sent the codec all the same. */
export function isSameCodecAtAnyLevel(given: RTCRtpCodec, ours: RTCRtpCodec): boolean {
  return isSameFormat(given, ours) && withoutLevel(given) === withoutLevel(ours);
}

function isSameFormat(given: RTCRtpCodec, ours: RTCRtpCodec): boolean {
  return (
    given.mimeType.toLowerCase() === ours.mimeType.toLowerCase() &&
    given.clockRate === ours.clockRate &&
    given.channels === ours.channels
  );
}

/** RFC 6184 §8.1: the last byte of profile-level-id; RFC 7798 §7.1 and the payload format for AV1 §7.2.1. */
function withoutLevel({ mimeType, sdpFmtpLine }: RTCRtpCodec): string | undefined {
  switch (mimeType.toLowerCase()) {
    case 'video/h264':
      return sdpFmtpLine?.replace(/(profile-level-id=[0-9a-f]{4})[0-9a-f]{2}/i, '$1');
    case 'video/h265':
      return sdpFmtpLine?.replace(/level-id=\d+/i, 'level-id');
    case 'video/av1':
      return sdpFmtpLine?.replace(/level-idx=\d+/i, 'level-idx');
    default:
      return sdpFmtpLine;
  }
}

/** Without the members that are `undefined`: a dictionary does not have them. */
export function present<T extends object>(members: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T;
}
