/** RTCDTMFToneChangeEvent (WebRTC §7.3): a tone has begun; with an empty `tone`, the last one has ended. */
import { Dictionary, exposeInterface, requireArguments, toDOMString } from '../webidl/conversions.ts';

export interface RTCDTMFToneChangeEventInit extends EventInit {
  tone?: string;
}

export class RTCDTMFToneChangeEvent extends Event {
  readonly #tone: string;

  static {
    exposeInterface(RTCDTMFToneChangeEvent, 'RTCDTMFToneChangeEvent');
  }

  constructor(type: string, eventInitDict: RTCDTMFToneChangeEventInit = {}) {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'RTCDTMFToneChangeEvent');
    const members = new Dictionary(eventInitDict, 'RTCDTMFToneChangeEventInit');
    super(type, eventInitDict);
    this.#tone = members.withDefault('tone', toDOMString, '');
  }

  get tone(): string {
    return this.#tone;
  }
}
