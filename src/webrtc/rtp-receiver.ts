/** RTCRtpReceiver (WebRTC §5.3): what one track of the peer's comes with. */
import type { MediaStreamTrack } from '../media/tracks.ts';
import type { MediaKind } from '../rtp/codecs.ts';
import type { HeaderExtension, NegotiatedCodec } from '../sdp/index.ts';
import { exposeInterface, nullable, requireArguments, requireInternal, toDouble } from '../webidl/conversions.ts';
import type { RTCDtlsTransport } from './dtls-transport.ts';
import { type RTCRtpTransform, toTransform } from './frame-pipe.ts';
import type { ReceiverSource } from './receiver-source.ts';
import {
  getCapabilities,
  type RTCRtpCapabilities,
  type RTCRtpReceiveParameters,
  toCodecDictionary,
  toHeaderExtensionDictionary,
} from './rtp-parameters.ts';
import type { RTCRtpContributingSource, RTCRtpSynchronizationSource } from './rtp-sources.ts';
import type { PeerConnectionSlots } from './slots.ts';
import { collectStats } from './stats.ts';
import type { RTCStatsReport } from './stats-report.ts';

/** webrtc-extensions: "jitterBufferTarget … is limited to 4000 milliseconds". */
const MAX_JITTER_BUFFER_TARGET_MS = 4_000;

/** The internal slots. */
export type ReceiverSlots = {
  readonly connection: PeerConnectionSlots;
  readonly kind: MediaKind;
  /** [[ReceiverTrack]]. */
  readonly track: MediaStreamTrack;
  /** Where its content comes from. */
  readonly source: ReceiverSource;
  /** [[AssociatedRemoteMediaStreams]]. */
  streams: readonly import('../media/tracks.ts').MediaStream[];
  /** [[ReceiveCodecs]]: empty until negotiated. */
  codecs: readonly NegotiatedCodec[];
  headerExtensions: readonly HeaderExtension[];
  reducedSizeRtcp: boolean;
  /** [[ReceiverTransport]]. */
  transport: RTCDtlsTransport | null;
  /** [[JitterBufferTarget]]. */
  jitterBufferTarget: number | null;
};

let slotsOf: (receiver: RTCRtpReceiver) => ReceiverSlots;

export class RTCRtpReceiver {
  readonly #slots: ReceiverSlots;

  static {
    slotsOf = (receiver) => receiver.#slots;
    exposeInterface(RTCRtpReceiver, 'RTCRtpReceiver', 0);
  }

  /** Not for scripts: throws "Illegal constructor". */
  constructor(key: symbol, slots: ReceiverSlots) {
    requireInternal(key);
    this.#slots = slots;
  }

  /** What can be received; `null` for a kind that is not `audio` or `video`. */
  static getCapabilities(kind: string): RTCRtpCapabilities | null {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'getCapabilities');
    return getCapabilities(kind);
  }

  /** There from the beginning; muted until something comes. */
  get track(): MediaStreamTrack {
    return this.#slots.track;
  }

  /** `null` until a description gives it one. */
  get transport(): RTCDtlsTransport | null {
    return this.#slots.transport;
  }

  /** Milliseconds to hold frames for, rather than as few as possible; `null` by default (webrtc-extensions). */
  get jitterBufferTarget(): number | null {
    return this.#slots.jitterBufferTarget;
  }

  /** @throws RangeError below 0 or above 4000 */
  set jitterBufferTarget(value: number | null) {
    const target = nullable(toDouble)(value, 'jitterBufferTarget');
    if (target !== null && (target < 0 || target > MAX_JITTER_BUFFER_TARGET_MS)) {
      throw new RangeError(`jitterBufferTarget is 0 to ${MAX_JITTER_BUFFER_TARGET_MS} ms, not ${target}`);
    }
    this.#slots.jitterBufferTarget = target;
    this.#slots.source.setJitterBufferTarget(target);
  }

  /** What each encoded frame goes through before the track has it; `null` for nothing (WebRTC Encoded Transform §3.2). */
  get transform(): RTCRtpTransform | null {
    return this.#slots.source.pipe.transform;
  }

  /**
   * From the next frame on.
   * @throws TypeError for what is no transform
   * @throws DOMException InvalidStateError for one that was used already
   */
  set transform(value: RTCRtpTransform | null) {
    this.#slots.source.pipe.transform = toTransform(value, 'transform');
    this.#slots.source.updateForm();
  }

  getParameters(): RTCRtpReceiveParameters {
    const { kind, codecs, headerExtensions, reducedSizeRtcp } = this.#slots;
    return {
      headerExtensions: headerExtensions.map(toHeaderExtensionDictionary),
      rtcp: { reducedSize: reducedSizeRtcp },
      codecs: codecs.map((codec) => toCodecDictionary(kind, codec)),
    };
  }

  /** The mixed-in sources (CSRC) of the last 10 s. */
  getContributingSources(): RTCRtpContributingSource[] {
    return this.#slots.source.contributingSources();
  }

  /** The sources (SSRC) of the last 10 s. */
  getSynchronizationSources(): RTCRtpSynchronizationSource[] {
    return this.#slots.source.synchronizationSources();
  }

  async getStats(): Promise<RTCStatsReport> {
    return collectStats(this.#slots.connection, { receiver: this.#slots });
  }
}

export { slotsOf as receiverSlots };
