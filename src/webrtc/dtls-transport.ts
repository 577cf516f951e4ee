/** RTCDtlsTransport (WebRTC §5.5): a view of the DTLS association. The connection's tasks write the slots. */
import type { RTCErrorEvent } from './error-event.ts';
import {
  defineEventHandlers,
  type EventHandler,
  type TypedEventTarget,
  type TypedEventTargetConstructor,
} from './event-handlers.ts';
import type { RTCIceTransport } from './ice-transport.ts';
import { exposeInterface, requireInternal } from './webidl.ts';

export type RTCDtlsTransportState = 'new' | 'connecting' | 'connected' | 'closed' | 'failed';

export interface RTCDtlsTransportEventMap {
  statechange: Event;
  error: RTCErrorEvent;
}

/** The internal slots. */
export type DtlsTransportSlots = {
  readonly iceTransport: RTCIceTransport;
  state: RTCDtlsTransportState;
  /** DER, the leaf first. */
  remoteCertificates: readonly Uint8Array[];
};

const Target: TypedEventTargetConstructor<RTCDtlsTransportEventMap> = EventTarget;

export class RTCDtlsTransport extends Target implements TypedEventTarget<RTCDtlsTransportEventMap> {
  declare onstatechange: EventHandler<RTCDtlsTransport, Event>;
  declare onerror: EventHandler<RTCDtlsTransport, RTCErrorEvent>;
  readonly #slots: DtlsTransportSlots;

  static {
    defineEventHandlers(RTCDtlsTransport, ['statechange', 'error']);
    exposeInterface(RTCDtlsTransport, 'RTCDtlsTransport');
  }

  /** Not for scripts: throws "Illegal constructor". */
  constructor(key: symbol, slots: DtlsTransportSlots) {
    requireInternal(key);
    super();
    this.#slots = slots;
  }

  get iceTransport(): RTCIceTransport {
    return this.#slots.iceTransport;
  }

  get state(): RTCDtlsTransportState {
    return this.#slots.state;
  }

  /** The peer's certificate chain in DER, once `connected`; a copy each time. */
  getRemoteCertificates(): ArrayBuffer[] {
    return this.#slots.remoteCertificates.map((der) => new Uint8Array(der).buffer);
  }
}
