/**
 * Layers by dependency descriptors (RTP Payload Format For AV1, Appendix A): a viewer gets one decode target, and with it
 * the frames that are not "not present" in it.
 *
 * §A.7: a decode target may be taken up at a decodable frame with a switch indication for it. One of which every frame was
 * forwarded anyway can be taken up at any picture.
 */
import { allTargets, type DependencyStructure, decodeTargetLayers } from '../extensions/dependency-descriptor.ts';
import type { EncodingPacket } from './encoding-reader.ts';
import { History, type LayerFilter, type LayerWish } from './layer-filter.ts';

/** Bound: frames of which it is remembered that they were forwarded. References that go further back count as missing. */
const REMEMBERED_FRAMES = 1024;

/** A decode target in force. Its number means something only within its structure. */
type Target = LayerWish & {
  readonly index: number;
  /** The decode targets of which all frames are in this one, itself included: a bit each. */
  readonly parts: number;
};

export class DependencyFilter implements LayerFilter {
  wish: LayerWish;
  /** By frame number. */
  readonly #targets = new History<Target>();
  /** By frame number modulo its length: the frame that was forwarded. */
  readonly #forwarded = new Float64Array(REMEMBERED_FRAMES).fill(-1);
  #structure: DependencyStructure | null = null;
  /** The frame that brought it. */
  #structureFrame = -1;
  #activeTargets = 0;
  #newestFrame = -1;
  #newestTimestamp = -1;
  /** What `#pick` found, and for which wish and active targets. */
  #picked: { readonly wish: LayerWish; readonly active: number; readonly target: Target } | null = null;

  constructor(wish: LayerWish) {
    this.wish = wish;
  }

  get layers(): LayerWish {
    return this.#targets.isEmpty ? this.wish : this.#targets.latest;
  }

  get needsKeyFrame(): boolean {
    const structure = this.#structure;
    if (structure === null) return false;
    const { latest } = this.#targets;
    const wished = this.#pick(structure);
    return wished.spatialLayer !== latest.spatialLayer && !isPartOf(structure, wished.index, latest.index);
  }

  accepts(packet: EncodingPacket): boolean {
    const { dependency, frame, timestamp } = packet;
    // Of an unknown structure: its key frame's first packet is still to come, and the others will be missed without it.
    if (dependency === null) return true;
    this.#activeTargets = packet.activeDecodeTargets;
    if (packet.startsKeyPicture && frame > this.#structureFrame) this.#begin(packet);
    else if (this.#structure !== null) this.#switch(this.#structure, packet);
    this.#newestFrame = Math.max(this.#newestFrame, frame);
    this.#newestTimestamp = Math.max(this.#newestTimestamp, timestamp);
    const target = this.#targets.at(frame);
    if (target === null || !isIn(packet, target.index)) return false;
    this.#forwarded[frame % REMEMBERED_FRAMES] = frame;
    return true;
  }

  decodeTargets({ frame }: EncodingPacket): number | null {
    const target = this.#targets.at(frame);
    return target === null ? null : (target.parts & this.#activeTargets) >>> 0;
  }

  endsPicture({ frame, spatialLayer, endsFrame }: EncodingPacket): boolean {
    return endsFrame && frame >= 0 && spatialLayer === this.#targets.at(frame)?.spatialLayer;
  }

  /**
   * A coded video sequence starts: anything can be had. But when other packets of it came first, some are on their way to
   * the viewer or left out, and it goes on as it was.
   */
  #begin({ structure, frame }: EncodingPacket): void {
    const wish = frame > this.#newestFrame ? this.wish : this.layers;
    this.#structure = structure!;
    this.#structureFrame = frame;
    this.#picked = null;
    this.#targets.change(frame, this.#pick(structure!, wish));
  }

  #switch(structure: DependencyStructure, packet: EncodingPacket): void {
    const { frame, timestamp } = packet;
    const current = this.#targets.latest;
    const wished = this.#pick(structure);
    if (wished.index === current.index || frame < this.#newestFrame) return;
    // Its first frame, with none missing before: where layers above or below come and go, a picture fares as one.
    const startsPicture = timestamp > this.#newestTimestamp && frame === this.#newestFrame + 1;
    if (startsPicture && isPartOf(structure, wished.index, current.index)) {
      this.#targets.change(frame, wished);
      return;
    }
    // Further on, the packet that ended the picture for this viewer is gone.
    if (!startsPicture && wished.spatialLayer > current.spatialLayer) return;
    if (packet.dependency!.dependencies.decodeTargetIndications[wished.index] !== 'switch') return;
    // Were it dropped so far, packets of this frame may be gone: it has to begin here.
    const isWhole = isIn(packet, current.index) || (packet.startsFrame && frame > this.#newestFrame);
    if (isWhole && this.#isDecodable(packet)) this.#targets.change(frame, wished);
  }

  #isDecodable({ frame, dependency }: EncodingPacket): boolean {
    return dependency!.dependencies.frameDifferences.every((difference) => {
      const referred = frame - difference;
      return referred >= 0 && this.#forwarded[referred % REMEMBERED_FRAMES] === referred;
    });
  }

  /** The highest active decode target within the wish; where there is none, the lowest. */
  #pick(structure: DependencyStructure, wish: LayerWish = this.wish): Target {
    const active = this.#activeTargets || allTargets(structure);
    if (this.#picked?.wish === wish && this.#picked.active === active) return this.#picked.target;
    let index = 0;
    let layers: LayerWish | null = null;
    for (let each = 0; each < structure.decodeTargetCount; each++) {
      if (((active >>> each) & 1) === 0) continue;
      const offered = decodeTargetLayers(structure, each);
      if (layers !== null && !isBetter(offered, layers, wish)) continue;
      index = each;
      layers = offered;
    }
    const target: Target = { index, parts: partsOf(structure, index), ...(layers ?? decodeTargetLayers(structure, 0)) };
    this.#picked = { wish, active, target };
    return target;
  }
}

function isBetter(a: LayerWish, b: LayerWish, wish: LayerWish): boolean {
  const fits = (target: LayerWish) =>
    target.spatialLayer <= wish.spatialLayer && target.temporalLayer <= wish.temporalLayer;
  if (fits(a) !== fits(b)) return fits(a);
  const difference = a.spatialLayer - b.spatialLayer || a.temporalLayer - b.temporalLayer;
  return fits(a) ? difference > 0 : difference < 0;
}

function isIn({ dependency }: EncodingPacket, target: number): boolean {
  const indication = dependency!.dependencies.decodeTargetIndications[target];
  return indication !== undefined && indication !== 'notPresent';
}

function partsOf(structure: DependencyStructure, whole: number): number {
  let parts = 0;
  for (let index = 0; index < structure.decodeTargetCount; index++) {
    if (isPartOf(structure, index, whole)) parts += 2 ** index;
  }
  return parts;
}

/** Whether every frame of one decode target is one of another's too. */
function isPartOf(structure: DependencyStructure, part: number, whole: number): boolean {
  return structure.templates.every(
    ({ decodeTargetIndications }) =>
      decodeTargetIndications[part] === 'notPresent' || decodeTargetIndications[whole] !== 'notPresent',
  );
}
