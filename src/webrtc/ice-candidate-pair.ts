/** RTCIceCandidatePair (WebRTC §5.6.1): the two ends of the path in use. */

import { exposeInterface, requireInternal } from '../webidl/conversions.ts';
import type { RTCIceCandidate } from './ice-candidate.ts';

export class RTCIceCandidatePair {
  readonly #local: RTCIceCandidate;
  readonly #remote: RTCIceCandidate;

  static {
    exposeInterface(RTCIceCandidatePair, 'RTCIceCandidatePair', 0);
  }

  /** Not for scripts: throws "Illegal constructor". */
  constructor(key: symbol, local: RTCIceCandidate, remote: RTCIceCandidate) {
    requireInternal(key);
    this.#local = local;
    this.#remote = remote;
  }

  get local(): RTCIceCandidate {
    return this.#local;
  }

  get remote(): RTCIceCandidate {
    return this.#remote;
  }
}
