/** RTCPeerConnectionIceEvent (WebRTC §4.8.2): a candidate to tell the peer; `null` when there are no more. */

import {
  Dictionary,
  exposeInterface,
  instance,
  nullable,
  requireArguments,
  toUSVString,
} from '../webidl/conversions.ts';
import { RTCIceCandidate } from './ice-candidate.ts';

export interface RTCPeerConnectionIceEventInit extends EventInit {
  candidate?: RTCIceCandidate | null;
  url?: string | null;
}

export class RTCPeerConnectionIceEvent extends Event {
  readonly #candidate: RTCIceCandidate | null;
  readonly #url: string | null;

  static {
    exposeInterface(RTCPeerConnectionIceEvent, 'RTCPeerConnectionIceEvent');
  }

  constructor(type: string, eventInitDict: RTCPeerConnectionIceEventInit = {}) {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'RTCPeerConnectionIceEvent');
    const members = new Dictionary(eventInitDict, 'RTCPeerConnectionIceEventInit');
    const toCandidate = nullable(instance(RTCIceCandidate, 'RTCIceCandidate'));
    const candidate = members.withDefault('candidate', toCandidate, null);
    const url = members.withDefault('url', nullable(toUSVString), null);
    super(type, eventInitDict);
    this.#candidate = candidate;
    this.#url = url;
  }

  get candidate(): RTCIceCandidate | null {
    return this.#candidate;
  }

  /** The server the candidate was learned from. Deprecated in favour of `candidate.url`. */
  get url(): string | null {
    return this.#url;
  }
}
