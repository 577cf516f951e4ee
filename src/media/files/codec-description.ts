/** What a key frame says of its stream: size, codec string (RFC 6381 and the codecs' own rules), format parameters. */
import { splitNalUnits } from '../../rtp/payload/annex-b.ts';
import { OBU, readAv1SequenceHeader, readObus } from '../../rtp/payload/bitstream/av1.ts';
import { readVp8FrameHeader } from '../../rtp/payload/bitstream/vp8.ts';
import { readVp9FrameHeader } from '../../rtp/payload/bitstream/vp9.ts';
import { h264ProfileLevelId, parseH264Sps } from '../../rtp/payload/h264-sps.ts';
import { h265CodecString, parseH265Sps } from '../../rtp/payload/h265-sps.ts';

export type VideoDescription = {
  /** As WebCodecs and `<source type>` have it: `vp09.00.21.08`. */
  readonly codecString: string;
  readonly sdpFmtpLine?: string;
  readonly width: number;
  readonly height: number;
};

/** Of a key frame with everything that a decoder needs; `null` for others, and for codecs we do not know. */
export function describeKeyFrame(mimeType: string, data: Uint8Array): VideoDescription | null {
  switch (mimeType.toLowerCase()) {
    case 'video/vp8':
      return describeVp8(data);
    case 'video/vp9':
      return describeVp9(data);
    case 'video/av1':
      return describeAv1(data);
    case 'video/h264':
      return describeH264(data);
    case 'video/h265':
      return describeH265(data);
    default:
      return null;
  }
}

function describeVp8(data: Uint8Array): VideoDescription | null {
  const header = readVp8FrameHeader(data);
  if (!header?.isKeyFrame || !header.width || !header.height) return null;
  return { codecString: 'vp8', width: header.width, height: header.height };
}

/** Luma samples of a picture, and ten times the least level that takes it (VP9 levels, from 1 to 6). */
const VP9_LEVELS = [
  [36_864, 10],
  [73_728, 11],
  [122_880, 20],
  [245_760, 21],
  [552_960, 30],
  [983_040, 31],
  [2_228_224, 40],
  [8_912_896, 50],
] as const;

function describeVp9(data: Uint8Array): VideoDescription | null {
  const header = readVp9FrameHeader(data);
  if (!header?.isKeyFrame || !header.width || !header.height) return null;
  const { profile, width, height, bitDepth, subsamplingX, subsamplingY } = header;
  const level = VP9_LEVELS.find(([samples]) => width * height <= samples)?.[1] ?? 60;
  // Chroma 4:2:0 with colours of BT.709 is what is meant when nothing is said.
  const chroma = subsamplingX ? (subsamplingY ? '' : '.02.01.01.01.00') : '.03.01.01.01.00';
  const codecString = `vp09.${pad(profile)}.${pad(level)}.${pad(bitDepth!)}${chroma}`;
  return { codecString, sdpFmtpLine: `profile-id=${profile}`, width, height };
}

function describeAv1(data: Uint8Array): VideoDescription | null {
  const obu = readObus(data)?.find(({ type }) => type === OBU.sequenceHeader);
  const header = obu && readAv1SequenceHeader(data.subarray(obu.payloadStart, obu.end));
  if (!header) return null;
  const { profile, level, tier, width, height, bitDepth, isMonochrome, subsamplingX, subsamplingY } = header;
  const chroma = `.${isMonochrome ? 1 : 0}.${subsamplingX ? 1 : 0}${subsamplingY ? 1 : 0}0.01.01.01.0`;
  const isUsual = !isMonochrome && subsamplingX && subsamplingY;
  const codecString = `av01.${profile}.${pad(level)}${tier === 1 ? 'H' : 'M'}.${pad(bitDepth)}${isUsual ? '' : chroma}`;
  return { codecString, sdpFmtpLine: `level-idx=${level};profile=${profile};tier=${tier}`, width, height };
}

function describeH264(data: Uint8Array): VideoDescription | null {
  for (const unit of splitNalUnits(data)) {
    const sps = parseH264Sps(unit);
    if (sps === null) continue;
    const profileLevelId = h264ProfileLevelId(sps);
    const sdpFmtpLine = `level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=${profileLevelId}`;
    return { codecString: `avc1.${profileLevelId}`, sdpFmtpLine, width: sps.width, height: sps.height };
  }
  return null;
}

function describeH265(data: Uint8Array): VideoDescription | null {
  for (const unit of splitNalUnits(data)) {
    const sps = parseH265Sps(unit);
    if (sps === null) continue;
    const { profileIdc, isHighTier, levelIdc, width, height } = sps;
    const sdpFmtpLine = `level-id=${levelIdc};profile-id=${profileIdc};tier-flag=${isHighTier ? 1 : 0};tx-mode=SRST`;
    return { codecString: h265CodecString(sps), sdpFmtpLine, width, height };
  }
  return null;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
