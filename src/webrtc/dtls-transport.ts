/** RTCDtlsTransport (WebRTC §5.5): a view of the DTLS association. The connection's tasks write the slots. */

import { exposeInterface, requireInternal } from '../webidl/conversions.ts';
import {
  type AnyEventHandler,
  defineEventHandlers,
  type EventHandler,
  type TypedEventTargetConstructor,
} from '../webidl/event-handlers.ts';
import type { RTCErrorEvent } from './error-event.ts';
import type { RTCIceTransport } from './ice-transport.ts';

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

interface RTCDtlsTransportHandlers {
  get onstatechange(): AnyEventHandler;
  set onstatechange(handler: EventHandler<Event>);
  get onerror(): AnyEventHandler;
  set onerror(handler: EventHandler<RTCErrorEvent>);
}

const Target: TypedEventTargetConstructor<RTCDtlsTransportEventMap, RTCDtlsTransportHandlers> = EventTarget as never;

export class RTCDtlsTransport extends Target {
  readonly #slots: DtlsTransportSlots;

  static {
    defineEventHandlers(RTCDtlsTransport, ['statechange', 'error']);
    exposeInterface(RTCDtlsTransport, 'RTCDtlsTransport', 0);
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
