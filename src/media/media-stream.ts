/** MediaStream (Media Capture and Streams §4.2): tracks that belong together. */
import { exposeInterface, instance, requireArguments, sequence, toDOMString } from '../webidl/conversions.ts';
import {
  type AnyEventHandler,
  defineEventHandlers,
  type EventHandler,
  type TypedEventTargetConstructor,
} from '../webidl/event-handlers.ts';
import { MediaStreamTrack, type MediaStreamTrackLike } from './media-stream-track.ts';
import { MediaStreamTrackEvent } from './media-stream-track-event.ts';

export interface MediaStreamEventMap {
  addtrack: MediaStreamTrackEvent;
  removetrack: MediaStreamTrackEvent;
}

interface MediaStreamHandlers {
  get onaddtrack(): AnyEventHandler;
  set onaddtrack(handler: EventHandler<MediaStreamTrackEvent>);
  get onremovetrack(): AnyEventHandler;
  set onremovetrack(handler: EventHandler<MediaStreamTrackEvent>);
}

/** As `MediaStreamTrackLike`. */
export type MediaStreamLike = { readonly id: string; getTracks(): readonly MediaStreamTrackLike[] };

const Target: TypedEventTargetConstructor<MediaStreamEventMap, MediaStreamHandlers> = EventTarget as never;
const toTrack = instance(MediaStreamTrack, 'MediaStreamTrack');
const toTracks = sequence(toTrack);

/** What a connection does to a stream it made: with an event, unlike scripts. */
type RemoteStream = { add(track: MediaStreamTrack): void; remove(track: MediaStreamTrack): void };
let remoteStream: (stream: MediaStream) => RemoteStream;
/** A stream under the id that the peer gave it, if any. */
let makeRemoteStream: (id?: string) => MediaStream;

export class MediaStream extends Target {
  #id: string;
  readonly #tracks = new Set<MediaStreamTrack>();

  static {
    defineEventHandlers(MediaStream, ['addtrack', 'removetrack']);
    exposeInterface(MediaStream, 'MediaStream');
    makeRemoteStream = (id) => {
      const stream = new MediaStream();
      if (id !== undefined) stream.#id = id;
      return stream;
    };
    remoteStream = (stream) => ({
      add: (track) => stream.#change('addtrack', track),
      remove: (track) => stream.#change('removetrack', track),
    });
  }

  /** With the tracks given, or those of another stream. */
  constructor(tracks?: MediaStreamLike | Iterable<MediaStreamTrackLike>) {
    super();
    this.#id = globalThis.crypto.randomUUID();
    if (tracks === undefined) return;
    for (const track of tracks instanceof MediaStream ? tracks.#tracks : toTracks(tracks, 'tracks')) {
      this.#tracks.add(track);
    }
  }

  get id(): string {
    return this.#id;
  }

  /** Whether a track of it has not ended. */
  get active(): boolean {
    return this.getTracks().some(({ readyState }) => readyState === 'live');
  }

  getTracks(): MediaStreamTrack[] {
    return [...this.#tracks];
  }

  getAudioTracks(): (MediaStreamTrack & { readonly kind: 'audio' })[] {
    return this.getTracks().filter((track) => isOfKind(track, 'audio'));
  }

  getVideoTracks(): (MediaStreamTrack & { readonly kind: 'video' })[] {
    return this.getTracks().filter((track) => isOfKind(track, 'video'));
  }

  getTrackById(trackId: string): MediaStreamTrack | null {
    const id = toDOMString(trackId, 'trackId');
    return this.getTracks().find((track) => track.id === id) ?? null;
  }

  /** No event tells of it: who calls knows. */
  addTrack(track: MediaStreamTrackLike): void {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'addTrack');
    this.#tracks.add(toTrack(track, 'track'));
  }

  /** No event tells of it: who calls knows. */
  removeTrack(track: MediaStreamTrackLike): void {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'removeTrack');
    this.#tracks.delete(toTrack(track, 'track'));
  }

  /** A stream of clones. */
  clone(): MediaStream {
    return new MediaStream(this.getTracks().map((track) => track.clone()));
  }

  #change(type: 'addtrack' | 'removetrack', track: MediaStreamTrack): void {
    if (type === 'addtrack') this.#tracks.add(track);
    else this.#tracks.delete(track);
    this.dispatchEvent(new MediaStreamTrackEvent(type, { track }));
  }
}

export { makeRemoteStream, remoteStream };

function isOfKind<Kind extends 'audio' | 'video'>(
  track: MediaStreamTrack,
  kind: Kind,
): track is MediaStreamTrack & { readonly kind: Kind } {
  return track.kind === kind;
}
