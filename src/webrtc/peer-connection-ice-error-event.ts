/** RTCPeerConnectionIceErrorEvent (WebRTC §4.8.3): a STUN or TURN server did not help. */
import {
  Dictionary,
  exposeInterface,
  nullable,
  toDOMString,
  toUnsignedShort,
  toUSVString,
} from '../webidl/conversions.ts';

export interface RTCPeerConnectionIceErrorEventInit extends EventInit {
  address?: string | null;
  port?: number | null;
  url?: string;
  errorCode: number;
  errorText?: string;
}

export class RTCPeerConnectionIceErrorEvent extends Event {
  readonly #address: string | null;
  readonly #port: number | null;
  readonly #url: string;
  readonly #errorCode: number;
  readonly #errorText: string;

  static {
    exposeInterface(RTCPeerConnectionIceErrorEvent, 'RTCPeerConnectionIceErrorEvent');
  }

  constructor(type: string, eventInitDict: RTCPeerConnectionIceErrorEventInit) {
    const members = new Dictionary(eventInitDict, 'RTCPeerConnectionIceErrorEventInit');
    const address = members.withDefault('address', nullable(toDOMString), null);
    const errorCode = members.required('errorCode', toUnsignedShort);
    const errorText = members.withDefault('errorText', toUSVString, '');
    const port = members.withDefault('port', nullable(toUnsignedShort), null);
    const url = members.withDefault('url', toUSVString, '');
    super(type, eventInitDict);
    this.#address = address;
    this.#port = port;
    this.#url = url;
    this.#errorCode = errorCode;
    this.#errorText = errorText;
  }

  /** The local address the server was asked from; `null` when it is not yet known to the application as a candidate. */
  get address(): string | null {
    return this.#address;
  }

  get port(): number | null {
    return this.#port;
  }

  /** The server, as the application wrote it. */
  get url(): string {
    return this.#url;
  }

  /** The STUN error code (RFC 8489 §14.8), or 701 when the server could not be reached. */
  get errorCode(): number {
    return this.#errorCode;
  }

  get errorText(): string {
    return this.#errorText;
  }
}
