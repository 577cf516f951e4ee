/** RTCErrorEvent (WebRTC §11.3): `error` at a data channel or a DTLS transport. */

import { Dictionary, exposeInterface, instance } from '../webidl/conversions.ts';
import { RTCError } from './error.ts';

export interface RTCErrorEventInit extends EventInit {
  error: RTCError;
}

export class RTCErrorEvent extends Event {
  readonly #error: RTCError;

  static {
    exposeInterface(RTCErrorEvent, 'RTCErrorEvent');
  }

  constructor(type: string, eventInitDict: RTCErrorEventInit) {
    const error = new Dictionary(eventInitDict, 'RTCErrorEventInit').required('error', instance(RTCError, 'RTCError'));
    super(type, eventInitDict);
    this.#error = error;
  }

  get error(): RTCError {
    return this.#error;
  }
}
