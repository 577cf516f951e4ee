/** RTCSctpTransport (WebRTC §6.1.1): a view of the SCTP association. The connection's tasks write the slots. */
import type { RTCDtlsTransport } from './dtls-transport.ts';
import {
  type AnyEventHandler,
  defineEventHandlers,
  type EventHandler,
  type TypedEventTargetConstructor,
} from './event-handlers.ts';
import { exposeInterface, requireInternal } from './webidl.ts';

export type RTCSctpTransportState = 'connecting' | 'connected' | 'closed';

export interface RTCSctpTransportEventMap {
  statechange: Event;
}

/** The internal slots. */
export type SctpTransportSlots = {
  readonly transport: RTCDtlsTransport;
  state: RTCSctpTransportState;
  maxMessageSize: number;
  maxChannels: number | null;
};

/**
 * "Update the data max message size" (WebRTC §6.1.1.2) with `canSendSize` unlimited: what the peer takes decides.
 * @param remoteMaxMessageSize its `a=max-message-size`, 0 for no limit; absent means 65,536 (RFC 8841 §6.1)
 */
export function dataMaxMessageSize(remoteMaxMessageSize: number | undefined, canSendSize: number): number {
  const remote = remoteMaxMessageSize ?? 65_536;
  if (remote === 0) return canSendSize === 0 ? Number.POSITIVE_INFINITY : canSendSize;
  return canSendSize === 0 ? remote : Math.min(remote, canSendSize);
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
    exposeInterface(RTCSctpTransport, 'RTCSctpTransport');
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

  /** The largest message `RTCDataChannel.send` takes, in bytes; `Infinity` when neither side has a limit. */
  get maxMessageSize(): number {
    return this.#slots.maxMessageSize;
  }

  /** How many channels there can be at once; `null` until the association has negotiated its streams. */
  get maxChannels(): number | null {
    return this.#slots.maxChannels;
  }
}
