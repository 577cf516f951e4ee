/** RTCDTMFSender (WebRTC §7): telephone tones, sent as events beside the sound (RFC 4733). */
import {
  exposeInterface,
  requireArguments,
  requireInternal,
  toDOMString,
  toUnsignedLong,
} from '../webidl/conversions.ts';
import {
  type AnyEventHandler,
  defineEventHandlers,
  type EventHandler,
  type TypedEventTargetConstructor,
} from '../webidl/event-handlers.ts';
import { RTCDTMFToneChangeEvent } from './dtmf-tone-change-event.ts';

/** §7.1: "The duration cannot be more than 6000 ms or less than 40 ms." */
const DURATION_MS = { min: 40, max: 6_000, default: 100 };
/** §7.1: "The interToneGap cannot be less than 30 ms"; and its upper bound. */
const GAP_MS = { min: 30, max: 6_000, default: 70 };
/** §7.2: "a delay of 2 seconds". */
const COMMA_MS = 2_000;

const TONES = /^[0-9A-D#*,]*$/;

export interface RTCDTMFSenderEventMap {
  tonechange: RTCDTMFToneChangeEvent;
}

interface RTCDTMFSenderHandlers {
  get ontonechange(): AnyEventHandler;
  set ontonechange(handler: EventHandler<RTCDTMFToneChangeEvent>);
}

/** What a sender lends. */
export type DtmfHost = {
  /** "Determine if DTMF can be sent". */
  canSend(): boolean;
  /** Whether the transceiver still sends: looked at before each tone. */
  isSending(): boolean;
  play(tone: string, durationMs: number): void;
  /** Runs `task` as one of the connection's, after `delayMs`. */
  schedule(task: () => void, delayMs: number): void;
};

const Target: TypedEventTargetConstructor<RTCDTMFSenderEventMap, RTCDTMFSenderHandlers> = EventTarget as never;

export class RTCDTMFSender extends Target {
  readonly #host: DtmfHost;
  #toneBuffer = '';
  #durationMs = DURATION_MS.default;
  #gapMs = GAP_MS.default;
  #isScheduled = false;

  static {
    defineEventHandlers(RTCDTMFSender, ['tonechange']);
    exposeInterface(RTCDTMFSender, 'RTCDTMFSender', 0);
  }

  /** Not for scripts: throws "Illegal constructor". */
  constructor(key: symbol, host: DtmfHost) {
    requireInternal(key);
    super();
    this.#host = host;
  }

  get canInsertDTMF(): boolean {
    return this.#host.canSend();
  }

  /** What has not been played yet. */
  get toneBuffer(): string {
    return this.#toneBuffer;
  }

  /**
   * Plays `0`–`9`, `A`–`D`, `#` and `*`; a comma waits for two seconds. What was left to play is replaced.
   * @param duration of each tone, in ms: 40 to 6000
   * @param interToneGap between tones, in ms: 30 to 6000
   * @throws DOMException InvalidStateError when tones cannot be sent now, InvalidCharacterError for other characters
   */
  insertDTMF(tones: string, duration: number = DURATION_MS.default, interToneGap: number = GAP_MS.default): void {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'insertDTMF');
    const wanted = toDOMString(tones, 'tones').toUpperCase();
    const [durationMs, gapMs] = [toUnsignedLong(duration, 'duration'), toUnsignedLong(interToneGap, 'interToneGap')];
    if (!this.#host.canSend()) throw new DOMException('Tones cannot be sent now', 'InvalidStateError');
    if (!TONES.test(wanted)) throw new DOMException(`There are no such tones: '${wanted}'`, 'InvalidCharacterError');
    this.#toneBuffer = wanted;
    this.#durationMs = Math.min(Math.max(durationMs, DURATION_MS.min), DURATION_MS.max);
    this.#gapMs = Math.min(Math.max(gapMs, GAP_MS.min), GAP_MS.max);
    if (wanted !== '') this.#schedule(0);
  }

  #schedule(delayMs: number): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#host.schedule(() => {
      this.#isScheduled = false;
      this.#playNext();
    }, delayMs);
  }

  /** The "playout task". */
  #playNext(): void {
    if (!this.#host.isSending()) return;
    const tone = this.#toneBuffer.slice(0, 1);
    this.#toneBuffer = this.#toneBuffer.slice(1);
    if (tone === ',') this.#schedule(COMMA_MS);
    else if (tone !== '') {
      this.#host.play(tone, this.#durationMs);
      this.#schedule(this.#durationMs + this.#gapMs);
    }
    this.dispatchEvent(new RTCDTMFToneChangeEvent('tonechange', { tone }));
  }
}
