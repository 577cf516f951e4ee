/** RTCIceTransport (WebRTC §5.6): a view of the ICE agent. The connection's tasks write the slots, this object shows them. */

import { exposeInterface, requireInternal } from '../webidl/conversions.ts';
import {
  type AnyEventHandler,
  defineEventHandlers,
  type EventHandler,
  type TypedEventTargetConstructor,
} from '../webidl/event-handlers.ts';
import type { RTCIceCandidate, RTCIceComponent } from './ice-candidate.ts';
import type { RTCIceCandidatePair } from './ice-candidate-pair.ts';

export type RTCIceRole = 'unknown' | 'controlling' | 'controlled';
export type RTCIceGathererState = 'new' | 'gathering' | 'complete';
export type RTCIceTransportState =
  | 'new'
  | 'checking'
  | 'connected'
  | 'completed'
  | 'disconnected'
  | 'failed'
  | 'closed';

export interface RTCIceParameters {
  usernameFragment?: string;
  password?: string;
}

export interface RTCIceTransportEventMap {
  statechange: Event;
  gatheringstatechange: Event;
  selectedcandidatepairchange: Event;
}

/** The internal slots. */
export type IceTransportSlots = {
  role: RTCIceRole;
  state: RTCIceTransportState;
  gathererState: RTCIceGathererState;
  localCandidates: RTCIceCandidate[];
  remoteCandidates: RTCIceCandidate[];
  selectedCandidatePair: RTCIceCandidatePair | null;
  localParameters: RTCIceParameters | null;
  remoteParameters: RTCIceParameters | null;
};

export function newIceTransportSlots(): IceTransportSlots {
  return {
    role: 'unknown',
    state: 'new',
    gathererState: 'new',
    localCandidates: [],
    remoteCandidates: [],
    selectedCandidatePair: null,
    localParameters: null,
    remoteParameters: null,
  };
}

interface RTCIceTransportHandlers {
  get onstatechange(): AnyEventHandler;
  set onstatechange(handler: EventHandler<Event>);
  get ongatheringstatechange(): AnyEventHandler;
  set ongatheringstatechange(handler: EventHandler<Event>);
  get onselectedcandidatepairchange(): AnyEventHandler;
  set onselectedcandidatepairchange(handler: EventHandler<Event>);
}

const Target: TypedEventTargetConstructor<RTCIceTransportEventMap, RTCIceTransportHandlers> = EventTarget as never;

export class RTCIceTransport extends Target {
  readonly #slots: IceTransportSlots;

  static {
    defineEventHandlers(RTCIceTransport, ['statechange', 'gatheringstatechange', 'selectedcandidatepairchange']);
    exposeInterface(RTCIceTransport, 'RTCIceTransport', 0);
  }

  /** Not for scripts: throws "Illegal constructor". */
  constructor(key: symbol, slots: IceTransportSlots) {
    requireInternal(key);
    super();
    this.#slots = slots;
  }

  /** Who nominates the pair to use; `unknown` before the first description. */
  get role(): RTCIceRole {
    return this.#slots.role;
  }

  /** Always `rtp`: RTCP, where there is any, is multiplexed (RFC 5761). */
  get component(): RTCIceComponent {
    return 'rtp';
  }

  get state(): RTCIceTransportState {
    return this.#slots.state;
  }

  get gatheringState(): RTCIceGathererState {
    return this.#slots.gathererState;
  }

  getLocalCandidates(): RTCIceCandidate[] {
    return [...this.#slots.localCandidates];
  }

  /** The candidates that were signalled; peer-reflexive ones show only in the selected pair. */
  getRemoteCandidates(): RTCIceCandidate[] {
    return [...this.#slots.remoteCandidates];
  }

  getSelectedCandidatePair(): RTCIceCandidatePair | null {
    return this.#slots.selectedCandidatePair;
  }

  getLocalParameters(): RTCIceParameters | null {
    return this.#slots.localParameters && { ...this.#slots.localParameters };
  }

  getRemoteParameters(): RTCIceParameters | null {
    return this.#slots.remoteParameters && { ...this.#slots.remoteParameters };
  }
}
