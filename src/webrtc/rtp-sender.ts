/** RTCRtpSender (WebRTC §5.2): what one track is sent with. */
import { MediaStream, type MediaStreamLike, MediaStreamTrack, type MediaStreamTrackLike } from '../media/tracks.ts';
import type { MediaKind } from '../rtp/codecs.ts';
import type { HeaderExtension, NegotiatedCodec } from '../sdp/index.ts';
import { exposeInterface, instance, nullable, requireArguments, requireInternal } from '../webidl/conversions.ts';
import type { RTCDtlsTransport } from './dtls-transport.ts';
import type { RTCDTMFSender } from './dtmf-sender.ts';
import { type RTCRtpTransform, toTransform } from './frame-pipe.ts';
import { updateNegotiationNeeded } from './negotiation-needed.ts';
import {
  type GivenSendParameters,
  getCapabilities,
  type RTCRtpCapabilities,
  type RTCRtpEncodingParameters,
  type RTCRtpSendParameters,
  toCodecDictionary,
  toHeaderExtensionDictionary,
  toSendParameters,
} from './rtp-parameters.ts';
import type { TransceiverSlots } from './rtp-transceiver.ts';
import { changedEncodings } from './send-encodings.ts';
import type { SenderSink } from './sender-sink.ts';
import type { PeerConnectionSlots } from './slots.ts';
import { collectStats } from './stats.ts';
import type { RTCStatsReport } from './stats-report.ts';

/** The internal slots. */
export type SenderSlots = {
  readonly connection: PeerConnectionSlots;
  readonly kind: MediaKind;
  /** Set right after construction. */
  transceiver: TransceiverSlots;
  /** [[SenderTrack]]. */
  track: MediaStreamTrack | null;
  /** [[AssociatedMediaStreamIds]]. */
  streamIds: readonly string[];
  /** [[SendEncodings]]. */
  encodings: RTCRtpEncodingParameters[];
  /** [[LastReturnedParameters]]. */
  lastReturnedParameters: RTCRtpSendParameters | null;
  /** [[SendCodecs]]: empty until negotiated. */
  codecs: readonly NegotiatedCodec[];
  headerExtensions: readonly HeaderExtension[];
  reducedSizeRtcp: boolean;
  /** [[SenderTransport]]. */
  transport: RTCDtlsTransport | null;
  readonly dtmf: RTCDTMFSender | null;
  /** Stands for the track in descriptions, for the sender's life (RFC 8829 §5.2.1). */
  readonly trackId: string;
  /** Where the track's content goes. */
  readonly sink: SenderSink;
  /** What was changed takes effect on the wire. */
  readonly update: () => void;
};

/** As `MediaStreamTrackLike`. */
export type RTCRtpSenderLike = { getParameters(): { readonly transactionId: string } };

const toTrack = nullable(instance(MediaStreamTrack, 'MediaStreamTrack'));
const toStream = instance(MediaStream, 'MediaStream');

let slotsOf: (sender: RTCRtpSender) => SenderSlots;

export class RTCRtpSender {
  readonly #slots: SenderSlots;

  static {
    slotsOf = (sender) => sender.#slots;
    exposeInterface(RTCRtpSender, 'RTCRtpSender', 0);
  }

  /** Not for scripts: throws "Illegal constructor". */
  constructor(key: symbol, slots: SenderSlots) {
    requireInternal(key);
    this.#slots = slots;
  }

  /** What can be sent; `null` for a kind that is not `audio` or `video`. */
  static getCapabilities(kind: string): RTCRtpCapabilities | null {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'getCapabilities');
    return getCapabilities(kind);
  }

  get track(): MediaStreamTrack | null {
    return this.#slots.track;
  }

  /** `null` until a description gives it one. */
  get transport(): RTCDtlsTransport | null {
    return this.#slots.transport;
  }

  /** Tones; `null` for video. */
  get dtmf(): RTCDTMFSender | null {
    return this.#slots.dtmf;
  }

  /** What each encoded frame goes through before it is packetized; `null` for nothing (WebRTC Encoded Transform §3.2). */
  get transform(): RTCRtpTransform | null {
    return this.#slots.sink.pipe.transform;
  }

  /**
   * From the next frame on.
   * @throws TypeError for what is no transform
   * @throws DOMException InvalidStateError for one that was used already
   */
  set transform(value: RTCRtpTransform | null) {
    this.#slots.sink.pipe.transform = toTransform(value, 'transform');
    this.#slots.update(); // packets that were forwarded as they are go through it as frames
  }

  getParameters(): RTCRtpSendParameters {
    const slots = this.#slots;
    if (slots.lastReturnedParameters !== null) return structuredClone(slots.lastReturnedParameters);
    const parameters: RTCRtpSendParameters = {
      transactionId: globalThis.crypto.randomUUID(),
      encodings: structuredClone(slots.encodings),
      headerExtensions: slots.headerExtensions.map(toHeaderExtensionDictionary),
      rtcp: { cname: slots.connection.cname, reducedSize: slots.reducedSizeRtcp },
      codecs: slots.codecs.map((codec) => toCodecDictionary(slots.kind, codec)),
    };
    slots.lastReturnedParameters = parameters;
    slots.connection.tasks.queue(() => {
      if (slots.lastReturnedParameters === parameters) slots.lastReturnedParameters = null;
    });
    return structuredClone(parameters);
  }

  /**
   * Takes what `getParameters` returned, with other encodings.
   * @throws DOMException InvalidStateError when stopped, or `getParameters` was not called in this task
   * @throws DOMException InvalidModificationError when something read-only is not as it was
   * @throws RangeError
   */
  async setParameters(parameters: RTCRtpSendParameters, setParameterOptions: object = {}): Promise<void> {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'setParameters');
    void setParameterOptions;
    const slots = this.#slots;
    const given = toSendParameters(parameters, 'RTCRtpSendParameters');
    if (slots.transceiver.stopping || slots.transceiver.stopped) {
      throw new DOMException('The transceiver is stopped', 'InvalidStateError');
    }
    const returned = slots.lastReturnedParameters;
    if (returned === null) throw new DOMException('Call getParameters first, in the same task', 'InvalidStateError');
    requireUnchanged(given, returned);
    const encodings = changedEncodings(slots.kind, slots.encodings, given.encodings, returned.codecs);
    await slots.connection.tasks.settleLater(() => {
      slots.lastReturnedParameters = null;
      // Negotiation may have dropped some meanwhile.
      slots.encodings = slots.encodings.map((now) => encodings.find(({ rid }) => rid === now.rid) ?? now);
      slots.update();
    });
  }

  /** Which streams the track is in at the peer's; negotiated anew. */
  setStreams(...streams: MediaStreamLike[]): void {
    const slots = this.#slots;
    const ids = [...new Set(streams.map((stream) => toStream(stream, 'stream').id))];
    if (slots.connection.isClosed) throw new DOMException('The connection is closed', 'InvalidStateError');
    slots.streamIds = ids;
    updateNegotiationNeeded(slots.connection);
  }

  /**
   * Another track of the same kind, or none, without negotiation.
   * @throws TypeError for another kind
   * @throws DOMException InvalidStateError when stopped or closed
   */
  async replaceTrack(withTrack: MediaStreamTrackLike | null): Promise<void> {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'replaceTrack');
    const track = toTrack(withTrack, 'withTrack');
    const slots = this.#slots;
    if (track !== null && track.kind !== slots.kind) throw new TypeError(`This sender is for ${slots.kind}`);
    const { connection, transceiver } = slots;
    await connection.operations.chain(async () => {
      if (transceiver.stopping || transceiver.stopped) {
        throw new DOMException('The transceiver is stopped', 'InvalidStateError');
      }
      await connection.tasks.settleLater(() => setSenderTrack(slots, track));
    });
  }

  async getStats(): Promise<RTCStatsReport> {
    return collectStats(this.#slots.connection, { sender: this.#slots });
  }
}

export { slotsOf as senderSlots };

/** [[SenderTrack]], and with it where its content goes. */
export function setSenderTrack(slots: SenderSlots, track: MediaStreamTrack | null): void {
  if (slots.track === track) return;
  slots.track = track;
  slots.update();
}

/** "If any parameter in parameters is marked as a Read-only parameter and has a value that is different". */
function requireUnchanged(given: GivenSendParameters, returned: RTCRtpSendParameters): void {
  const changed = (['transactionId', 'codecs', 'headerExtensions', 'rtcp'] as const).find(
    (member) => !isEqual(given[member], returned[member]),
  );
  if (changed !== undefined) throw new DOMException(`${changed} is read-only`, 'InvalidModificationError');
}

/** For what dictionaries are made of. */
function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const [members, others] = [Object.entries(a), b as Record<string, unknown>];
  return members.length === Object.keys(b).length && members.every(([key, value]) => isEqual(value, others[key]));
}
