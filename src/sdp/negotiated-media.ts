/** What an offer and its answer agree on for one audio or video section (RFC 8829 §5.11). */
import type { CodecRole, MediaKind } from '../rtp/codecs.ts';
import type { Direction } from './description.ts';
import type { Codec, HeaderExtension, Msid, SimulcastStream } from './rtp-description.ts';

export interface NegotiatedMedia {
  readonly mLineIndex: number;
  /** `null` where neither side names one. */
  readonly mid: string | null;
  readonly kind: MediaKind;
  /** Turned down by either side: all lists below are empty, and the direction is `inactive`. */
  readonly rejected: boolean;
  /** The mid that its bundle is tagged with, which may be its own; `null` where it is not bundled. */
  readonly bundledIn: string | null;
  /** Ours: W3C [[CurrentDirection]]. */
  readonly direction: Direction;
  readonly send: NegotiatedSender;
  readonly receive: NegotiatedReceiver;
  /** What both have, with the ids in use on the wire; the direction is ours, never `null`. */
  readonly extensions: readonly HeaderExtension[];
  readonly extmapAllowMixed: boolean;
  /** Which feedback drives congestion control; `null`: receiver reports alone. */
  readonly congestionFeedback: 'ccfb' | 'transport-cc' | 'remb' | null;
  /** Both sides take reduced-size RTCP (RFC 5506). */
  readonly reducedSizeRtcp: boolean;
}

/** What we may send, as the peer wants to have it. */
export interface NegotiatedSender {
  /** Best first; the peer's payload types and parameters. Take the first `media` codec unless told otherwise. */
  readonly codecs: readonly NegotiatedCodec[];
  /** Simulcast as agreed, in our order; one stream without a rid is an empty list. */
  readonly streams: readonly SimulcastStream[];
  /** Bits per second that the peer allows for the section (`b=TIAS`, or `b=AS`); `null`: no limit. */
  readonly maxBitrate: number | null;
  /** Milliseconds of sound that the peer wants in a packet; `null`: not said. */
  readonly ptime: number | null;
  readonly maxptime: number | null;
}

/** What may come, and from whom. */
export interface NegotiatedReceiver {
  /** Our payload types and parameters, in our order, which is what the peer goes by. */
  readonly codecs: readonly NegotiatedCodec[];
  /** The peer's simulcast as agreed, in its order; empty: one stream. */
  readonly streams: readonly SimulcastStream[];
  /** The streams and the track, as `remoteMsids`; empty when the peer does not send. */
  readonly msids: readonly Msid[];
  /** Sources that the peer announced; often none. */
  readonly sources: readonly RemoteSource[];
}

export interface NegotiatedCodec extends Codec {
  readonly role: CodecRole;
  /** `video/VP8`. */
  readonly mimeType: string;
  /** The RTX format that repairs this one; `null`: none. */
  readonly rtxPayloadType: number | null;
  /** What an `rtx` format repairs: `apt`; `null` for other formats. */
  readonly associatedPayloadType: number | null;
  /** What may be in a `red` format, first the primary one; empty: anything (video), or for other formats. */
  readonly redPayloadTypes: readonly number[];
}

/** One source of the peer's, with those that repair it. */
export interface RemoteSource {
  readonly ssrc: number;
  readonly rtxSsrc: number | null;
  readonly fecSsrc: number | null;
  readonly cname: string | null;
}
