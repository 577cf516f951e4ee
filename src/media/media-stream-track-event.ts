/** MediaStreamTrackEvent (Media Capture and Streams §4.4): a track was added to a stream, or removed from it. */
import { Dictionary, exposeInterface, instance } from '../webidl/conversions.ts';
import { MediaStreamTrack } from './media-stream-track.ts';

export interface MediaStreamTrackEventInit extends EventInit {
  track: MediaStreamTrack;
}

export class MediaStreamTrackEvent extends Event {
  readonly #track: MediaStreamTrack;

  static {
    exposeInterface(MediaStreamTrackEvent, 'MediaStreamTrackEvent');
  }

  constructor(type: string, eventInitDict: MediaStreamTrackEventInit) {
    const members = new Dictionary(eventInitDict, 'MediaStreamTrackEventInit');
    const track = members.required('track', instance(MediaStreamTrack, 'MediaStreamTrack'));
    super(type, eventInitDict);
    this.#track = track;
  }

  get track(): MediaStreamTrack {
    return this.#track;
  }
}
