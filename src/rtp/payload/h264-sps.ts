/** The sequence parameter set of H.264 (§7.3.2.1.1): the size of the picture, and what decoders are chosen by. */
import { BitReader } from '../../binary/bit-reader.ts';
import { toHex } from '../../binary/bytes.ts';
import { unescapeNalUnit } from './annex-b.ts';

export type H264Sps = {
  readonly id: number;
  readonly profileIdc: number;
  /** constraint_set0_flag in the highest bit, and so on. */
  readonly constraintFlags: number;
  /** Ten times the level: 31 is 3.1. */
  readonly levelIdc: number;
  readonly chromaFormatIdc: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** Of the picture as shown, in pixels. */
  readonly width: number;
  readonly height: number;
};

/** Profiles with chroma format and scaling matrices in their SPS (§7.3.2.1.1). */
const HIGH_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
/** The largest picture of level 6.2 (table A-1) is √(139,264 × 8) macroblocks wide: 16,888 pixels. */
const MAX_SIZE = 16_888;

/** The fields of an SPS, from its NAL unit; `null` when it is none. */
export function parseH264Sps(unit: Uint8Array): H264Sps | null {
  if (unit.length < 4 || (unit[0]! & 0x1f) !== 7) return null;
  const reader = new BitReader(unescapeNalUnit(unit.subarray(1)));
  const profileIdc = reader.u(8);
  const constraintFlags = reader.u(8);
  const levelIdc = reader.u(8);
  const id = reader.ue();
  let chromaFormatIdc = 1;
  let separateColourPlanes = false;
  let bitDepthLuma = 8;
  let bitDepthChroma = 8;
  if (HIGH_PROFILES.has(profileIdc)) {
    chromaFormatIdc = reader.ue();
    if (chromaFormatIdc === 3) separateColourPlanes = reader.flag();
    bitDepthLuma += reader.ue();
    bitDepthChroma += reader.ue();
    reader.flag(); // qpprime_y_zero_transform_bypass_flag
    if (reader.flag()) skipScalingMatrix(reader, chromaFormatIdc === 3 ? 12 : 8);
  }
  reader.ue(); // log2_max_frame_num_minus4
  const pictureOrderCountType = reader.ue();
  if (pictureOrderCountType === 0) {
    reader.ue(); // log2_max_pic_order_cnt_lsb_minus4
  } else if (pictureOrderCountType === 1) {
    reader.flag(); // delta_pic_order_always_zero_flag
    reader.se(); // offset_for_non_ref_pic
    reader.se(); // offset_for_top_to_bottom_field
    const count = reader.ue(); // at most 255
    for (let i = 0; i < count && reader.ok; i++) reader.se();
  }
  reader.ue(); // max_num_ref_frames
  reader.flag(); // gaps_in_frame_num_value_allowed_flag
  const widthInMacroblocks = reader.ue() + 1;
  const heightInMapUnits = reader.ue() + 1;
  const isFrameOnly = reader.flag();
  if (!isFrameOnly) reader.flag(); // mb_adaptive_frame_field_flag
  reader.flag(); // direct_8x8_inference_flag
  const cropping = reader.flag() ? [reader.ue(), reader.ue(), reader.ue(), reader.ue()] : [0, 0, 0, 0];
  if (!reader.ok || id > 31 || chromaFormatIdc > 3) return null;

  // Table 6-1 and (7-19) to (7-22): cropping is counted in chroma samples, and in fields twice as high.
  const hasChroma = chromaFormatIdc !== 0 && !separateColourPlanes;
  const cropUnitX = hasChroma && chromaFormatIdc !== 3 ? 2 : 1;
  const cropUnitY = (hasChroma && chromaFormatIdc === 1 ? 2 : 1) * (isFrameOnly ? 1 : 2);
  const width = 16 * widthInMacroblocks - cropUnitX * (cropping[0]! + cropping[1]!);
  const height = 16 * heightInMapUnits * (isFrameOnly ? 1 : 2) - cropUnitY * (cropping[2]! + cropping[3]!);
  if (width < 1 || height < 1 || width > MAX_SIZE || height > MAX_SIZE) return null;
  return { id, profileIdc, constraintFlags, levelIdc, chromaFormatIdc, bitDepthLuma, bitDepthChroma, width, height };
}

/** The `profile-level-id` of RFC 6184 §8.1, which is also what follows `avc1.` in a codec string (RFC 6381 §3.3). */
export function h264ProfileLevelId(sps: H264Sps): string {
  return toHex(Uint8Array.of(sps.profileIdc, sps.constraintFlags, sps.levelIdc));
}

/** §7.3.2.1.1.1. */
function skipScalingMatrix(reader: BitReader, count: number): void {
  for (let i = 0; i < count; i++) {
    if (!reader.flag()) continue;
    let lastScale = 8;
    let nextScale = 8;
    for (let j = 0; j < (i < 6 ? 16 : 64) && nextScale !== 0; j++) {
      nextScale = (lastScale + reader.se() + 256) & 0xff;
      if (nextScale !== 0) lastScale = nextScale;
    }
  }
}
