/** The payload descriptor of VP9 (RFC 9628 §4.2), read and written. */
import { setU16, u16 } from '../../binary/bytes.ts';
import type { Vp9GroupPicture, Vp9ScalabilityStructure } from './types.ts';

export type Vp9Descriptor = {
  /** 7 or 15 bits; `null` without one. */
  readonly pictureId: number | null;
  readonly pictureIdBits: 0 | 7 | 15;
  /** P: refers to pictures before this one. */
  readonly isInterPicturePredicted: boolean;
  /** L: the layer's numbers; `null` where the stream has one layer. */
  readonly layer: Vp9Layer | null;
  /** F: each frame tells its references. */
  readonly isFlexible: boolean;
  /** B and E: the first and the last payload of a layer's frame. */
  readonly startsLayerFrame: boolean;
  readonly endsLayerFrame: boolean;
  /** Z: no layer above refers to this one. */
  readonly isUnusedAbove: boolean;
  /** P_DIFF, in flexible mode: how many pictures back; at most three. */
  readonly pictureReferences: readonly number[];
  /** TL0PICIDX, in non-flexible mode with layers. */
  readonly tl0PictureIndex: number | null;
  readonly scalability: Vp9ScalabilityStructure | null;
  /** Bytes of the descriptor. */
  readonly length: number;
};

export type Vp9Layer = {
  readonly temporalLayer: number;
  /** U: one may go up to any higher temporal layer from here. */
  readonly isSwitchPoint: boolean;
  readonly spatialLayer: number;
  /** D: predicted from the layer below in this picture. */
  readonly usesLayerBelow: boolean;
};

const I = 0x80;
const P = 0x40;
const L = 0x20;
const F = 0x10;
/** A writer of many payloads sets these two in the first byte of each. */
export const VP9_B = 0x08;
export const VP9_E = 0x04;
const V = 0x02;
const Z = 0x01;
const M = 0x80;
const U = 0x10;
const D = 0x01;
const N = 0x01;
const Y = 0x10;
const G = 0x08;
const GROUP_U = 0x10;
const MAX_REFERENCES = 3; // "up to 3 times", and two bits of R

/** Reads a descriptor; `null` for one that is cut off, contradicts itself, or has nothing behind it. */
export function readVp9Descriptor(payload: Uint8Array): Vp9Descriptor | null {
  const first = payload[0];
  if (first === undefined) return null;
  const isFlexible = (first & F) !== 0;
  const isInterPicturePredicted = (first & P) !== 0;
  let at = 1;
  let pictureId: number | null = null;
  let pictureIdBits: 0 | 7 | 15 = 0;
  if ((first & I) !== 0) {
    const byte = payload[at] ?? 0;
    pictureIdBits = (byte & M) !== 0 ? 15 : 7;
    pictureId = pictureIdBits === 15 ? u16(payload, at) & 0x7fff : byte;
    at += pictureIdBits === 15 ? 2 : 1;
  }
  let layer: Vp9Layer | null = null;
  let tl0PictureIndex: number | null = null;
  if ((first & L) !== 0) {
    const byte = payload[at++] ?? 0;
    layer = {
      temporalLayer: byte >> 5,
      isSwitchPoint: (byte & U) !== 0,
      spatialLayer: (byte >> 1) & 7,
      usesLayerBelow: (byte & D) !== 0,
    };
    if (!isFlexible) tl0PictureIndex = payload[at++] ?? 0;
  }
  const pictureReferences: number[] = [];
  if (isFlexible && isInterPicturePredicted) {
    for (let more = true; more; ) {
      if (pictureReferences.length === MAX_REFERENCES) return null;
      const byte = payload[at++] ?? 0;
      pictureReferences.push(byte >> 1);
      more = (byte & N) !== 0;
    }
  }
  let scalability: Vp9ScalabilityStructure | null = null;
  if ((first & V) !== 0) {
    const read = readStructure(payload, at);
    if (read === null) return null;
    scalability = read.structure;
    at = read.end;
  }
  if (at >= payload.length) return null;
  return {
    pictureId,
    pictureIdBits,
    isInterPicturePredicted,
    layer,
    isFlexible,
    startsLayerFrame: (first & VP9_B) !== 0,
    endsLayerFrame: (first & VP9_E) !== 0,
    isUnusedAbove: (first & Z) !== 0,
    pictureReferences,
    tl0PictureIndex,
    scalability,
    length: at,
  };
}

/**
 * Writes a descriptor. A PictureID is written with its 15 bits unless `pictureIdBits` is 7.
 *
 * @throws RangeError on numbers that the fields cannot hold
 */
export function writeVp9Descriptor(descriptor: Omit<Vp9Descriptor, 'length'>): Uint8Array {
  const { layer, pictureReferences, scalability, isFlexible } = descriptor;
  const writesReferences = isFlexible && descriptor.isInterPicturePredicted;
  checkReferences(pictureReferences);
  if (isFlexible && descriptor.pictureId === null) {
    throw new RangeError('VP9 in flexible mode needs a pictureId: references count back from it (RFC 9628 §4.2)');
  }
  if (writesReferences && pictureReferences.length === 0) {
    throw new RangeError(
      'a VP9 frame predicted from other pictures in flexible mode has 1 to 3 pictureReferences, got 0',
    );
  }
  const bytes = new Uint8Array(8 + (scalability === null ? 0 : structureLength(scalability)));
  let first = (descriptor.isInterPicturePredicted ? P : 0) | (isFlexible ? F : 0);
  if (descriptor.startsLayerFrame) first |= VP9_B;
  if (descriptor.endsLayerFrame) first |= VP9_E;
  if (descriptor.isUnusedAbove) first |= Z;
  let at = 1;
  if (descriptor.pictureId !== null) {
    first |= I;
    if (descriptor.pictureIdBits === 7) {
      bytes[at++] = descriptor.pictureId & 0x7f;
    } else {
      setU16(bytes, at, 0x8000 | (descriptor.pictureId & 0x7fff));
      at += 2;
    }
  }
  if (layer !== null) {
    first |= L;
    checkLayer('temporalLayer', layer.temporalLayer);
    checkLayer('spatialLayer', layer.spatialLayer);
    bytes[at++] =
      (layer.temporalLayer << 5) |
      (layer.isSwitchPoint ? U : 0) |
      (layer.spatialLayer << 1) |
      (layer.usesLayerBelow ? D : 0);
    if (!isFlexible) bytes[at++] = descriptor.tl0PictureIndex ?? 0;
  }
  if (writesReferences) {
    for (let i = 0; i < pictureReferences.length; i++) {
      bytes[at++] = (pictureReferences[i]! << 1) | (i + 1 < pictureReferences.length ? N : 0);
    }
  }
  if (scalability !== null) {
    first |= V;
    at = writeStructure(bytes, at, scalability);
  }
  bytes[0] = first;
  return bytes.subarray(0, at);
}

function readStructure(payload: Uint8Array, start: number): { structure: Vp9ScalabilityStructure; end: number } | null {
  const flags = payload[start];
  if (flags === undefined) return null;
  const spatialLayers = (flags >> 5) + 1;
  let at = start + 1;
  let resolutions: { width: number; height: number }[] | undefined;
  if ((flags & Y) !== 0) {
    if (at + 4 * spatialLayers > payload.length) return null;
    resolutions = [];
    for (let i = 0; i < spatialLayers; i++, at += 4) {
      resolutions.push({ width: u16(payload, at), height: u16(payload, at + 2) });
    }
  }
  let pictureGroup: Vp9GroupPicture[] | undefined;
  if ((flags & G) !== 0) {
    const count = payload[at++] ?? 0;
    pictureGroup = [];
    for (let i = 0; i < count; i++) {
      const byte = payload[at++];
      if (byte === undefined) return null;
      const referenceCount = (byte >> 2) & 3;
      if (at + referenceCount > payload.length) return null;
      const references = Array.from(payload.subarray(at, at + referenceCount));
      at += referenceCount;
      pictureGroup.push({ temporalLayer: byte >> 5, isSwitchPoint: (byte & GROUP_U) !== 0, references });
    }
  }
  const structure = { spatialLayers, ...(resolutions && { resolutions }), ...(pictureGroup && { pictureGroup }) };
  return { structure, end: at };
}

function structureLength({ resolutions, pictureGroup }: Vp9ScalabilityStructure): number {
  let length = 1 + 4 * (resolutions?.length ?? 0);
  if (pictureGroup) length++;
  for (const { references } of pictureGroup ?? []) length += 1 + references.length;
  return length;
}

function writeStructure(bytes: Uint8Array, start: number, structure: Vp9ScalabilityStructure): number {
  const { spatialLayers, resolutions, pictureGroup } = structure;
  checkLayer('spatialLayers - 1', spatialLayers - 1);
  if (resolutions !== undefined && resolutions.length !== spatialLayers) {
    throw new RangeError(`expected the resolutions of ${spatialLayers} spatial layers, got ${resolutions.length}`);
  }
  if (pictureGroup !== undefined && pictureGroup.length > 255) {
    throw new RangeError(`a VP9 picture group has at most 255 pictures, got ${pictureGroup.length}`);
  }
  bytes[start] = ((spatialLayers - 1) << 5) | (resolutions ? Y : 0) | (pictureGroup ? G : 0);
  let at = start + 1;
  for (const { width, height } of resolutions ?? []) {
    setU16(bytes, at, width);
    setU16(bytes, at + 2, height);
    at += 4;
  }
  if (pictureGroup) bytes[at++] = pictureGroup.length;
  for (const { temporalLayer, isSwitchPoint, references } of pictureGroup ?? []) {
    checkLayer('temporalLayer', temporalLayer);
    if (references.length > MAX_REFERENCES)
      throw new RangeError(`expected 0 to 3 references, got ${references.length}`);
    bytes[at++] = (temporalLayer << 5) | (isSwitchPoint ? GROUP_U : 0) | (references.length << 2);
    for (const reference of references) bytes[at++] = reference;
  }
  return at;
}

function checkLayer(name: string, value: number): void {
  if (!(value >= 0 && value <= 7)) throw new RangeError(`expected ${name} from 0 to 7, got ${value}`);
}

function checkReferences(references: readonly number[]): void {
  if (references.length > MAX_REFERENCES) {
    throw new RangeError(`expected at most 3 pictureReferences, got ${references.length}`);
  }
  for (const reference of references) {
    if (!(reference >= 0 && reference <= 127)) {
      throw new RangeError(`expected pictureReferences from 1 to 127, got ${reference}`);
    }
  }
}
