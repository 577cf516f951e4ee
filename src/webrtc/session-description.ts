/** RTCSessionDescription (WebRTC §4.6.2): an SDP text and what it is for. */
import { Dictionary, enumeration, exposeInterface, toDOMString } from '../webidl/conversions.ts';

export type RTCSdpType = 'offer' | 'pranswer' | 'answer' | 'rollback';

export interface RTCSessionDescriptionInit {
  type: RTCSdpType;
  sdp?: string;
}

export interface RTCLocalSessionDescriptionInit {
  type?: RTCSdpType;
  sdp?: string;
}

/** A description as the algorithms pass it on. */
export type Description = { readonly type: RTCSdpType; readonly sdp: string };

const toSdpType = enumeration('RTCSdpType', ['offer', 'pranswer', 'answer', 'rollback']);

/** @throws TypeError without a valid `type` */
export function toDescription(value: unknown): Description {
  const members = new Dictionary(value, 'RTCSessionDescriptionInit');
  const sdp = members.withDefault('sdp', toDOMString, '');
  return { type: members.required('type', toSdpType), sdp };
}

/** As `toDescription`, for `setLocalDescription`, where the type may be left to the connection. */
export function toLocalDescription(value: unknown): { readonly type: RTCSdpType | undefined; readonly sdp: string } {
  const members = new Dictionary(value, 'RTCLocalSessionDescriptionInit');
  const sdp = members.withDefault('sdp', toDOMString, '');
  return { type: members.optional('type', toSdpType), sdp };
}

export class RTCSessionDescription {
  readonly #type: RTCSdpType;
  readonly #sdp: string;

  static {
    exposeInterface(RTCSessionDescription, 'RTCSessionDescription');
  }

  constructor(descriptionInitDict: RTCSessionDescriptionInit) {
    const { type, sdp } = toDescription(descriptionInitDict);
    this.#type = type;
    this.#sdp = sdp;
  }

  get type(): RTCSdpType {
    return this.#type;
  }

  get sdp(): string {
    return this.#sdp;
  }

  toJSON(): { type: RTCSdpType; sdp: string } {
    return { type: this.#type, sdp: this.#sdp };
  }
}
