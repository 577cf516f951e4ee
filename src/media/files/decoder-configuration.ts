/**
 * The forms that video has in MP4 and Matroska, made into the forms that it has in RTP: NAL units behind lengths, with
 * parameter sets in a record of their own (ISO/IEC 14496-15), become byte streams; AV1 gets its sequence header and
 * sizes.
 */
import { concatBytes } from '../../binary/bytes.ts';
import { ByteReader } from '../../binary/reader.ts';
import { joinNalUnits } from '../../rtp/payload/annex-b.ts';
import { leb128Size, OBU, OBU_HAS_SIZE, readObus, writeLeb128 } from '../../rtp/payload/bitstream/av1.ts';
import { ParameterSets } from '../../rtp/payload/parameter-sets.ts';

export type FrameConverter = (data: Uint8Array, isKeyFrame: boolean) => Uint8Array | null;

type NalUnitConfiguration = { lengthSize: number; units: Uint8Array[] };

/** AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1); `null` when it is cut short. */
export function parseAvcConfiguration(record: Uint8Array): NalUnitConfiguration | null {
  const reader = new ByteReader(record);
  reader.take(4); // version, profile, compatibility, level
  const lengthSize = (reader.u8() & 3) + 1;
  const units: Uint8Array[] = [];
  for (let count = reader.u8() & 0x1f; count > 0 && reader.ok; count--) units.push(reader.vector16());
  for (let count = reader.u8(); count > 0 && reader.ok; count--) units.push(reader.vector16());
  return reader.ok ? { lengthSize, units } : null;
}

/** HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1); `null` when it is cut short. */
export function parseHevcConfiguration(record: Uint8Array): NalUnitConfiguration | null {
  const reader = new ByteReader(record);
  reader.take(21); // profile, tier, level, chroma format, bit depths, frame rate
  const lengthSize = (reader.u8() & 3) + 1;
  const units: Uint8Array[] = [];
  for (let arrays = reader.u8(); arrays > 0 && reader.ok; arrays--) {
    reader.u8(); // array_completeness, NAL_unit_type
    for (let count = reader.u16(); count > 0 && reader.ok; count--) units.push(reader.vector16());
  }
  return reader.ok ? { lengthSize, units } : null;
}

/** NAL units behind lengths, as a byte stream; `null` when a length runs past the end. */
export function lengthPrefixedToAnnexB(data: Uint8Array, lengthSize: number): Uint8Array | null {
  const units: Uint8Array[] = [];
  for (let at = 0; at < data.length; ) {
    if (at + lengthSize > data.length) return null;
    let length = 0;
    for (let i = 0; i < lengthSize; i++) length = length * 256 + data[at + i]!;
    at += lengthSize;
    if (length > data.length - at) return null;
    if (length > 0) units.push(data.subarray(at, at + length));
    at += length;
  }
  return joinNalUnits(units);
}

/** A converter for H.264 or H.265. Without a record the frames are byte streams as they are. */
export function nalUnitConverter(codec: 'H264' | 'H265', record: Uint8Array | undefined): FrameConverter | null {
  const sets = new ParameterSets(codec);
  let lengthSize = 0;
  if (record !== undefined && record.length > 0) {
    const configuration = codec === 'H264' ? parseAvcConfiguration(record) : parseHevcConfiguration(record);
    if (configuration === null) return null;
    lengthSize = configuration.lengthSize;
    sets.complete({ data: joinNalUnits(configuration.units), isKeyFrame: false });
  }
  return (data, isKeyFrame) => {
    const stream = lengthSize > 0 ? lengthPrefixedToAnnexB(data, lengthSize) : data;
    return stream && (sets.complete({ data: stream, isKeyFrame })?.data ?? null);
  };
}

/** A converter for AV1. `record` is an AV1CodecConfigurationRecord, whose OBUs stand behind four bytes. */
export function av1Converter(record: Uint8Array | undefined): FrameConverter {
  const configured = record === undefined ? null : normalizeAv1(record.subarray(4));
  const hasSequenceHeader = configured !== null && hasObu(configured, OBU.sequenceHeader);
  return (data, isKeyFrame) => {
    const frame = normalizeAv1(data);
    if (frame === null || !isKeyFrame || !hasSequenceHeader || hasObu(frame, OBU.sequenceHeader)) return frame;
    return concatBytes(configured, frame);
  };
}

/** A temporal unit without its delimiter, each OBU with a size; `null` when it is not OBUs. The same array where it is all right. */
export function normalizeAv1(data: Uint8Array): Uint8Array | null {
  const obus = readObus(data);
  if (obus === null) return null;
  const isDelimiter = (type: number) => type === OBU.temporalDelimiter;
  if (obus.every(({ type, start }) => !isDelimiter(type) && (data[start]! & OBU_HAS_SIZE) !== 0)) return data;
  const parts: Uint8Array[] = [];
  for (const { type, start, headerLength, payloadStart, end } of obus) {
    if (isDelimiter(type)) continue;
    const header = data.slice(start, start + headerLength);
    header[0]! |= OBU_HAS_SIZE;
    const size = new Uint8Array(leb128Size(end - payloadStart));
    writeLeb128(size, 0, end - payloadStart);
    parts.push(header, size, data.subarray(payloadStart, end));
  }
  return parts.length > 0 ? concatBytes(...parts) : null;
}

function hasObu(data: Uint8Array, wanted: number): boolean {
  return readObus(data)?.some(({ type }) => type === wanted) ?? false;
}
