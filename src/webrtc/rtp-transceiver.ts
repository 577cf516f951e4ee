/** RTCRtpTransceiver (WebRTC §5.4): a sender and a receiver that share a section of the descriptions. */
import type { HeaderExtensionCapability, MediaKind } from '../rtp/codecs.ts';
import type { Direction, HeaderExtension } from '../sdp/index.ts';
import {
  type Conversion,
  enumeration,
  exposeInterface,
  requireArguments,
  requireInternal,
  sequence,
} from '../webidl/conversions.ts';
import {
  chosenExtensions,
  extensionsToNegotiate,
  negotiatedExtensions,
  type RTCRtpHeaderExtensionCapability,
  toCapability,
} from './header-extension-control.ts';
import { updateNegotiationNeeded } from './negotiation-needed.ts';
import { getCapabilities, isSameCodec, type RTCRtpCodec, toCodec } from './rtp-parameters.ts';
import type { ReceiverSlots, RTCRtpReceiver } from './rtp-receiver.ts';
import type { RTCRtpSender, SenderSlots } from './rtp-sender.ts';
import type { Exposed, PeerConnectionSlots } from './slots.ts';
import { stopSendingAndReceiving } from './stop-transceiver.ts';

export type RTCRtpTransceiverDirection = Direction | 'stopped';

/** `stopped` can be read and not be set: a TypeError for it comes from the setter itself. */
export const toDirection: Conversion<RTCRtpTransceiverDirection> = enumeration<RTCRtpTransceiverDirection>(
  'RTCRtpTransceiverDirection',
  ['sendrecv', 'sendonly', 'recvonly', 'inactive', 'stopped'],
);

/** What a transceiver goes back to when a description is rolled back. */
type StableState = {
  readonly mid: string | null;
  readonly mLineIndex: number | null;
  readonly streams: ReceiverSlots['streams'];
};

/** The internal slots. */
export type TransceiverSlots = {
  readonly connection: PeerConnectionSlots;
  readonly kind: MediaKind;
  readonly object: RTCRtpTransceiver;
  readonly sender: Exposed<RTCRtpSender, SenderSlots>;
  readonly receiver: Exposed<RTCRtpReceiver, ReceiverSlots>;
  mid: string | null;
  /** [[JsepMid]] and its place: once a description is in force that has it. */
  mLineIndex: number | null;
  direction: Direction;
  currentDirection: Direction | null;
  firedDirection: Direction | null;
  receptive: boolean;
  stopping: boolean;
  stopped: boolean;
  preferredCodecs: readonly RTCRtpCodec[];
  /** [[HeaderExtensionsToNegotiate]]; `null`: as they are by default. */
  chosenExtensions: readonly HeaderExtensionCapability[] | null;
  /** What the last answer settled. */
  negotiatedExtensions: readonly HeaderExtension[];
  /** Whether `addTrack` made it, or took over one of a remote offer's: then a remote offer may give it a section (RFC 8829 §5.10). */
  isFromAddTrack: boolean;
  /** Whether a remote offer made it, and no `addTrack` has taken it over since. */
  isRemoteMade: boolean;
  /** Whether [[CurrentDirection]] was ever one that sends. */
  hasSent: boolean;
  /** The encodings before negotiation changed them, while that may still be rolled back. */
  encodingsBefore: SenderSlots['encodings'] | null;
  /** `null`: it was not there in the last stable state. */
  stable: StableState | null;
};

let slotsOf: (transceiver: RTCRtpTransceiver) => TransceiverSlots;

export class RTCRtpTransceiver {
  readonly #slots: TransceiverSlots;

  static {
    slotsOf = (transceiver) => transceiver.#slots;
    exposeInterface(RTCRtpTransceiver, 'RTCRtpTransceiver', 0);
  }

  /** Not for scripts: throws "Illegal constructor". */
  constructor(key: symbol, makeSlots: (object: RTCRtpTransceiver) => TransceiverSlots) {
    requireInternal(key);
    this.#slots = makeSlots(this);
  }

  /** `null` until a description has it. */
  get mid(): string | null {
    return this.#slots.mid;
  }

  get sender(): RTCRtpSender {
    return this.#slots.sender.object;
  }

  get receiver(): RTCRtpReceiver {
    return this.#slots.receiver.object;
  }

  /** What the application wants. */
  get direction(): RTCRtpTransceiverDirection {
    return this.#slots.stopping ? 'stopped' : this.#slots.direction;
  }

  /** @throws DOMException InvalidStateError when stopped; TypeError for `stopped` */
  set direction(value: RTCRtpTransceiverDirection) {
    const slots = this.#slots;
    const direction = toDirection(value, 'direction');
    if (slots.stopping) throw new DOMException('The transceiver is stopped', 'InvalidStateError');
    if (direction === 'stopped') throw new TypeError("Call stop() instead of setting the direction to 'stopped'");
    if (direction === slots.direction) return;
    slots.direction = direction;
    updateNegotiationNeeded(slots.connection);
  }

  /** What was negotiated; `null` before. */
  get currentDirection(): RTCRtpTransceiverDirection | null {
    return this.#slots.stopped ? 'stopped' : this.#slots.currentDirection;
  }

  /** Gone from the specification, which says `currentDirection === 'stopped'` for it; browsers have it still. */
  get stopped(): boolean {
    return this.#slots.stopped;
  }

  /** For good: its place in the descriptions is free for another one. */
  stop(): void {
    const slots = this.#slots;
    if (slots.connection.isClosed) throw new DOMException('The connection is closed', 'InvalidStateError');
    if (slots.stopping) return;
    stopSendingAndReceiving(slots);
    updateNegotiationNeeded(slots.connection);
  }

  /**
   * Which codecs to negotiate, best first; an empty list for all there are.
   * @throws DOMException InvalidModificationError for one that is not among the capabilities, or none that carries media
   */
  setCodecPreferences(codecs: RTCRtpCodec[]): void {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'setCodecPreferences');
    const given = sequence(toCodec)(codecs, 'codecs');
    const { codecs: known } = getCapabilities(this.#slots.kind)!;
    const unique = given.filter((codec, i) => given.findIndex((other) => isSameCodec(codec, other)) === i);
    const unknown = unique.find((codec) => !known.some((one) => isSameCodec(codec, one)));
    if (unknown !== undefined) {
      throw new DOMException(`${unknown.mimeType} is not among the capabilities as given`, 'InvalidModificationError');
    }
    if (unique.length > 0 && unique.every(({ mimeType }) => RESILIENCE.test(mimeType))) {
      throw new DOMException('None of these carries media by itself', 'InvalidModificationError');
    }
    this.#slots.preferredCodecs = unique;
    updateNegotiationNeeded(this.#slots.connection);
  }

  /** The RTP header extensions that the next offer or answer has; `stopped` ones are left out (WebRTC Extensions). */
  getHeaderExtensionsToNegotiate(): RTCRtpHeaderExtensionCapability[] {
    return extensionsToNegotiate(this.#slots.kind, this.#slots.chosenExtensions);
  }

  /**
   * Takes what `getHeaderExtensionsToNegotiate` returned, with other directions.
   * @throws DOMException InvalidModificationError for another list, or one without the mandatory extension
   */
  setHeaderExtensionsToNegotiate(extensions: RTCRtpHeaderExtensionCapability[]): void {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'setHeaderExtensionsToNegotiate');
    const given = sequence(toCapability)(extensions, 'extensions');
    this.#slots.chosenExtensions = chosenExtensions(this.#slots.kind, given);
  }

  /** What the last negotiation settled: `stopped` where the sides did not agree on one. */
  getNegotiatedHeaderExtensions(): RTCRtpHeaderExtensionCapability[] {
    return negotiatedExtensions(this.#slots.kind, this.#slots.negotiatedExtensions);
  }
}

/** "RTX, RED, FEC, Comfort Noise": what cannot stand alone. */
const RESILIENCE = /\/(?:rtx|red|ulpfec|flexfec-03|cn|telephone-event)$/i;

export { slotsOf as transceiverSlots };
