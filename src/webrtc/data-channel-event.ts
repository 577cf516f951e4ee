/** RTCDataChannelEvent (WebRTC §6.3): the peer has opened a data channel. */

import { Dictionary, exposeInterface, instance } from '../webidl/conversions.ts';
import { RTCDataChannel } from './data-channel.ts';

export interface RTCDataChannelEventInit extends EventInit {
  channel: RTCDataChannel;
}

export class RTCDataChannelEvent extends Event {
  readonly #channel: RTCDataChannel;

  static {
    exposeInterface(RTCDataChannelEvent, 'RTCDataChannelEvent');
  }

  constructor(type: string, eventInitDict: RTCDataChannelEventInit) {
    const members = new Dictionary(eventInitDict, 'RTCDataChannelEventInit');
    const channel = members.required('channel', instance(RTCDataChannel, 'RTCDataChannel'));
    super(type, eventInitDict);
    this.#channel = channel;
  }

  get channel(): RTCDataChannel {
    return this.#channel;
  }
}
