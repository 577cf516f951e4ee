/** KeyFrameRequestEvent (WebRTC Encoded Transform §6): the peer wants a key frame of what a transform has given. */
import { exposeInterface, requireArguments, toDOMString } from '../webidl/conversions.ts';

export class KeyFrameRequestEvent extends Event {
  readonly #rid: string | null;

  static {
    exposeInterface(KeyFrameRequestEvent, 'KeyFrameRequestEvent', 1);
  }

  constructor(type: string, rid?: string) {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'KeyFrameRequestEvent');
    super(type, { cancelable: true });
    this.#rid = rid === undefined ? null : toDOMString(rid, 'rid');
  }

  /** Of which encoding; `null` where there is one. */
  get rid(): string | null {
    return this.#rid;
  }
}
