/** A codec that offer and answer agreed on, with its payload type: what the streams need to know of it. */
import { type CodecFormat, type CodecRole, parseFormatParameters } from './codecs.ts';

export interface NegotiatedRtpCodec extends CodecFormat {
  readonly payloadType: number;
  readonly role: CodecRole;
  /** `video/VP8`. */
  readonly mimeType: string;
  /** The RTX format that repairs this one; `null`: none. */
  readonly rtxPayloadType: number | null;
  /** What an `rtx` format repairs; `null` for other formats. */
  readonly associatedPayloadType: number | null;
  /** What may be in a `red` format, first the primary one. */
  readonly redPayloadTypes: readonly number[];
  readonly feedback: readonly { readonly type: string; readonly parameter: string | null }[];
}

/** Whether packets of this codec may be asked for again (RFC 4585 §4.2: `nack`, without a parameter). */
export function hasNack({ feedback }: NegotiatedRtpCodec): boolean {
  return feedback.some(({ type, parameter }) => type === 'nack' && parameter === null);
}

/** What names a codec from outside: `video/H264`, perhaps with the parameters that tell it from others of the name. */
export type CodecName = {
  readonly mimeType: string;
  readonly clockRate: number;
  readonly sdpFmtpLine?: string;
};

/** Parameters that make two codecs of one name incompatible, by name (RFC 6184 §8.1, RFC 9628 §6, AV1 §7.2, RFC 7798 §7.1). */
const IDENTITY: Readonly<Record<string, readonly string[]>> = {
  'video/h264': ['packetization-mode', 'profile-level-id'],
  'video/vp9': ['profile-id'],
  'video/av1': ['profile'],
  'video/h265': ['profile-id'],
};

/** The codec among those negotiated that content so named can be sent as; `undefined`: there is none. */
export function findCodec<Codec extends NegotiatedRtpCodec>(
  codecs: readonly Codec[],
  { mimeType, clockRate, sdpFmtpLine }: CodecName,
): Codec | undefined {
  const name = mimeType.toLowerCase();
  const candidates = codecs.filter((codec) => codec.mimeType.toLowerCase() === name && codec.clockRate === clockRate);
  if (sdpFmtpLine === undefined) return candidates[0];
  const given = parseFormatParameters(sdpFmtpLine);
  const distance = (codec: Codec): number =>
    (IDENTITY[name] ?? []).filter((key) => (given.get(key) ?? null) !== (codec.parameters.get(key) ?? null)).length;
  return candidates.toSorted((a, b) => distance(a) - distance(b))[0];
}
