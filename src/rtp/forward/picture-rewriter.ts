/**
 * The running numbers in the payloads of VP8 and VP9, made to go on across encodings and, where they have to, across
 * pictures that are left out (RFC 7741 §4.2, RFC 9628 §4.2).
 *
 * VP8's PictureID closes up: a receiver that finds one missing waits for the picture. VP9's keeps its gaps: references
 * are told as differences of PictureIDs (P_DIFF), or by where a PictureID lies in the group of pictures (SS). TL0PICIDX
 * has no gaps to close, for the base layer is never left out.
 */
import { setU16 } from '../../binary/bytes.ts';
import type { EncodingPacket } from './encoding-reader.ts';
import { NO_PLACE, NumberLine } from './number-line.ts';

/** Bound: VP8 pictures that are remembered: four seconds at 60 per second, longer than any is repaired. */
const PICTURES_IN_REACH = 256;

export class PictureRewriter {
  readonly #vp8Pictures = new NumberLine(PICTURES_IN_REACH);
  readonly #vp9Pictures = new ShiftedCounter(15);
  readonly #tl0 = new ShiftedCounter(8);
  readonly #keyFrames = new ShiftedCounter(5);
  /** Reused: a payload whose numbers were changed. */
  #changed = new Uint8Array(2048);

  /** Another encoding goes on. */
  restart(): void {
    this.#vp8Pictures.restart();
    this.#vp9Pictures.restart();
    this.#tl0.restart();
    this.#keyFrames.restart();
  }

  /** The packet's picture is left out, or this part of it. */
  drop({ vp8, pictureId }: EncodingPacket): void {
    if (vp8 !== null && pictureId >= 0) this.#vp8Pictures.drop(pictureId);
  }

  /**
   * The payload that goes out: its own, or a copy that is good until the next call. `null` where the picture has no number
   * any more.
   */
  rewrite(packet: EncodingPacket): Uint8Array | null {
    const { payload } = packet.packet;
    if (packet.vp8 !== null) return this.#rewriteVp8(payload, packet);
    if (packet.vp9 !== null) return this.#rewriteVp9(payload, packet);
    return payload;
  }

  #rewriteVp8(payload: Uint8Array, { vp8, pictureId }: EncodingPacket): Uint8Array | null {
    const { pictureIdBits, tl0PictureIndex, keyFrameIndex } = vp8!;
    const pictureOut = pictureIdBits === 0 ? 0 : this.#vp8Pictures.forward(pictureId);
    if (pictureOut === NO_PLACE) return null;
    const tl0Out = tl0PictureIndex === null ? 0 : this.#tl0.next(tl0PictureIndex);
    const keyFrameOut = keyFrameIndex === null ? 0 : this.#keyFrames.next(keyFrameIndex);
    const isSame =
      isSamePicture(pictureOut, pictureId, pictureIdBits) &&
      tl0Out === (tl0PictureIndex ?? 0) &&
      keyFrameOut === (keyFrameIndex ?? 0);
    if (isSame) return payload;
    const changed = this.#copy(payload);
    let at = writePictureId(changed, 2, pictureIdBits, pictureOut); // behind the first byte and that of the extensions
    if (tl0PictureIndex !== null) changed[at++] = tl0Out;
    if (keyFrameIndex !== null) changed[at] = (changed[at]! & 0xe0) | keyFrameOut;
    return changed;
  }

  #rewriteVp9(payload: Uint8Array, { vp9, pictureId }: EncodingPacket): Uint8Array {
    const { pictureIdBits, tl0PictureIndex } = vp9!;
    const pictureOut = pictureIdBits === 0 ? 0 : this.#vp9Pictures.next(pictureId & 0x7fff);
    const tl0Out = tl0PictureIndex === null ? 0 : this.#tl0.next(tl0PictureIndex);
    if (isSamePicture(pictureOut, pictureId, pictureIdBits) && tl0Out === (tl0PictureIndex ?? 0)) return payload;
    const changed = this.#copy(payload);
    const layersAt = writePictureId(changed, 1, pictureIdBits, pictureOut);
    if (tl0PictureIndex !== null) changed[layersAt + 1] = tl0Out;
    return changed;
  }

  #copy(payload: Uint8Array): Uint8Array {
    if (this.#changed.length < payload.length) this.#changed = new Uint8Array(2 * payload.length);
    this.#changed.set(payload);
    return this.#changed.subarray(0, payload.length);
  }
}

/** A counter that wraps, moved by as much as lets its first value behind a restart follow the highest before it. */
class ShiftedCounter {
  readonly #shift: number;
  readonly #mask: number;
  #isFresh = true;
  #offset = 0;
  #highest = -1;

  constructor(bits: number) {
    this.#shift = 32 - bits;
    this.#mask = 2 ** bits - 1;
  }

  restart(): void {
    this.#isFresh = true;
  }

  next(value: number): number {
    if (this.#isFresh && this.#highest >= 0) this.#offset = this.#highest + 1 - value;
    this.#isFresh = false;
    const out = (value + this.#offset) & this.#mask;
    if (this.#highest < 0 || (out - this.#highest) << this.#shift > 0) this.#highest = out;
    return out;
  }
}

function isSamePicture(out: number, pictureId: number, bits: number): boolean {
  return bits === 0 || ((out ^ pictureId) & (2 ** bits - 1)) === 0;
}

/** Says where it ends. */
function writePictureId(payload: Uint8Array, at: number, bits: 0 | 7 | 15, pictureId: number): number {
  if (bits === 15) setU16(payload, at, 0x8000 | (pictureId & 0x7fff));
  else if (bits === 7) payload[at] = pictureId & 0x7f;
  return at + (bits === 15 ? 2 : bits === 7 ? 1 : 0);
}
