/**
 * Dependency descriptors for one viewer (RTP Payload Format For AV1, Appendix A).
 *
 * Frame numbers are moved by one amount for each encoding. Those of frames that are left out stay out: references and
 * chains are told as differences of frame numbers, and chains, not gaps, tell a receiver that something is missing (§A.6).
 */
import {
  allTargets,
  type DependencyDescriptor,
  type DependencyStructure,
  writeDependencyDescriptor,
} from '../extensions/dependency-descriptor.ts';
import type { EncodingPacket } from './encoding-reader.ts';

/** Bytes that every descriptor has: flags and template id, then the frame number. */
const MANDATORY_LENGTH = 3;
const TEMPLATE_ID_MASK = 0x3f;
const TEMPLATE_IDS = 64;

export class DependencyRewriter {
  #isFresh = true;
  #frameOffset = 0;
  /** The highest frame number that went out, counted on; -1 before the first. */
  #lastFrame = -1;
  #templateIdOffset = 0;
  /** The structure that went out last, with template ids of its own. */
  #structure: DependencyStructure | null = null;
  /** The frame that brought it, by the encoding's count. */
  #structureFrame = -1;
  /** Whether packets tell the active decode targets: since they are not those that the structure implies. */
  #tellsTargets = false;

  /** Another encoding goes on. */
  restart(): void {
    this.#isFresh = true;
  }

  /** Looks at a packet of the encoding before anything else, whether it is forwarded or not. */
  note({ dependency, startsKeyPicture, frame }: EncodingPacket): void {
    if (dependency === null) return;
    const isFirst = this.#isFresh;
    this.#isFresh = false;
    if (isFirst) this.#frameOffset = this.#lastFrame < 0 ? 0 : this.#lastFrame + 1 - frame;
    const { structure } = dependency;
    if (structure === undefined || !startsKeyPicture || (!isFirst && frame <= this.#structureFrame)) return;
    this.#structureFrame = frame;
    const old = this.#structure;
    if (isFirst && old !== null) {
      // §A.8.3: the ids of a new structure "SHOULD" not be those of the one before, which may be the same encoder's.
      const next = old.templateIdOffset + old.templates.length;
      this.#templateIdOffset = (next - structure.templateIdOffset) & TEMPLATE_ID_MASK;
    }
    this.#structure = this.#shift(structure);
    this.#tellsTargets = false;
  }

  /**
   * The descriptor that goes out; `null` without one.
   * @param decodeTargets those that can be decoded behind the filter, a bit each
   */
  rewrite(packet: EncodingPacket, decodeTargets: number | null): Uint8Array | null {
    const { dependency, dependencyData: data, frame, startsFrame } = packet;
    if (data === null || data.length < MANDATORY_LENGTH) return null;
    if (dependency === null) return this.#patch(data);
    this.#lastFrame = Math.max(this.#lastFrame, frame + this.#frameOffset);
    const structure = this.#structure;
    if (structure === null || decodeTargets === null || !fits(dependency, structure, this.#templateIdOffset)) {
      return this.#patch(data);
    }
    // Where layers are independent of one another, the frame that brought the structure may have been left out.
    const isIndependent = startsFrame && dependency.dependencies.frameDifferences.length === 0;
    const withStructure = dependency.structure !== undefined || isIndependent;
    const isImplied = decodeTargets === allTargets(structure);
    this.#tellsTargets ||= !isImplied || (!withStructure && dependency.activeDecodeTargets !== undefined);
    if (!withStructure && !this.#tellsTargets) return this.#patch(data);
    return writeDependencyDescriptor(
      {
        startsFrame: dependency.startsFrame,
        endsFrame: dependency.endsFrame,
        frameNumber: (dependency.frameNumber + this.#frameOffset) & 0xffff,
        templateId: (dependency.templateId + this.#templateIdOffset) & TEMPLATE_ID_MASK,
        dependencies: dependency.dependencies,
        ...(withStructure && { structure }),
        ...(this.#tellsTargets && { activeDecodeTargets: decodeTargets }),
      },
      structure,
    );
  }

  /** Most descriptors differ in the mandatory fields alone. */
  #patch(data: Uint8Array): Uint8Array {
    if ((this.#frameOffset & 0xffff) === 0 && this.#templateIdOffset === 0) return data;
    const patched = data.slice();
    const frameNumber = ((data[1]! << 8) | data[2]!) + this.#frameOffset;
    patched[0] = (data[0]! & ~TEMPLATE_ID_MASK) | ((data[0]! + this.#templateIdOffset) & TEMPLATE_ID_MASK);
    patched[1] = frameNumber >> 8;
    patched[2] = frameNumber;
    return patched;
  }

  #shift(structure: DependencyStructure): DependencyStructure {
    const templateIdOffset = (structure.templateIdOffset + this.#templateIdOffset) & TEMPLATE_ID_MASK;
    return { ...structure, templateIdOffset };
  }
}

/** Whether a descriptor is of this structure: a late one may be of the structure before. */
function fits(
  { templateId, dependencies }: DependencyDescriptor,
  structure: DependencyStructure,
  templateIdOffset: number,
): boolean {
  const index = (templateId + templateIdOffset - structure.templateIdOffset + TEMPLATE_IDS) % TEMPLATE_IDS;
  const template = structure.templates[index];
  return (
    template !== undefined &&
    template.spatialLayer === dependencies.spatialLayer &&
    template.temporalLayer === dependencies.temporalLayer &&
    dependencies.decodeTargetIndications.length === structure.decodeTargetCount &&
    dependencies.chainDifferences.length === structure.chainCount
  );
}
