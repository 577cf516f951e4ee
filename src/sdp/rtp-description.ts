/** What a section says about RTP (RFC 8829 §5.8.2): formats, header extensions, streams, sources, simulcast. */
import type { CodecFormat, FormatParameters, RtcpFeedback } from '../rtp/codecs.ts';
import type { Direction } from './description.ts';

/** The RTP part of an audio or video section. */
export interface RtpAttributes {
  /**
   * The formats of the `m=` line that are known by `a=rtpmap` or by RFC 3551, in its order, which is that of
   * preference. `MediaSection.formats` has all of them.
   */
  readonly codecs: readonly Codec[];
  /** `a=rtcp-fb:*`: for every format. */
  readonly feedback: readonly RtcpFeedback[];
  readonly extensions: readonly HeaderExtension[];
  readonly extmapAllowMixed: boolean;
  readonly msids: readonly Msid[];
  readonly ssrcs: readonly SsrcDescription[];
  readonly ssrcGroups: readonly SsrcGroup[];
  readonly rids: readonly Rid[];
  readonly simulcast: Simulcast | null;
  /** Milliseconds of sound in a packet. */
  readonly ptime: number | null;
  readonly maxptime: number | null;
}

/** `a=rtpmap` with the `a=fmtp` and `a=rtcp-fb` lines of its payload type. `rtx`, `red`, `ulpfec` are codecs too. */
export interface Codec extends CodecFormat {
  /** 0 to 127. */
  readonly payloadType: number;
  readonly feedback: readonly RtcpFeedback[];
}

/** `a=extmap:2/sendonly uri attributes` (RFC 8285 §8). */
export interface HeaderExtension {
  /** 1 to 14 in the one-byte form, to 255 in the two-byte form, 4096 to 4351 to be numbered by the answer (§7). */
  readonly id: number;
  /** `null`: not said, which means `sendrecv`. From the view of who says it. */
  readonly direction: Direction | null;
  readonly uri: string;
  readonly attributes: string | null;
}

/** `a=msid:stream track` (RFC 8830 §2). `stream` is `-` for a track that is in no stream. */
export interface Msid {
  readonly stream: string;
  /** The "appdata", which RFC 8829 leaves out and browsers do not. */
  readonly track: string | null;
}

/** All `a=ssrc` lines of one source (RFC 5576 §4.1). */
export interface SsrcDescription {
  readonly ssrc: number;
  readonly cname: string | null;
  readonly msid: Msid | null;
  /** `mslabel`, `label` and others. */
  readonly attributes: readonly { readonly name: string; readonly value: string | null }[];
}

/** `FID`: a source and its RTX (RFC 4588 §8.4); `FEC-FR`: a source and its FEC (RFC 5956 §4.3); `SIM`: layers. */
export interface SsrcGroup {
  readonly semantics: string;
  readonly ssrcs: readonly number[];
}

/** `a=rid:h send pt=96;max-width=1280` (RFC 8851 §10). */
export interface Rid {
  readonly id: string;
  readonly direction: 'send' | 'recv';
  /** `pt=`; empty: any. */
  readonly payloadTypes: readonly number[];
  readonly restrictions: FormatParameters;
}

/** `a=simulcast:send h;~m,l` (RFC 8853 §5.1): streams, each a choice of alternatives, best first. */
export interface Simulcast {
  readonly send: readonly SimulcastStream[];
  readonly receive: readonly SimulcastStream[];
}

export type SimulcastStream = readonly SimulcastAlternative[];

export interface SimulcastAlternative {
  readonly rid: string;
  /** `~`: there, and not sent at first. */
  readonly paused: boolean;
}

export const NO_RTP: RtpAttributes = {
  codecs: [],
  feedback: [],
  extensions: [],
  extmapAllowMixed: false,
  msids: [],
  ssrcs: [],
  ssrcGroups: [],
  rids: [],
  simulcast: null,
  ptime: null,
  maxptime: null,
};
