/**
 * The dependency descriptor (RTP Payload Format For AV1, Appendix A): a header extension that tells whoever forwards or
 * receives a packet which frame it belongs to, which frames that one refers to, and who can do without it. It needs no look
 * into the payload, so it works for encrypted ones and for other codecs than AV1.
 *
 * What repeats is sent once, in a structure of templates that comes with each key frame; most packets then take three bytes.
 */
import { BitReader } from '../../binary/bit-reader.ts';
import { BitWriter } from '../../binary/bit-writer.ts';

export const DEPENDENCY_DESCRIPTOR_URI =
  'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension'; // §A.9

/** What a frame is to a decode target (table A.1), in the order of the numbers that stand for it. */
export const DECODE_TARGET_INDICATIONS = ['notPresent', 'discardable', 'switch', 'required'] as const;
export type DecodeTargetIndication = (typeof DECODE_TARGET_INDICATIONS)[number];

/** Where a frame stands among the others. */
export type FrameDependencies = {
  readonly spatialLayer: number;
  readonly temporalLayer: number;
  /** One of each decode target. */
  readonly decodeTargetIndications: readonly DecodeTargetIndication[];
  /** How many frames back each frame is that this one refers to: 1 … 16 in a template, 1 … 4096 otherwise. */
  readonly frameDifferences: readonly number[];
  /** How many frames back the one before it in each chain is, or 0 where none is needed: 0 … 15 or 0 … 255. */
  readonly chainDifferences: readonly number[];
};

/** What a coded video sequence is made of. */
export type DependencyStructure = {
  /** The id of the first template, 0 … 63; the others follow, modulo 64. */
  readonly templateIdOffset: number;
  /** 1 … 32. */
  readonly decodeTargetCount: number;
  /** In order of spatial, then temporal layer. */
  readonly templates: readonly FrameDependencies[];
  /** 0 … `decodeTargetCount`. */
  readonly chainCount: number;
  /** The chain that protects each decode target; empty without chains. */
  readonly protectedBy: readonly number[];
  /** The largest size of each spatial layer. */
  readonly resolutions?: readonly { readonly width: number; readonly height: number }[];
};

export type DependencyDescriptor = {
  readonly startsFrame: boolean;
  readonly endsFrame: boolean;
  /** 16 bits; counts the frames of all layers. */
  readonly frameNumber: number;
  readonly templateId: number;
  /** What is true of the frame, of its template or of its own. */
  readonly dependencies: FrameDependencies;
  /** With the first packet of a coded video sequence. */
  readonly structure?: DependencyStructure;
  /** Bit i for decode target i; `undefined` where the packet does not change it. */
  readonly activeDecodeTargets?: number;
};

/** Ids of templates have six bits. */
const MAX_TEMPLATES = 64;
const MANDATORY_LENGTH = 3;
const MAX_DECODE_TARGETS = 32;
const LAST_LAYER = 3; // next_layer_idc: no more templates

/**
 * Reads a descriptor. `structureOf` finds the structure that a template belongs to, for packets that bring none; `null`
 * where there is none, or the descriptor is malformed.
 */
export function readDependencyDescriptor(
  data: Uint8Array,
  structureOf: (templateId: number) => DependencyStructure | null,
): DependencyDescriptor | null {
  const bits = new BitReader(data);
  const startsFrame = bits.flag();
  const endsFrame = bits.flag();
  const templateId = bits.u(6);
  const frameNumber = bits.u(16);
  if (!bits.ok) return null;
  const isExtended = data.length > MANDATORY_LENGTH;
  const hasStructure = isExtended && bits.flag();
  const hasActiveTargets = isExtended && bits.flag();
  const hasOwnIndications = isExtended && bits.flag();
  const hasOwnFrames = isExtended && bits.flag();
  const hasOwnChains = isExtended && bits.flag();
  const structure = hasStructure ? readStructure(bits) : structureOf(templateId);
  if (structure === null) return null;
  let activeDecodeTargets = hasStructure ? allTargets(structure) : undefined;
  if (hasActiveTargets) activeDecodeTargets = bits.u(structure.decodeTargetCount);
  const template = structure.templates[templateIndex(structure, templateId)];
  if (template === undefined) return null;
  const dependencies: FrameDependencies = {
    spatialLayer: template.spatialLayer,
    temporalLayer: template.temporalLayer,
    decodeTargetIndications: hasOwnIndications
      ? readIndications(bits, structure.decodeTargetCount)
      : template.decodeTargetIndications,
    frameDifferences: hasOwnFrames ? readFrameDifferences(bits) : template.frameDifferences,
    chainDifferences: hasOwnChains ? readNumbers(bits, structure.chainCount, 8) : template.chainDifferences,
  };
  if (!bits.ok) return null;
  return {
    startsFrame,
    endsFrame,
    frameNumber,
    templateId,
    dependencies,
    ...(hasStructure && { structure }),
    ...(activeDecodeTargets !== undefined && { activeDecodeTargets }),
  };
}

/**
 * Writes a descriptor as short as its template allows: what differs from the template is written out. Active decode
 * targets are left out where they go without saying, beside a structure of which all are active.
 *
 * @param structure of the coded video sequence; written itself where the descriptor brings it
 * @throws RangeError on numbers that the fields cannot hold, or a template that the structure has not
 */
export function writeDependencyDescriptor(
  descriptor: DependencyDescriptor,
  structure: DependencyStructure,
): Uint8Array {
  const { templateId, dependencies, activeDecodeTargets } = descriptor;
  const template = structure.templates[templateIndex(structure, templateId)];
  if (template === undefined) throw new RangeError(`the dependency structure has no template ${templateId}`);
  if (template.spatialLayer !== dependencies.spatialLayer || template.temporalLayer !== dependencies.temporalLayer) {
    throw new RangeError(`template ${templateId} is of another layer than the frame`);
  }
  const hasStructure = descriptor.structure !== undefined;
  const hasActiveTargets =
    activeDecodeTargets !== undefined && !(hasStructure && activeDecodeTargets === allTargets(structure));
  const own = differences(template, dependencies);
  const bits = new BitWriter();
  bits.flag(descriptor.startsFrame).flag(descriptor.endsFrame).u(6, templateId).u(16, descriptor.frameNumber);
  if (!hasStructure && !hasActiveTargets && !own.indications && !own.frames && !own.chains) return bits.finish();
  bits.flag(hasStructure).flag(hasActiveTargets).flag(own.indications).flag(own.frames).flag(own.chains);
  if (hasStructure) writeStructure(bits, structure);
  if (hasActiveTargets) bits.u(structure.decodeTargetCount, activeDecodeTargets);
  if (own.indications) {
    writeIndications(bits, dependencies.decodeTargetIndications, structure.decodeTargetCount);
  }
  if (own.frames) writeFrameDifferences(bits, dependencies.frameDifferences);
  if (own.chains) writeChainDifferences(bits, dependencies.chainDifferences, structure.chainCount, 8);
  return bits.finish();
}

/** The id of the template that describes a frame with the fewest bits; `null` where none is of its layer. */
export function findTemplate(structure: DependencyStructure, frame: FrameDependencies): number | null {
  let best: number | null = null;
  let bestCost = Number.POSITIVE_INFINITY;
  for (let i = 0; i < structure.templates.length; i++) {
    const template = structure.templates[i]!;
    if (template.spatialLayer !== frame.spatialLayer || template.temporalLayer !== frame.temporalLayer) continue;
    const own = differences(template, frame);
    let cost = 0;
    if (own.indications) cost += 2 * structure.decodeTargetCount;
    if (own.frames) cost += 2 + 6 * frame.frameDifferences.length;
    if (own.chains) cost += 8 * structure.chainCount;
    if (cost < bestCost) {
      best = (structure.templateIdOffset + i) % MAX_TEMPLATES;
      bestCost = cost;
    }
  }
  return best;
}

/** The layers that a decode target has: the highest of all frames that it needs (§A.8.2, decode_target_layers). */
export function decodeTargetLayers(
  structure: DependencyStructure,
  target: number,
): { spatialLayer: number; temporalLayer: number } {
  let spatialLayer = 0;
  let temporalLayer = 0;
  for (const template of structure.templates) {
    if (template.decodeTargetIndications[target] === 'notPresent') continue;
    spatialLayer = Math.max(spatialLayer, template.spatialLayer);
    temporalLayer = Math.max(temporalLayer, template.temporalLayer);
  }
  return { spatialLayer, temporalLayer };
}

/** Whether a frame belongs to a chain, so that losing it breaks the chain (§A.6). */
export function isInChain(
  structure: DependencyStructure,
  frame: FrameDependencies,
  chain: number,
  activeDecodeTargets: number = allTargets(structure),
): boolean {
  let isActive = false;
  for (let target = 0; target < structure.decodeTargetCount; target++) {
    if (structure.protectedBy[target] !== chain) continue;
    const indication = frame.decodeTargetIndications[target];
    if (indication === 'notPresent' || indication === 'discardable') return false;
    if ((activeDecodeTargets >>> target) & 1) isActive = true;
  }
  return isActive;
}

/** The bitmask of all decode targets. */
export function allTargets({ decodeTargetCount }: DependencyStructure): number {
  return 2 ** decodeTargetCount - 1;
}

function templateIndex(structure: DependencyStructure, templateId: number): number {
  return (templateId - structure.templateIdOffset + MAX_TEMPLATES) % MAX_TEMPLATES;
}

function readStructure(bits: BitReader): DependencyStructure | null {
  const templateIdOffset = bits.u(6);
  const decodeTargetCount = bits.u(5) + 1;
  const layers = readLayers(bits);
  if (layers === null) return null;
  const indications = layers.map(() => readIndications(bits, decodeTargetCount));
  const frames = layers.map(() => readTemplateFrameDifferences(bits));
  const chainCount = readNonSymmetric(bits, decodeTargetCount + 1);
  const protectedBy: number[] = [];
  if (chainCount > 0) {
    for (let i = 0; i < decodeTargetCount; i++) protectedBy.push(readNonSymmetric(bits, chainCount));
  }
  const chains = layers.map(() => readNumbers(bits, chainCount, 4));
  let resolutions: { width: number; height: number }[] | undefined;
  if (bits.flag()) {
    resolutions = [];
    const spatialLayers = layers.at(-1)!.spatialLayer + 1;
    for (let i = 0; i < spatialLayers; i++) resolutions.push({ width: bits.u(16) + 1, height: bits.u(16) + 1 });
  }
  if (!bits.ok) return null;
  const templates = layers.map((layer, i) => ({
    ...layer,
    decodeTargetIndications: indications[i]!,
    frameDifferences: frames[i]!,
    chainDifferences: chains[i]!,
  }));
  return {
    templateIdOffset,
    decodeTargetCount,
    templates,
    chainCount,
    protectedBy,
    ...(resolutions && { resolutions }),
  };
}

/** template_layers(): each template's layers follow from those before it. */
function readLayers(bits: BitReader): { spatialLayer: number; temporalLayer: number }[] | null {
  const layers: { spatialLayer: number; temporalLayer: number }[] = [];
  let spatialLayer = 0;
  let temporalLayer = 0;
  for (let next = 0; next !== LAST_LAYER; ) {
    if (layers.length === MAX_TEMPLATES) return null;
    layers.push({ spatialLayer, temporalLayer });
    next = bits.u(2);
    if (!bits.ok) return null;
    if (next === 1) temporalLayer++;
    if (next === 2) {
      temporalLayer = 0;
      spatialLayer++;
    }
  }
  return layers;
}

function readIndications(bits: BitReader, count: number): DecodeTargetIndication[] {
  const indications: DecodeTargetIndication[] = [];
  for (let i = 0; i < count; i++) indications.push(DECODE_TARGET_INDICATIONS[bits.u(2)]!);
  return indications;
}

function readTemplateFrameDifferences(bits: BitReader): number[] {
  const differences: number[] = [];
  while (bits.flag()) differences.push(bits.u(4) + 1);
  return differences;
}

function readFrameDifferences(bits: BitReader): number[] {
  const differences: number[] = [];
  for (let size = bits.u(2); size > 0; size = bits.u(2)) differences.push(bits.u(4 * size) + 1);
  return differences;
}

function readNumbers(bits: BitReader, count: number, width: number): number[] {
  const numbers: number[] = [];
  for (let i = 0; i < count; i++) numbers.push(bits.u(width));
  return numbers;
}

/** ns(n) of §A.8.2: a number below `count`, the lower ones with a bit less where `count` is no power of two. */
function readNonSymmetric(bits: BitReader, count: number): number {
  const width = 32 - Math.clz32(count);
  const short = 2 ** width - count;
  const value = bits.u(width - 1);
  return value < short ? value : 2 * value - short + bits.u(1);
}

function writeNonSymmetric(bits: BitWriter, count: number, value: number): void {
  if (count === 1) return;
  const width = 32 - Math.clz32(count);
  const short = 2 ** width - count;
  if (value < short) bits.u(width - 1, value);
  else bits.u(width, value + short);
}

function writeStructure(bits: BitWriter, structure: DependencyStructure): void {
  const { templates, decodeTargetCount, chainCount, protectedBy, resolutions } = structure;
  checkRange('decodeTargetCount', decodeTargetCount, 1, MAX_DECODE_TARGETS);
  checkRange('templates', templates.length, 1, MAX_TEMPLATES);
  checkRange('chainCount', chainCount, 0, decodeTargetCount);
  bits.u(6, structure.templateIdOffset).u(5, decodeTargetCount - 1);
  writeLayers(bits, templates);
  for (const template of templates) writeIndications(bits, template.decodeTargetIndications, decodeTargetCount);
  for (const { frameDifferences } of templates) {
    for (const difference of frameDifferences) {
      checkRange('frameDifferences of a template', difference, 1, 16);
      bits.u(1, 1).u(4, difference - 1);
    }
    bits.u(1, 0);
  }
  writeNonSymmetric(bits, decodeTargetCount + 1, chainCount);
  if (chainCount > 0) {
    for (let target = 0; target < decodeTargetCount; target++) {
      checkRange('protectedBy', protectedBy[target] ?? -1, 0, chainCount - 1);
      writeNonSymmetric(bits, chainCount, protectedBy[target]!);
    }
    for (const template of templates) writeChainDifferences(bits, template.chainDifferences, chainCount, 4);
  }
  bits.flag(resolutions !== undefined);
  if (resolutions === undefined) return;
  const spatialLayers = templates.at(-1)!.spatialLayer + 1;
  if (resolutions.length !== spatialLayers) {
    throw new RangeError(`expected the resolutions of ${spatialLayers} spatial layers, got ${resolutions.length}`);
  }
  for (const { width, height } of resolutions) {
    checkRange('width', width, 1, 0x1_0000);
    checkRange('height', height, 1, 0x1_0000);
    bits.u(16, width - 1).u(16, height - 1);
  }
}

function writeLayers(bits: BitWriter, templates: readonly FrameDependencies[]): void {
  const { spatialLayer, temporalLayer } = templates[0]!;
  if (spatialLayer !== 0 || temporalLayer !== 0) throw new RangeError('the first template must be of layers 0 and 0');
  for (let i = 1; i < templates.length; i++) {
    const last = templates[i - 1]!;
    const next = templates[i]!;
    const spatialStep = next.spatialLayer - last.spatialLayer;
    const temporalStep = next.temporalLayer - last.temporalLayer;
    if (spatialStep === 0 && (temporalStep === 0 || temporalStep === 1)) bits.u(2, temporalStep);
    else if (spatialStep === 1 && next.temporalLayer === 0) bits.u(2, 2);
    else throw new RangeError(`template ${i} must be of its predecessor's layers or of the next ones (table A.2)`);
  }
  bits.u(2, LAST_LAYER);
}

function writeIndications(bits: BitWriter, indications: readonly DecodeTargetIndication[], count: number): void {
  if (indications.length !== count) {
    throw new RangeError(`expected indications of ${count} decode targets, got ${indications.length}`);
  }
  for (const indication of indications) bits.u(2, DECODE_TARGET_INDICATIONS.indexOf(indication));
}

function writeFrameDifferences(bits: BitWriter, differences: readonly number[]): void {
  for (const difference of differences) {
    checkRange('frameDifferences', difference, 1, 4096);
    const size = difference <= 16 ? 1 : difference <= 256 ? 2 : 3;
    bits.u(2, size).u(4 * size, difference - 1);
  }
  bits.u(2, 0);
}

function writeChainDifferences(bits: BitWriter, differences: readonly number[], count: number, width: number): void {
  if (differences.length !== count) {
    throw new RangeError(`expected the differences of ${count} chains, got ${differences.length}`);
  }
  for (const difference of differences) {
    checkRange('chainDifferences', difference, 0, 2 ** width - 1);
    bits.u(width, difference);
  }
}

function differences(
  template: FrameDependencies,
  frame: FrameDependencies,
): { indications: boolean; frames: boolean; chains: boolean } {
  return {
    indications: !isEqual(template.decodeTargetIndications, frame.decodeTargetIndications),
    frames: !isEqual(template.frameDifferences, frame.frameDifferences),
    chains: !isEqual(template.chainDifferences, frame.chainDifferences),
  };
}

function isEqual<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function checkRange(name: string, value: number, min: number, max: number): void {
  if (!(value >= min && value <= max)) throw new RangeError(`expected ${name} from ${min} to ${max}, got ${value}`);
}
