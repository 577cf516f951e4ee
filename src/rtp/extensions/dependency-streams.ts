/** Both ends of the dependency descriptor: what a stream's receiver has to remember, and what its sender has to count. */
import {
  allTargets,
  type DependencyDescriptor,
  type DependencyStructure,
  type FrameDependencies,
  findTemplate,
  isInChain,
  readDependencyDescriptor,
  writeDependencyDescriptor,
} from './dependency-descriptor.ts';
import { layerKey, usualFrameDifferences } from './dependency-structures.ts';

/**
 * Reads the descriptors of one SSRC. It keeps two structures, the newest and the one before it, so that packets of the last
 * coded video sequence that come late are still understood: ids of templates of the two do not overlap (§A.8.3).
 */
export class DependencyReceiver {
  #newest: Known | null = null;
  #previous: Known | null = null;
  /** The newest frame, counted on beyond 16 bits. */
  #latest: number | null = null;
  /** The frame that said which decode targets are active. */
  #activeSince = 0;
  #activeDecodeTargets = 0;

  /** The structure of the newest coded video sequence seen. */
  get structure(): DependencyStructure | null {
    return this.#newest?.structure ?? null;
  }

  /** Bit i for decode target i. */
  get activeDecodeTargets(): number {
    return this.#activeDecodeTargets;
  }

  /** Reads one; `null` for one that is malformed, or whose structure never came. */
  read(data: Uint8Array): DependencyDescriptor | null {
    const descriptor = readDependencyDescriptor(data, (templateId) => this.#structureOf(templateId));
    if (descriptor === null) return null;
    const { structure, activeDecodeTargets } = descriptor;
    const number = this.#unwrap(descriptor.frameNumber);
    if (structure !== undefined) this.#remember({ structure, since: number });
    if (activeDecodeTargets !== undefined && number >= this.#activeSince) {
      this.#activeSince = number;
      this.#activeDecodeTargets = activeDecodeTargets;
    }
    return descriptor;
  }

  #structureOf(templateId: number): DependencyStructure | null {
    for (const known of [this.#newest, this.#previous]) {
      if (known === null) continue;
      const index = (templateId - known.structure.templateIdOffset + 64) % 64;
      if (index < known.structure.templates.length) return known.structure;
    }
    return null;
  }

  #unwrap(frameNumber: number): number {
    const latest = this.#latest ?? frameNumber;
    const number = latest + ((((frameNumber - latest) & 0xffff) ^ 0x8000) - 0x8000);
    if (this.#latest === null) this.#activeSince = number;
    this.#latest = Math.max(latest, number);
    return number;
  }

  #remember(known: Known): void {
    const newest = this.#newest;
    if (newest !== null && known.since < newest.since) {
      this.#previous = known; // a key frame that is sent again
      return;
    }
    if (newest !== null && known.since !== newest.since) this.#previous = newest;
    this.#newest = known;
  }
}

type Known = { readonly structure: DependencyStructure; readonly since: number };

/** A frame that is about to be sent. */
export type FrameToDescribe = {
  /** Starts a coded video sequence; of a picture's layers, only the lowest does. */
  readonly isKeyFrame: boolean;
  readonly spatialLayer?: number;
  readonly temporalLayer?: number;
  /**
   * How many frames back (all layers count) the frames are that it refers to. Left out, they are the ones that an encoder
   * of the usual patterns takes: the last of a lower temporal layer, or of layer 0 the last of its own; and the layer below
   * in the same picture, where `usesLayerBelow`.
   */
  readonly frameDifferences?: readonly number[];
  readonly usesLayerBelow?: boolean;
};

/** Chains are told in eight bits; one that was silent for longer points past where it was, and so is seen as broken. */
const MAX_CHAIN_DIFFERENCE = 255;

/**
 * Writes the descriptors of one SSRC: counts frames, follows the chains, and picks templates.
 *
 * Call `nextFrame` for each layer's frame, and then `write` for each packet of it.
 */
export class DependencySender {
  #structure: DependencyStructure;
  /** Counts on beyond 16 bits. */
  #number: number;
  #frame: FrameDependencies | null = null;
  #templateId = 0;
  #startsSequence = false;
  /** By chain: the last frame in it. */
  #chains: (number | null)[] = [];
  /** By spatial and temporal layer: the last frame. At most 64 × 64 entries, as many as templates can name. */
  readonly #lastOfLayer = new Map<number, number>();

  /** @param frameNumber the first frame's; "MAY start on a random number" */
  constructor(structure: DependencyStructure, frameNumber = 0) {
    this.#structure = structure;
    this.#number = (frameNumber & 0xffff) - 1;
  }

  get structure(): DependencyStructure {
    return this.#structure;
  }

  /** Another structure, from the next frame on, which must be a key frame. Its templates get ids of their own (§A.8.3). */
  changeStructure(structure: DependencyStructure): void {
    const { templateIdOffset, templates } = this.#structure;
    this.#structure = { ...structure, templateIdOffset: (templateIdOffset + templates.length) % 64 };
  }

  /** @throws RangeError where the structure has no template of the frame's layers */
  nextFrame(frame: FrameToDescribe): void {
    const structure = this.#structure;
    const number = this.#number + 1;
    const { spatialLayer = 0, temporalLayer = 0, isKeyFrame, usesLayerBelow = spatialLayer > 0 } = frame;
    if (isKeyFrame) {
      this.#chains = new Array<number | null>(structure.chainCount).fill(null);
      this.#lastOfLayer.clear();
    }
    const frameDifferences = isKeyFrame
      ? []
      : (frame.frameDifferences ??
        usualFrameDifferences(this.#lastOfLayer, number, spatialLayer, temporalLayer, usesLayerBelow));
    const chainDifferences = this.#chains.map((last) =>
      last === null ? 0 : Math.min(MAX_CHAIN_DIFFERENCE, number - last),
    );
    const candidates = structure.templates.filter(
      (template) => template.spatialLayer === spatialLayer && template.temporalLayer === temporalLayer,
    );
    const template =
      candidates.find((candidate) => isSame(candidate.frameDifferences, frameDifferences)) ??
      candidates.find((candidate) => candidate.frameDifferences.length === frameDifferences.length) ??
      candidates[0];
    if (template === undefined) {
      throw new RangeError(
        `the dependency structure has no spatial layer ${spatialLayer} with temporal layer ${temporalLayer}`,
      );
    }
    const { decodeTargetIndications } = template;
    this.#number = number;
    this.#frame = { spatialLayer, temporalLayer, decodeTargetIndications, frameDifferences, chainDifferences };
    this.#templateId = findTemplate(structure, this.#frame)!;
    this.#startsSequence = isKeyFrame;
    for (let chain = 0; chain < structure.chainCount; chain++) {
      if (isInChain(structure, this.#frame, chain)) this.#chains[chain] = number;
    }
    this.#lastOfLayer.set(layerKey(spatialLayer, temporalLayer), number);
  }

  /** The descriptor of a packet of the frame; the first of a key frame brings the structure. */
  write(startsFrame: boolean, endsFrame: boolean): Uint8Array {
    if (this.#frame === null) throw new TypeError('call nextFrame before write');
    const structure = this.#structure;
    const withStructure = startsFrame && this.#startsSequence;
    return writeDependencyDescriptor(
      {
        startsFrame,
        endsFrame,
        frameNumber: this.#number & 0xffff,
        templateId: this.#templateId,
        dependencies: this.#frame,
        ...(withStructure && { structure, activeDecodeTargets: allTargets(structure) }),
      },
      structure,
    );
  }
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
