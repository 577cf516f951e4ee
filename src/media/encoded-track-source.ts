/** A track made of encoded frames: from an encoder, a camera that encodes itself, a file, another protocol. */
import { requireArguments } from '../webidl/conversions.ts';
import type { EncodedMediaFrame } from './encoded-frame.ts';
import { ScriptedSource, type ScriptedSourceInit } from './scripted-source.ts';
import type { TrackSink } from './track-source.ts';

/**
 * ```ts
 * const source = new EncodedTrackSource({ kind: 'video', codec: 'video/VP8' });
 * pc.addTrack(source.track);
 * source.onkeyframerequest = () => encoder.forceKeyFrame();
 * source.onbitrate = ({ bitsPerSecond }) => encoder.setBitrate(bitsPerSecond);
 * encoder.onframe = (frame) => source.write(frame);
 * ```
 */
export class EncodedTrackSource extends ScriptedSource {
  readonly #sinks: Set<TrackSink>;

  /** @throws TypeError for a kind or a codec that cannot be */
  constructor(init: ScriptedSourceInit) {
    const sinks = new Set<TrackSink>();
    super(init, { form: 'frames' }, sinks);
    this.#sinks = sinks;
  }

  /**
   * With simulcast: the encodings that the track is sent with at the moment, as `sendEncodings` and `setParameters` have them
   * and the peer takes them; without those that are not active. Empty: one encoding, which has no name.
   */
  get rids(): readonly string[] {
    return [...new Set([...this.#sinks].flatMap(({ rids = [] }) => rids))];
  }

  /**
   * One frame, for all that use the track at this moment. `frame.timestamp` is in µs and grows; its data is not copied
   * and must not change afterwards.
   * @param encoding which encoding it is of, where the track is sent with simulcast (`sendEncodings`); by default the first
   */
  write(frame: EncodedMediaFrame, encoding: { readonly rid?: string } = {}): void {
    requireArguments(frame === undefined ? 0 : 1, 1, 'write');
    if (!(frame.data instanceof Uint8Array)) throw new TypeError('frame.data is a Uint8Array');
    if (!Number.isFinite(frame.timestamp)) throw new TypeError(`frame.timestamp is in µs, got ${frame.timestamp}`);
    for (const sink of this.#sinks) sink.frame?.(frame, this.codec, encoding);
  }
}
