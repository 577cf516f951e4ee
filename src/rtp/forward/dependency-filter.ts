/**
 * Layers by dependency descriptors (RTP Payload Format For AV1, Appendix A): a viewer gets one decode target, and with it
 * the frames that are not "not present" in it.
 *
 * §A.5: a decode target may be taken up at a decodable frame with a switch indication for it. One of which every frame was
 * forwarded anyway can be taken up at any picture.
 */
import { allTargets, type DependencyStructure, decodeTargetLayers } from '../extensions/dependency-descriptor.ts';
import type { EncodingPacket } from './encoding-reader.ts';
import { History, type LayerFilter, type LayerWish } from './layer-filter.ts';

/** Bound: frames of which it is remembered that they were forwarded. References that go further back count as missing. */
const REMEMBERED_FRAMES = 1024;

/** A decode target in force. Its number means something only within its structure. */
type Target = { readonly index: number; readonly spatialLayer: number; readonly temporalLayer: number };

export class DependencyFilter implements LayerFilter {
  wish: LayerWish;
  /** By frame number. */
  readonly #targets = new History<Target>();
  /** By frame number modulo its length: the frame that was forwarded. */
  readonly #forwarded = new Float64Array(REMEMBERED_FRAMES).fill(-1);
  #structure: DependencyStructure | null = null;
  #activeTargets = 0;
  #decodeTargets = 0;
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

  get decodeTargets(): number {
    return (this.#decodeTargets & this.#activeTargets) >>> 0;
  }

  accepts(packet: EncodingPacket): boolean {
    const { dependency, frame, timestamp } = packet;
    // Of an unknown structure: its key frame's first packet is still to come, and the others will be missed without it.
    if (dependency === null) return true;
    this.#activeTargets = packet.activeDecodeTargets;
    if (packet.startsKeyPicture && frame >= this.#newestFrame) this.#begin(packet);
    else if (this.#structure !== null) this.#switch(this.#structure, packet);
    this.#newestFrame = Math.max(this.#newestFrame, frame);
    this.#newestTimestamp = Math.max(this.#newestTimestamp, timestamp);
    const target = this.#targets.at(frame);
    if (target === null || !isIn(packet, target.index)) return false;
    this.#forwarded[frame % REMEMBERED_FRAMES] = frame;
    return true;
  }

  endsPicture({ frame, spatialLayer, endsFrame }: EncodingPacket): boolean {
    return endsFrame && frame >= 0 && spatialLayer === this.#targets.at(frame)?.spatialLayer;
  }

  /** A coded video sequence starts: anything can be had. */
  #begin({ structure, frame }: EncodingPacket): void {
    this.#structure = structure!;
    this.#picked = null;
    this.#take(structure!, frame, this.#pick(structure!));
  }

  #switch(structure: DependencyStructure, packet: EncodingPacket): void {
    const { frame, timestamp } = packet;
    const current = this.#targets.latest;
    const wished = this.#pick(structure);
    if (wished.index === current.index || frame < this.#newestFrame) return;
    const isNewPicture = timestamp > this.#newestTimestamp;
    if (isNewPicture && isPartOf(structure, wished.index, current.index)) {
      this.#take(structure, frame, wished);
      return;
    }
    // In the middle of a picture, the packet that ended it for this viewer is gone.
    if (!isNewPicture && wished.spatialLayer > current.spatialLayer) return;
    if (packet.dependency!.dependencies.decodeTargetIndications[wished.index] !== 'switch') return;
    // Were it dropped so far, packets of this frame may be gone: it has to begin here.
    const isWhole = isIn(packet, current.index) || (packet.startsFrame && frame > this.#newestFrame);
    if (isWhole && this.#isDecodable(packet)) this.#take(structure, frame, wished);
  }

  #take(structure: DependencyStructure, frame: number, target: Target): void {
    this.#targets.change(frame, target);
    this.#decodeTargets = 0;
    for (let index = 0; index < structure.decodeTargetCount; index++) {
      if (isPartOf(structure, index, target.index)) this.#decodeTargets += 2 ** index;
    }
  }

  #isDecodable({ frame, dependency }: EncodingPacket): boolean {
    return dependency!.dependencies.frameDifferences.every((difference) => {
      const referred = frame - difference;
      return referred >= 0 && this.#forwarded[referred % REMEMBERED_FRAMES] === referred;
    });
  }

  /** The highest active decode target within the wish; where there is none, the lowest. */
  #pick(structure: DependencyStructure): Target {
    const active = this.#activeTargets || allTargets(structure);
    const { wish } = this;
    if (this.#picked?.wish === wish && this.#picked.active === active) return this.#picked.target;
    let best: Target | null = null;
    for (let index = 0; index < structure.decodeTargetCount; index++) {
      if (((active >>> index) & 1) === 0) continue;
      const target: Target = { index, ...decodeTargetLayers(structure, index) };
      if (best === null || isBetter(target, best, wish)) best = target;
    }
    const target = best ?? { index: 0, ...decodeTargetLayers(structure, 0) };
    this.#picked = { wish, active, target };
    return target;
  }
}

function isBetter(a: Target, b: Target, wish: LayerWish): boolean {
  const fits = (target: Target) =>
    target.spatialLayer <= wish.spatialLayer && target.temporalLayer <= wish.temporalLayer;
  if (fits(a) !== fits(b)) return fits(a);
  const difference = a.spatialLayer - b.spatialLayer || a.temporalLayer - b.temporalLayer;
  return fits(a) ? difference > 0 : difference < 0;
}

function isIn({ dependency }: EncodingPacket, target: number): boolean {
  const indication = dependency!.dependencies.decodeTargetIndications[target];
  return indication !== undefined && indication !== 'notPresent';
}

/** Whether every frame of one decode target is one of another's too. */
function isPartOf(structure: DependencyStructure, part: number, whole: number): boolean {
  return structure.templates.every(
    ({ decodeTargetIndications }) =>
      decodeTargetIndications[part] === 'notPresent' || decodeTargetIndications[whole] !== 'notPresent',
  );
}
