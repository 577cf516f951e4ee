/**
 * The running numbers of one VP8 or VP9 stream that is sent: PictureID, TL0PICIDX and KEYIDX (RFC 7741 §4.2, RFC 9628
 * §4.2). Receivers find lost pictures by them, and some do not show a stream without.
 */
import { type RandomSource, randomUint32 } from '../../machine.ts';
import type { EncodedFrame, FrameMetadata } from './types.ts';

export class PictureNumbers {
  #pictureId: number;
  #tl0PictureIndex: number;
  #keyFrameIndex = 0;

  /** Each number "MAY start at a random value". */
  constructor(random: RandomSource) {
    const start = randomUint32(random);
    this.#pictureId = start & 0x7fff;
    this.#tl0PictureIndex = start >>> 24;
  }

  /**
   * The metadata of the next frame, with its numbers. Those that the frame brings along give way: a source may stop and
   * another one go on, and the receiver sees one stream.
   */
  number(frame: EncodedFrame): FrameMetadata {
    const metadata = frame.metadata ?? {};
    this.#pictureId = (this.#pictureId + 1) & 0x7fff;
    if (frame.isKeyFrame) this.#keyFrameIndex = (this.#keyFrameIndex + 1) & 0x1f;
    if ((metadata.temporalLayer ?? 0) === 0) this.#tl0PictureIndex = (this.#tl0PictureIndex + 1) & 0xff;
    return {
      ...metadata,
      pictureId: this.#pictureId,
      ...(metadata.temporalLayer !== undefined && { tl0PictureIndex: this.#tl0PictureIndex }),
      ...(metadata.keyFrameIndex !== undefined && { keyFrameIndex: this.#keyFrameIndex }),
    };
  }
}
