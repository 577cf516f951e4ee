/** RTCError: a DOMException that says which protocol failed (WebRTC §11.1, §11.2). */
import {
  Dictionary,
  enumeration,
  exposeInterface,
  toDOMString,
  toLong,
  toUnsignedLong,
} from '../webidl/conversions.ts';

export type RTCErrorDetailType =
  | 'data-channel-failure'
  | 'dtls-failure'
  | 'fingerprint-failure'
  | 'sctp-failure'
  | 'sdp-syntax-error'
  | 'hardware-encoder-not-available'
  | 'hardware-encoder-error';

export interface RTCErrorInit {
  errorDetail: RTCErrorDetailType;
  sdpLineNumber?: number;
  sctpCauseCode?: number;
  receivedAlert?: number;
  sentAlert?: number;
}

const toErrorDetail = enumeration('RTCErrorDetailType', [
  'data-channel-failure',
  'dtls-failure',
  'fingerprint-failure',
  'sctp-failure',
  'sdp-syntax-error',
  'hardware-encoder-not-available',
  'hardware-encoder-error',
]);

export class RTCError extends DOMException {
  readonly #errorDetail: RTCErrorDetailType;
  readonly #sdpLineNumber: number | null;
  readonly #sctpCauseCode: number | null;
  readonly #receivedAlert: number | null;
  readonly #sentAlert: number | null;

  static {
    exposeInterface(RTCError, 'RTCError');
  }

  constructor(init: RTCErrorInit, message: string = '') {
    const members = new Dictionary(init, 'RTCErrorInit');
    const errorDetail = members.required('errorDetail', toErrorDetail);
    const receivedAlert = members.withDefault<number | null>('receivedAlert', toUnsignedLong, null);
    const sctpCauseCode = members.withDefault<number | null>('sctpCauseCode', toLong, null);
    const sdpLineNumber = members.withDefault<number | null>('sdpLineNumber', toLong, null);
    const sentAlert = members.withDefault<number | null>('sentAlert', toUnsignedLong, null);
    super(toDOMString(message, 'RTCError.message'), 'OperationError'); // its legacy code is 0
    this.#errorDetail = errorDetail;
    this.#receivedAlert = receivedAlert;
    this.#sctpCauseCode = sctpCauseCode;
    this.#sdpLineNumber = sdpLineNumber;
    this.#sentAlert = sentAlert;
  }

  get errorDetail(): RTCErrorDetailType {
    return this.#errorDetail;
  }

  /** With `sdp-syntax-error`: the line at which it was found; the first is 1. */
  get sdpLineNumber(): number | null {
    return this.#sdpLineNumber;
  }

  /** With `sctp-failure`: the cause code of the ABORT chunk (RFC 9260 §3.3.10). */
  get sctpCauseCode(): number | null {
    return this.#sctpCauseCode;
  }

  /** With `dtls-failure`: the fatal alert that came (RFC 5246 §7.2). */
  get receivedAlert(): number | null {
    return this.#receivedAlert;
  }

  /** With `dtls-failure`: the fatal alert that we sent. */
  get sentAlert(): number | null {
    return this.#sentAlert;
  }
}
