/** RTCIceCandidate (WebRTC §4.8.1): one candidate as text, and what the text says. */
import { type IceCandidate, type LocalCandidate, parseCandidate } from '../ice/index.ts';
import {
  Dictionary,
  enumeration,
  exposeInterface,
  nullable,
  toDOMString,
  toUnsignedShort,
  toUSVString,
} from '../webidl/conversions.ts';

export type RTCIceComponent = 'rtp' | 'rtcp';
export type RTCIceProtocol = 'udp' | 'tcp';
export type RTCIceTcpCandidateType = 'active' | 'passive' | 'so';
export type RTCIceCandidateType = 'host' | 'srflx' | 'prflx' | 'relay';
export type RTCIceServerTransportProtocol = 'udp' | 'tcp' | 'tls';

export interface RTCIceCandidateInit {
  candidate?: string;
  sdpMid?: string | null;
  sdpMLineIndex?: number | null;
  usernameFragment?: string | null;
}

export interface RTCLocalIceCandidateInit extends RTCIceCandidateInit {
  relayProtocol?: RTCIceServerTransportProtocol | null;
  url?: string | null;
}

/** An `RTCIceCandidateInit` after conversion. */
export type CandidateInit = {
  readonly candidate: string;
  readonly sdpMid: string | null;
  readonly sdpMLineIndex: number | null;
  readonly usernameFragment: string | null;
};

const toServerProtocol = enumeration('RTCIceServerTransportProtocol', ['udp', 'tcp', 'tls']);

export function toCandidateInit(members: Dictionary): CandidateInit {
  return {
    candidate: members.withDefault('candidate', toDOMString, ''),
    sdpMLineIndex: members.withDefault('sdpMLineIndex', nullable(toUnsignedShort), null),
    sdpMid: members.withDefault('sdpMid', nullable(toDOMString), null),
    usernameFragment: members.withDefault('usernameFragment', nullable(toDOMString), null),
  };
}

export class RTCIceCandidate {
  readonly #init: CandidateInit;
  readonly #relayProtocol: RTCIceServerTransportProtocol | null;
  readonly #url: string | null;
  /** What the text says; `null` when it is no candidate we know how to read: then most attributes are `null`. */
  readonly #parsed: IceCandidate | null;

  static {
    exposeInterface(RTCIceCandidate, 'RTCIceCandidate');
  }

  constructor(candidateInitDict: RTCLocalIceCandidateInit = {}) {
    const members = new Dictionary(candidateInitDict, 'RTCLocalIceCandidateInit');
    this.#init = toCandidateInit(members);
    this.#relayProtocol = members.withDefault('relayProtocol', nullable(toServerProtocol), null);
    this.#url = members.withDefault('url', nullable(toUSVString), null);
    if (this.#init.sdpMid === null && this.#init.sdpMLineIndex === null) {
      throw new TypeError('RTCIceCandidate: one of sdpMid and sdpMLineIndex must be given');
    }
    this.#parsed = this.#init.candidate === '' ? null : parseCandidate(this.#init.candidate);
  }

  get candidate(): string {
    return this.#init.candidate;
  }

  get sdpMid(): string | null {
    return this.#init.sdpMid;
  }

  get sdpMLineIndex(): number | null {
    return this.#init.sdpMLineIndex;
  }

  get foundation(): string | null {
    return this.#parsed?.foundation ?? null;
  }

  get component(): RTCIceComponent | null {
    switch (this.#parsed?.component) {
      case 1:
        return 'rtp';
      case 2:
        return 'rtcp';
      default:
        return null;
    }
  }

  get priority(): number | null {
    return this.#parsed?.priority ?? null;
  }

  get address(): string | null {
    return this.#parsed?.address ?? null;
  }

  get protocol(): RTCIceProtocol | null {
    return this.#parsed?.protocol ?? null;
  }

  get port(): number | null {
    return this.#parsed?.port ?? null;
  }

  get type(): RTCIceCandidateType | null {
    return this.#parsed?.type ?? null;
  }

  get tcpType(): RTCIceTcpCandidateType | null {
    return this.#parsed?.tcpType ?? null;
  }

  get relatedAddress(): string | null {
    return this.#parsed?.relatedAddress ?? null;
  }

  get relatedPort(): number | null {
    return this.#parsed?.relatedPort ?? null;
  }

  get usernameFragment(): string | null {
    return this.#init.usernameFragment;
  }

  /** Of a local `relay` candidate: how we reach the TURN server. */
  get relayProtocol(): RTCIceServerTransportProtocol | null {
    return this.#relayProtocol;
  }

  /** Of a local `srflx` or `relay` candidate: the server it was learned from. */
  get url(): string | null {
    return this.#url;
  }

  toJSON(): RTCIceCandidateInit {
    return { ...this.#init };
  }
}

/** The RTCIceCandidate of a candidate that the ICE agent gathered. */
export function createLocalCandidate(candidate: LocalCandidate, init: CandidateInit): RTCIceCandidate {
  return new RTCIceCandidate({
    ...init,
    url: candidate.url ?? null,
    relayProtocol: candidate.relayProtocol ?? null,
  });
}
