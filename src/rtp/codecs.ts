/**
 * What this stack can carry: codecs by name, with the format parameters, the RTCP feedback and the payload type numbers
 * they are offered with, and RTP header extensions. Nothing here encodes or decodes; "supported" means packets of it
 * can be made and read.
 */

export type MediaKind = 'audio' | 'video';

/**
 * The parameters of an `a=fmtp` line in their order: `minptime=10;useinbandfec=1`. What has no `=` has the value
 * `null`: the `0-15` of telephone-event, the `111/111` of RED.
 */
export type FormatParameters = ReadonlyMap<string, string | null>;

/** `nack pli` is `{ type: 'nack', parameter: 'pli' }` (RFC 4585 §4.2). */
export interface RtcpFeedback {
  readonly type: string;
  readonly parameter: string | null;
}

/** What an `a=rtpmap` line names, without a number. Names compare without case (RFC 4855 §3). */
export interface CodecFormat {
  readonly name: string;
  /** Hz of the RTP clock. */
  readonly clockRate: number;
  /** `null`: not said, which means 1 (RFC 8866 §6.6). */
  readonly channels: number | null;
  readonly parameters: FormatParameters;
}

export interface CodecCapability extends CodecFormat {
  readonly feedback: readonly RtcpFeedback[];
  /** Taken where they are free, so that our descriptions look like Chromium's. */
  readonly preferred: PreferredPayloadTypes;
}

interface PreferredPayloadTypes {
  readonly payloadType: number | null;
  /** Of the RTX format that repairs this one; `null` where there is none (RFC 4588). */
  readonly rtx: number | null;
}

export interface HeaderExtensionCapability {
  readonly uri: string;
  /** What it is offered and answered with; `stopped`: not at all. */
  readonly direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive' | 'stopped';
}

/** W3C: RTCRtpCapabilities. */
export interface RtpCapabilities {
  readonly codecs: RtpCodecCapability[];
  readonly headerExtensions: { uri: string }[];
}

/** W3C: RTCRtpCodec. */
export interface RtpCodecCapability {
  mimeType: string;
  clockRate: number;
  channels?: number;
  sdpFmtpLine?: string;
}

/** RFC 8866 §6.15. Never throws; of a parameter that comes twice the last word counts. */
export function parseFormatParameters(text: string): FormatParameters {
  const parameters = new Map<string, string | null>();
  for (const part of text.split(';')) {
    const trimmed = part.trim();
    const equals = trimmed.indexOf('=');
    if (equals > 0) parameters.set(trimmed.slice(0, equals).trimEnd(), trimmed.slice(equals + 1).trimStart());
    else if (trimmed !== '') parameters.set(trimmed, null);
  }
  return parameters;
}

export function formatFormatParameters(parameters: FormatParameters): string {
  return [...parameters].map(([name, value]) => (value === null ? name : `${name}=${value}`)).join(';');
}

/** A parameter by its name, whatever its case (RFC 6838 §4.3); `null` when it is not there or has no value. */
export function formatParameter({ parameters }: Pick<CodecFormat, 'parameters'>, name: string): string | null {
  const exact = parameters.get(name);
  if (exact !== undefined) return exact;
  for (const [key, value] of parameters) if (key.toLowerCase() === name) return value;
  return null;
}

/** `VP8` is `video/VP8` in the W3C API. */
export function mimeType(kind: MediaKind, { name }: Pick<CodecFormat, 'name'>): string {
  return `${kind}/${name}`;
}

/** What a format is for. Only `media` frames are what a sender is asked to send. */
export type CodecRole = 'media' | 'rtx' | 'red' | 'ulpfec' | 'flexfec' | 'comfortNoise' | 'telephoneEvent';

const ROLES: ReadonlyMap<string, CodecRole> = new Map([
  ['rtx', 'rtx'],
  ['red', 'red'],
  ['ulpfec', 'ulpfec'],
  ['flexfec', 'flexfec'],
  ['flexfec-03', 'flexfec'],
  ['cn', 'comfortNoise'],
  ['telephone-event', 'telephoneEvent'],
]);

export function codecRole({ name }: Pick<CodecFormat, 'name'>): CodecRole {
  return ROLES.get(name.toLowerCase()) ?? 'media';
}

/** Payload types below 35 whose meaning is fixed (RFC 3551 §6); a section may name them without `a=rtpmap`. */
export const STATIC_PAYLOAD_TYPES: ReadonlyMap<number, CodecFormat> = new Map(
  (
    [
      [0, 'PCMU', 8_000, null],
      [8, 'PCMA', 8_000, null],
      [9, 'G722', 8_000, null], // its samples are at 16 kHz; the clock was mistyped once and stays so (RFC 3551 §4.5.2)
      [10, 'L16', 44_100, 2],
      [11, 'L16', 44_100, null],
      [13, 'CN', 8_000, null],
    ] as const
  ).map(([payloadType, name, clockRate, channels]) => [
    payloadType,
    { name, clockRate, channels, parameters: new Map() },
  ]),
);

const TRANSPORT_CC: RtcpFeedback = { type: 'transport-cc', parameter: null };
/** RFC 8888 §6, offered as `a=rtcp-fb:* ack ccfb`. Where both sides have it, it takes the place of transport-cc. */
export const CONGESTION_CONTROL_FEEDBACK: RtcpFeedback = { type: 'ack', parameter: 'ccfb' };
const VIDEO_FEEDBACK: readonly RtcpFeedback[] = [
  { type: 'goog-remb', parameter: null },
  TRANSPORT_CC,
  { type: 'ccm', parameter: 'fir' },
  { type: 'nack', parameter: null },
  { type: 'nack', parameter: 'pli' },
];

function audio(
  name: string,
  clockRate: number,
  channels: number | null,
  payloadType: number,
  fmtp = '',
  feedback: readonly RtcpFeedback[] = [],
): CodecCapability {
  const parameters = parseFormatParameters(fmtp);
  return { name, clockRate, channels, parameters, feedback, preferred: { payloadType, rtx: null } };
}

function video(
  name: string,
  [payloadType, rtx]: readonly [number, number | null],
  fmtp = '',
  feedback: readonly RtcpFeedback[] = VIDEO_FEEDBACK,
): CodecCapability {
  const parameters = parseFormatParameters(fmtp);
  return { name, clockRate: 90_000, channels: null, parameters, feedback, preferred: { payloadType, rtx } };
}

function h264(payloadTypes: readonly [number, number], profileLevelId: string, packetizationMode: 0 | 1) {
  const fmtp = `level-asymmetry-allowed=1;packetization-mode=${packetizationMode};profile-level-id=${profileLevelId}`;
  return video('H264', payloadTypes, fmtp);
}

/**
 * In the order they are offered in. `rtx` stands for itself and for a format beside each codec it repairs; `red` of
 * audio repeats the codec it stands behind in the list (RFC 2198).
 */
const AUDIO_CODECS: readonly CodecCapability[] = [
  audio('opus', 48_000, 2, 111, 'minptime=10;useinbandfec=1', [TRANSPORT_CC]),
  audio('red', 48_000, 2, 63),
  audio('G722', 8_000, null, 9, '', [TRANSPORT_CC]),
  audio('PCMU', 8_000, null, 0, '', [TRANSPORT_CC]),
  audio('PCMA', 8_000, null, 8, '', [TRANSPORT_CC]),
  audio('L16', 48_000, 2, 61, '', [TRANSPORT_CC]),
  audio('L16', 48_000, null, 62, '', [TRANSPORT_CC]),
  audio('L16', 44_100, 2, 10, '', [TRANSPORT_CC]),
  audio('L16', 44_100, null, 11, '', [TRANSPORT_CC]),
  audio('CN', 8_000, null, 13),
  audio('telephone-event', 48_000, null, 110),
  audio('telephone-event', 8_000, null, 126),
];

const VIDEO_CODECS: readonly CodecCapability[] = [
  video('VP8', [96, 97]),
  video('rtx', [0, null], '', []),
  video('VP9', [98, 99], 'profile-id=0'),
  video('VP9', [100, 101], 'profile-id=2'),
  video('VP9', [35, 36], 'profile-id=1'),
  video('VP9', [37, 38], 'profile-id=3'),
  h264([102, 103], '42001f', 1),
  h264([104, 107], '42001f', 0),
  h264([108, 109], '42e01f', 1),
  h264([114, 115], '42e01f', 0),
  h264([116, 117], '4d001f', 1),
  h264([39, 40], '4d001f', 0),
  h264([41, 42], '64001f', 1),
  h264([43, 44], '64001f', 0),
  video('AV1', [45, 46], 'level-idx=5;profile=0;tier=0'),
  video('H265', [50, 51], 'level-id=93;profile-id=1;tier-flag=0;tx-mode=SRST'),
  video('red', [118, 119], '', []),
  video('ulpfec', [120, null], '', []),
  video('flexfec-03', [49, null], 'repair-window=10000000', [{ type: 'goog-remb', parameter: null }, TRANSPORT_CC]),
];

const SDES = 'urn:ietf:params:rtp-hdrext:sdes:';
export const MID_URI: string = `${SDES}mid`;
export const RID_URI: string = `${SDES}rtp-stream-id`;
export const REPAIRED_RID_URI: string = `${SDES}repaired-rtp-stream-id`;
export const TRANSPORT_CC_URI: string = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
const ABS_SEND_TIME_URI = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time';
const ABS_CAPTURE_TIME_URI = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';

/** Each with the id that it is offered with where that is free; in one byte there are 1 to 14 (RFC 8285 §4.2). */
const EXTENSION_IDS: ReadonlyMap<string, number> = new Map([
  ['urn:ietf:params:rtp-hdrext:ssrc-audio-level', 1],
  [ABS_SEND_TIME_URI, 2],
  [TRANSPORT_CC_URI, 3],
  [MID_URI, 4],
  ['http://www.webrtc.org/experiments/rtp-hdrext/playout-delay', 5],
  ['urn:ietf:params:rtp-hdrext:csrc-audio-level', 6],
  [ABS_CAPTURE_TIME_URI, 7],
  ['https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension', 8],
  ['http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00', 9],
  [RID_URI, 10],
  [REPAIRED_RID_URI, 11],
  ['urn:3gpp:video-orientation', 13],
  ['urn:ietf:params:rtp-hdrext:toffset', 14],
]);

export function preferredExtensionId(uri: string): number | null {
  return EXTENSION_IDS.get(uri) ?? null;
}

function extensions(...ids: readonly number[]): readonly HeaderExtensionCapability[] {
  const uris = new Map([...EXTENSION_IDS].map(([uri, id]) => [id, uri]));
  return ids.map((id) => ({ uri: uris.get(id)!, direction: 'sendrecv' }));
}

const HEADER_EXTENSIONS: Readonly<Record<MediaKind, readonly HeaderExtensionCapability[]>> = {
  audio: extensions(1, 2, 3, 4, 6, 7),
  video: extensions(14, 2, 13, 3, 5, 4, 10, 11, 8, 9, 7),
};

/** The codecs of a kind in order of preference. */
export function codecCapabilities(kind: MediaKind): readonly CodecCapability[] {
  return kind === 'audio' ? AUDIO_CODECS : VIDEO_CODECS;
}

export function headerExtensionCapabilities(kind: MediaKind): readonly HeaderExtensionCapability[] {
  return HEADER_EXTENSIONS[kind];
}

/** What `RTCRtpSender.getCapabilities` and `RTCRtpReceiver.getCapabilities` return: a new object each time. */
export function rtpCapabilities(kind: MediaKind): RtpCapabilities {
  return {
    codecs: codecCapabilities(kind).map((codec) => ({
      mimeType: mimeType(kind, codec),
      clockRate: codec.clockRate,
      ...(kind === 'audio' && { channels: codec.channels ?? 1 }),
      ...(codec.parameters.size > 0 && { sdpFmtpLine: formatFormatParameters(codec.parameters) }),
    })),
    headerExtensions: headerExtensionCapabilities(kind).map(({ uri }) => ({ uri })),
  };
}
