/** Writes IVF: one track of video. */
import { concatBytes } from '../../binary/bytes.ts';
import { makeVp9Superframe } from '../../rtp/payload/bitstream/vp9.ts';
import type { EncodedMediaFrame } from '../encoded-frame.ts';
import type { ByteTarget } from './byte-target.ts';
import type { FileWriterBackend, TrackToWrite } from './file-writer-backend.ts';
import { ivfFrameHeader, ivfHeader } from './ivf.ts';

/** An OBU of type 2 with a size of 0: in IVF, each frame of AV1 begins with one. */
const TEMPORAL_DELIMITER = Uint8Array.of(0x12, 0x00);

export class IvfWriter implements FileWriterBackend {
  readonly #track: TrackToWrite;
  readonly #target: ByteTarget;
  #frameCount = 0;

  constructor(track: TrackToWrite, target: ByteTarget) {
    this.#track = track;
    this.#target = target;
  }

  async write(_track: number, frame: EncodedMediaFrame): Promise<void> {
    if (this.#frameCount++ === 0) await this.#target.write(this.#header(0));
    const isAv1 = this.#track.codec.mimeType.toLowerCase() === 'video/av1';
    const data = isAv1 ? concatBytes(TEMPORAL_DELIMITER, frame.data) : withSuperframeIndex(this.#track, frame);
    await this.#target.write(ivfFrameHeader(data.length, frame.timestamp));
    await this.#target.write(data);
  }

  async finish(): Promise<Uint8Array | null> {
    if (this.#frameCount === 0) await this.#target.write(this.#header(0));
    else await this.#target.patchStart(this.#header(this.#frameCount));
    return this.#target.close();
  }

  async abort(): Promise<void> {
    await this.#target.close();
  }

  #header(frameCount: number): Uint8Array {
    const { codec, description } = this.#track;
    return ivfHeader(codec.mimeType, description?.width ?? 0, description?.height ?? 0, frameCount);
  }
}

/** The data of a frame as files have it: several spatial layers of VP9 need an index, which RTP does without. */
export function withSuperframeIndex(track: TrackToWrite, frame: EncodedMediaFrame): Uint8Array {
  const layers = frame.metadata?.layerFrames;
  if (track.codec.mimeType.toLowerCase() !== 'video/vp9' || layers === undefined) return frame.data;
  const lengths = layers.map(({ length }) => length);
  const isWhole = lengths.length <= 8 && lengths.reduce((sum, length) => sum + length, 0) === frame.data.length;
  return isWhole && lengths.length > 0 ? makeVp9Superframe(frame.data, lengths) : frame.data;
}
