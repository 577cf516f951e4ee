/** The sequence parameter set of H.265 (§7.3.2.2): the size of the picture, and what decoders are chosen by. */
import { BitReader } from '../../binary/bit-reader.ts';
import { unescapeNalUnit } from './annex-b.ts';

export type H265Sps = {
  readonly id: number;
  readonly profileSpace: number;
  readonly isHighTier: boolean;
  readonly profileIdc: number;
  /** general_profile_compatibility_flag[0] in the highest of 32 bits. */
  readonly compatibilityFlags: number;
  /** The six bytes of constraint flags that follow. */
  readonly constraintFlags: Uint8Array;
  /** Thirty times the level: 93 is 3.1. */
  readonly levelIdc: number;
  readonly temporalLayers: number;
  readonly isTemporalIdNested: boolean;
  readonly chromaFormatIdc: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Of the picture as shown, in pixels. */
  readonly width: number;
  readonly height: number;
};

/** The widest picture of level 6.2 (§A.4.1) has √(35,651,584 × 8) luma samples. */
const MAX_SIZE = 16_888;

/** The fields of an SPS, from its NAL unit; `null` when it is none. */
export function parseH265Sps(unit: Uint8Array): H265Sps | null {
  if (unit.length < 15 || ((unit[0]! >> 1) & 0x3f) !== 33) return null;
  const reader = new BitReader(unescapeNalUnit(unit.subarray(2)));
  reader.u(4); // sps_video_parameter_set_id
  const maxSubLayers = reader.u(3);
  const isTemporalIdNested = reader.flag();
  // profile_tier_level (§7.3.3)
  const profileSpace = reader.u(2);
  const isHighTier = reader.flag();
  const profileIdc = reader.u(5);
  const compatibilityFlags = reader.u(32);
  const constraintFlags = new Uint8Array(6);
  for (let i = 0; i < 6; i++) constraintFlags[i] = reader.u(8);
  const levelIdc = reader.u(8);
  let subLayerBits = 0;
  for (let i = 0; i < maxSubLayers; i++) {
    if (reader.flag()) subLayerBits += 88; // sub_layer_profile_present_flag
    if (reader.flag()) subLayerBits += 8; // sub_layer_level_present_flag
  }
  if (maxSubLayers > 0) reader.skip(2 * (8 - maxSubLayers)); // reserved_zero_2bits
  reader.skip(subLayerBits);

  const id = reader.ue();
  const chromaFormatIdc = reader.ue();
  const separateColourPlanes = chromaFormatIdc === 3 && reader.flag();
  const codedWidth = reader.ue();
  const codedHeight = reader.ue();
  const window = reader.flag() ? [reader.ue(), reader.ue(), reader.ue(), reader.ue()] : [0, 0, 0, 0];
  const bitDepthLuma = 8 + reader.ue();
  const bitDepthChroma = 8 + reader.ue();
  if (!reader.ok || id > 15 || chromaFormatIdc > 3) return null;

  // Table 6-1: the conformance window is counted in chroma samples.
  const hasChroma = chromaFormatIdc !== 0 && !separateColourPlanes;
  const width = codedWidth - (hasChroma && chromaFormatIdc !== 3 ? 2 : 1) * (window[0]! + window[1]!);
  const height = codedHeight - (hasChroma && chromaFormatIdc === 1 ? 2 : 1) * (window[2]! + window[3]!);
  if (width < 1 || height < 1 || width > MAX_SIZE || height > MAX_SIZE) return null;
  return {
    id,
    profileSpace,
    isHighTier,
    profileIdc,
    compatibilityFlags,
    constraintFlags,
    levelIdc,
    temporalLayers: maxSubLayers + 1,
    isTemporalIdNested,
    chromaFormatIdc,
    bitDepthLuma,
    bitDepthChroma,
    width,
    height,
  };
}

/** The codec string of ISO/IEC 14496-15 §E.3: `hev1.1.6.L93.B0`. */
export function h265CodecString(sps: H265Sps, sampleEntry: 'hev1' | 'hvc1' = 'hev1'): string {
  const space = ['', 'A', 'B', 'C'][sps.profileSpace]!;
  let reversed = 0;
  for (let i = 0; i < 32; i++) reversed |= ((sps.compatibilityFlags >>> i) & 1) << (31 - i);
  const constraints = [...sps.constraintFlags];
  while (constraints.length > 0 && constraints.at(-1) === 0) constraints.pop();
  const tier = `${sps.isHighTier ? 'H' : 'L'}${sps.levelIdc}`;
  const parts = [sampleEntry, `${space}${sps.profileIdc}`, (reversed >>> 0).toString(16).toUpperCase(), tier];
  return [...parts, ...constraints.map((byte) => byte.toString(16).toUpperCase())].join('.');
}
