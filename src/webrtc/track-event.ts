/** RTCTrackEvent (WebRTC §5.7): a track of the peer's is there. */
import { MediaStream, MediaStreamTrack } from '../media/tracks.ts';
import { Dictionary, exposeInterface, instance, sequence } from '../webidl/conversions.ts';
import { RTCRtpReceiver } from './rtp-receiver.ts';
import { RTCRtpTransceiver } from './rtp-transceiver.ts';

export interface RTCTrackEventInit extends EventInit {
  receiver: RTCRtpReceiver;
  track: MediaStreamTrack;
  streams?: MediaStream[];
  transceiver: RTCRtpTransceiver;
}

export class RTCTrackEvent extends Event {
  readonly #receiver: RTCRtpReceiver;
  readonly #track: MediaStreamTrack;
  readonly #streams: readonly MediaStream[];
  readonly #transceiver: RTCRtpTransceiver;

  static {
    exposeInterface(RTCTrackEvent, 'RTCTrackEvent');
  }

  constructor(type: string, eventInitDict: RTCTrackEventInit) {
    const members = new Dictionary(eventInitDict, 'RTCTrackEventInit');
    const receiver = members.required('receiver', instance(RTCRtpReceiver, 'RTCRtpReceiver'));
    const streams = members.withDefault('streams', sequence(instance(MediaStream, 'MediaStream')), []);
    const track = members.required('track', instance(MediaStreamTrack, 'MediaStreamTrack'));
    const transceiver = members.required('transceiver', instance(RTCRtpTransceiver, 'RTCRtpTransceiver'));
    super(type, eventInitDict);
    this.#receiver = receiver;
    this.#track = track;
    this.#streams = Object.freeze(streams);
    this.#transceiver = transceiver;
  }

  get receiver(): RTCRtpReceiver {
    return this.#receiver;
  }

  get track(): MediaStreamTrack {
    return this.#track;
  }

  /** A frozen array; the streams that the peer put the track in. */
  get streams(): readonly MediaStream[] {
    return this.#streams;
  }

  get transceiver(): RTCRtpTransceiver {
    return this.#transceiver;
  }
}
