/** What the JSEP functions are told: what we are, what we want, and what was said before. */
import type { CodecCapability, CodecFormat, HeaderExtensionCapability, MediaKind } from '../rtp/codecs.ts';
import type { Direction, Fingerprint, IceCredentials, SessionDescription } from './description.ts';

/** Candidate attributes gathered so far under our credentials, without `a=`, and whether these are all. */
export interface GatheredCandidates {
  readonly candidates?: readonly string[];
  readonly endOfCandidates?: boolean;
}

/** Our end of every transport; the candidates are those of the first. */
export interface LocalTransport extends GatheredCandidates {
  /** Those in use, or new ones to restart ICE (RFC 8839 §4.4.1.1.1). Several transports have them in common (§5.4). */
  readonly ice: IceCredentials;
  readonly iceLite?: boolean;
  /** Of all our certificates. */
  readonly fingerprints: readonly Fingerprint[];
  /** RFC 8842 §5; left out of the description when not given. */
  readonly tlsId?: string;
}

/** Our end of the SCTP association. */
export interface LocalSctp {
  /** 5000 by default. */
  readonly port?: number;
  /** The largest message we take, in bytes; 0 for no limit. */
  readonly maxMessageSize: number;
}

export interface LocalModel {
  /** 63 random bits in decimal, the same for the life of the connection: `newSessionId`. */
  readonly sessionId: string;
  readonly transport: LocalTransport;
  /** What the other transports have gathered, by the index of the section that speaks for each. */
  readonly gatheredApart?: ReadonlyMap<number, GatheredCandidates>;
  /** What we do with data channels. `null`: offer none and accept none. */
  readonly sctp: LocalSctp | null;
  /** In the order they were made, stopped ones included as long as they have a section. None by default. */
  readonly transceivers?: readonly TransceiverModel[];
  /**
   * `balanced` by default (RFC 8829 §4.1.1). With `max-bundle` there is one transport, and what a peer has outside of the
   * bundle is turned down.
   */
  readonly bundlePolicy?: BundlePolicy;
  /** Of all our sources (RFC 7022), for `a=ssrc`; without it no sources are announced. */
  readonly cname?: string;
  /** What can be carried, best first: `codecCapabilities(kind)` by default. */
  readonly codecs?: { readonly [Kind in MediaKind]: readonly CodecCapability[] };
  /**
   * RFC 8888 feedback instead of transport-cc: `answer` (default) where it is offered, `offer` also of ourselves, or
   * `never`.
   */
  readonly congestionControlFeedback?: 'never' | 'answer' | 'offer';
}

export type BundlePolicy = 'balanced' | 'max-compat' | 'max-bundle';

/** An RTCRtpTransceiver, as far as descriptions show it. */
export interface TransceiverModel {
  readonly kind: MediaKind;
  /** Once it has a section (W3C: "associated"), its mid and place; both `null` before. */
  readonly mid: string | null;
  readonly mLineIndex: number | null;
  /** What the application wants: [[Direction]], not [[CurrentDirection]]. */
  readonly direction: Direction;
  /** [[Stopping]] or [[Stopped]]. */
  readonly stopped: boolean;
  /** Ids of the streams that the sender's track is in; none is written as `-`. */
  readonly streams: readonly string[];
  /** Id of the sender's track, or what stands for it while there is none; stays for the transceiver's life. */
  readonly trackId: string;
  /**
   * [[PreferredCodecs]]: which of our codecs, in which order; they are found by name, clock rate, channels and
   * parameters. Empty or left out: all of them.
   */
  readonly codecPreferences?: readonly CodecFormat[];
  /** What to negotiate; `headerExtensionCapabilities(kind)` by default. */
  readonly headerExtensions?: readonly HeaderExtensionCapability[];
  /** [[SendEncodings]], in order. One without a rid by default. */
  readonly sendEncodings?: readonly EncodingModel[];
  /**
   * Simulcast to receive: rids to ask for in an offer, or `asOffered`: whatever an offer has. Left out: one stream, the
   * first that is offered.
   */
  readonly receiveSimulcast?: readonly string[] | 'asOffered';
}

/** One stream that a sender sends. */
export interface EncodingModel {
  readonly rid: string | null;
  /** `false` is written as paused. */
  readonly active: boolean;
  /**
   * Its sources, announced with `a=ssrc` (and `FID`, `FEC-FR`) while there is no rid; with one, the rid tells streams
   * apart. `null` or left out: none.
   */
  readonly ssrc?: number | null;
  readonly rtxSsrc?: number | null;
  readonly fecSsrc?: number | null;
}

/** What was said before: the W3C attributes of these names, and one more. `null` where there is none. */
export interface NegotiationState {
  readonly currentLocal: SessionDescription | null;
  readonly currentRemote: SessionDescription | null;
  readonly pendingLocal: SessionDescription | null;
  readonly pendingRemote: SessionDescription | null;
  /** What `createOffer` or `createAnswer` made last, applied or not: versions count from it (RFC 8829 §5.2.2). */
  readonly lastCreated: SessionDescription | null;
}
