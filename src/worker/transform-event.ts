/** RTCTransformEvent (WebRTC Encoded Transform §6): a transform was made for this worker. */
import { exposeInterface, requireInternal } from '../webidl/conversions.ts';
import type { RTCRtpScriptTransformer } from './script-transformer.ts';

export class RTCTransformEvent extends Event {
  readonly #transformer: RTCRtpScriptTransformer;

  static {
    exposeInterface(RTCTransformEvent, 'RTCTransformEvent', 0);
  }

  /** Not for scripts: throws "Illegal constructor". */
  constructor(key: symbol, transformer: RTCRtpScriptTransformer) {
    requireInternal(key);
    super('rtctransform');
    this.#transformer = transformer;
  }

  get transformer(): RTCRtpScriptTransformer {
    return this.#transformer;
  }
}
