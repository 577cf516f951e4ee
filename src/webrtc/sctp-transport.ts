/** RTCSctpTransport (WebRTC §6.1.1): a view of the SCTP association. The connection's tasks write the slots. */

import { exposeInterface, requireInternal } from '../webidl/conversions.ts';
import {
  type AnyEventHandler,
  defineEventHandlers,
  type EventHandler,
  type TypedEventTargetConstructor,
} from '../webidl/event-handlers.ts';
import type { RTCDtlsTransport } from './dtls-transport.ts';

export type RTCSctpTransportState = 'connecting' | 'connected' | 'closed';

export interface RTCSctpTransportEventMap {
  statechange: Event;
}

/** The internal slots. */
export type SctpTransportSlots = {
  transport: RTCDtlsTransport;
  state: RTCSctpTransportState;
  maxMessageSize: number;
  maxChannels: number | null;
};

/** "Update the data max message size" (WebRTC §6.1.1.2), in bytes; of the peer's size, 0 means no limit. */
export function dataMaxMessageSize(remoteMaxMessageSize: number, canSendSize: number): number {
  return remoteMaxMessageSize === 0 ? canSendSize : Math.min(remoteMaxMessageSize, canSendSize);
}

interface RTCSctpTransportHandlers {
  get onstatechange(): AnyEventHandler;
  set onstatechange(handler: EventHandler<Event>);
}

const Target: TypedEventTargetConstructor<RTCSctpTransportEventMap, RTCSctpTransportHandlers> = EventTarget as never;

export class RTCSctpTransport extends Target {
  readonly #slots: SctpTransportSlots;

  static {
    defineEventHandlers(RTCSctpTransport, ['statechange']);
    exposeInterface(RTCSctpTransport, 'RTCSctpTransport', 0);
  }

  /** Not for scripts: throws "Illegal constructor". */
  constructor(key: symbol, slots: SctpTransportSlots) {
    requireInternal(key);
    super();
    this.#slots = slots;
  }

  get transport(): RTCDtlsTransport {
    return this.#slots.transport;
  }

  get state(): RTCSctpTransportState {
    return this.#slots.state;
  }

  /** The largest message `RTCDataChannel.send` takes, in bytes. */
  get maxMessageSize(): number {
    return this.#slots.maxMessageSize;
  }

  /** How many channels there can be at once; `null` until the association has negotiated its streams. */
  get maxChannels(): number | null {
    return this.#slots.maxChannels;
  }
}
