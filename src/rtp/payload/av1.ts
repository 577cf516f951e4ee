/**
 * AV1 (RTP Payload Format For AV1, AOM, v1.0): an aggregation header of one byte, and then OBUs or pieces of them, without
 * their size fields. A frame here is a temporal unit: OBUs with size fields, without a temporal delimiter.
 *
 * A payload by itself seldom tells whether a temporal unit begins with it: only N does, at the start of a coded video
 * sequence. All others that could are `isStartUncertain`.
 */
import {
  leb128Length,
  leb128Size,
  OBU,
  OBU_HAS_EXTENSION,
  OBU_HAS_SIZE,
  type ObuRange,
  readAv1FrameHeader,
  readAv1SequenceHeader,
  readLeb128,
  readObu,
  readObus,
  writeLeb128,
} from './bitstream/av1.ts';
import type { EncodedFrame, FrameMetadata, LayerFrame, OpenPayload, PayloadFormat, PayloadInfo } from './types.ts';

/** The aggregation header (§4.4). */
const Z = 0x80; // the first element goes on with an OBU of the payload before
const Y = 0x40; // the last element's OBU goes on in the next payload
const W_SHIFT = 4;
const N = 0x08;

/** W has two bits: so many elements at most can leave out the last one's length. */
const MAX_COUNTED_ELEMENTS = 3;
/** A header, and an element of which at least the OBU header and a byte fit: what makes sense at the least. */
const MIN_PAYLOAD_LENGTH = 8;
/** No piece of an OBU is begun in less room than this: what it costs would not be worth it. */
const MIN_FRAGMENT = 4;

/** What the OBUs of a temporal unit tell of it; `null` where it is not OBUs. */
export function describeAv1Frame(frame: Uint8Array): { isKeyFrame: boolean; metadata: FrameMetadata } | null {
  const obus = readObus(frame);
  if (obus === null) return null;
  const { isKeyFrame, metadata } = describeObus(frame, obus);
  const layerFrames = layerFramesOf(frame, obus);
  return { isKeyFrame, metadata: layerFrames.length > 1 ? { ...metadata, layerFrames } : metadata };
}

export class Av1Format implements PayloadFormat {
  packetize(frame: EncodedFrame, maxPayloadLength: number, open: OpenPayload): boolean {
    if (!(maxPayloadLength >= MIN_PAYLOAD_LENGTH)) {
      throw new RangeError(`expected room for ${MIN_PAYLOAD_LENGTH} bytes or more, got ${maxPayloadLength}`);
    }
    const { data } = frame;
    const all = readObus(data);
    if (all === null) return false;
    const obus = all.filter((obu) => travels(obu.type));
    if (obus.length === 0) return false;
    const groups = groupByLayer(obus);
    for (let i = 0; i < groups.length; i++) {
      const group = groups[i]!;
      const count = plan(group, maxPayloadLength, null);
      const limit = count === 1 ? maxPayloadLength : evenLimit(group, maxPayloadLength, count);
      // A coded video sequence starts with its sequence header, so a frame without one is not its first.
      const startsSequence = i === 0 && frame.isKeyFrame && group.some((obu) => obu.type === OBU.sequenceHeader);
      const isLastGroup = i === groups.length - 1;
      let written = 0;
      plan(group, limit, (elements) => {
        const isEnd = ++written === count;
        const payload = open(payloadLength(elements), isEnd && isLastGroup, i, isEnd);
        writePayload(payload, data, elements, startsSequence && written === 1);
      });
    }
    return true;
  }

  inspect(payload: Uint8Array): PayloadInfo | null {
    const elements = readElements(payload);
    if (elements === null) return null;
    const header = payload[0]!;
    if ((header & Z) !== 0) return { startsFrame: false, isKeyFrame: false };
    const obus: ObuRange[] = [];
    for (let i = 0; i < elements.length; i += 2) {
      if (elements[i] === elements[i + 1]) continue;
      const obu = readElementHeader(payload, elements[i]!, elements[i + 1]!);
      if (obu === null) return null;
      obus.push(obu);
    }
    // A temporal unit cannot begin with these (AV1 §7.5): without the frame header before them they are nothing.
    const type = obus[0]!.type;
    const isPart = type === OBU.tileGroup || type === OBU.redundantFrameHeader;
    const startsSequence = (header & N) !== 0;
    const startsFrame = startsSequence || !isPart;
    const described = describeObus(payload, obus);
    return {
      startsFrame,
      ...(startsFrame && !startsSequence && { isStartUncertain: true }),
      isKeyFrame: startsSequence || described.isKeyFrame,
      metadata: described.metadata,
    };
  }

  assemble(payloads: readonly Uint8Array[]): EncodedFrame | null {
    const obus: ObuPieces[] = [];
    let continues = false;
    for (const payload of payloads) {
      const elements = readElements(payload);
      if (elements === null || ((payload[0]! & Z) !== 0) !== continues) return null;
      for (let i = 0; i < elements.length; i += 2) {
        const piece = payload.subarray(elements[i], elements[i + 1]);
        const last = obus.at(-1);
        if (i === 0 && continues) {
          last!.pieces.push(piece);
          last!.length += piece.length;
        } else {
          obus.push({ pieces: [piece], length: piece.length });
        }
      }
      continues = (payload[0]! & Y) !== 0;
    }
    if (continues) return null;
    const data = joinObus(obus);
    if (data === null) return null;
    const described = describeAv1Frame(data);
    return described === null ? null : { data, ...described };
  }
}

/** "The temporal delimiter OBU … SHOULD be removed when transmitting. … Tile list OBUs are not supported." (§5) */
function travels(type: number): boolean {
  return type !== OBU.temporalDelimiter && type !== OBU.tileList;
}

/**
 * OBUs of different layers may not share a payload (§5). Those without a layer of their own go before the layer that
 * follows, unless they stand within one.
 */
function groupByLayer(obus: readonly ObuRange[]): ObuRange[][] {
  const groups: ObuRange[][] = [];
  let group: ObuRange[] = [];
  let layer: ObuRange | null = null;
  let unlayered: ObuRange[] = []; // since the last OBU of a layer
  for (const obu of obus) {
    if (!obu.hasExtension) {
      unlayered.push(obu);
      continue;
    }
    if (layer !== null && (layer.spatialLayer !== obu.spatialLayer || layer.temporalLayer !== obu.temporalLayer)) {
      groups.push(group);
      group = [];
    }
    group.push(...unlayered, obu);
    unlayered = [];
    layer = obu;
  }
  groups.push([...group, ...unlayered]);
  return groups;
}

/** The layers of a temporal unit; each part begins where the one before ends. */
function layerFramesOf(frame: Uint8Array, obus: readonly ObuRange[]): LayerFrame[] {
  const groups = groupByLayer(obus);
  return groups.map((group, i) => ({
    length: (groups[i + 1]?.at(0)?.start ?? frame.length) - (i === 0 ? 0 : group[0]!.start),
    spatialLayer: group.find((obu) => obu.hasExtension)?.spatialLayer ?? 0,
  }));
}

/** A whole OBU, or a part of one, as it will stand in a payload. Offsets count its header (without size) and payload. */
type Element = { readonly obu: ObuRange; readonly from: number; readonly to: number };

function obuLength(obu: ObuRange): number {
  return obu.headerLength + obu.end - obu.payloadStart;
}

/**
 * Fills payloads of at most `limit` bytes with OBUs and pieces of them, and says how many there are. With `emit`, hands
 * over the elements of each.
 */
function plan(obus: readonly ObuRange[], limit: number, emit: ((elements: Element[]) => void) | null): number {
  let payloads = 0;
  let elements: Element[] = [];
  let count = 0; // elements in the payload
  let used = 1; // the aggregation header, and all elements with the lengths they need so far
  let lastLength = 0;
  const close = (): void => {
    payloads++;
    emit?.(elements);
    elements = [];
    count = 0;
    used = 1;
  };
  for (const obu of obus) {
    const length = obuLength(obu);
    for (let from = 0; from < length; ) {
      const rest = length - from;
      const before = count > 0 && count <= MAX_COUNTED_ELEMENTS ? leb128Size(lastLength) : 0;
      const needsLength = count >= MAX_COUNTED_ELEMENTS;
      const room = limit - used - before;
      const fits = needsLength ? fitWithLength(room) : room;
      if (rest > fits && count > 0 && fits < MIN_FRAGMENT) {
        close();
        continue;
      }
      const taken = Math.min(rest, fits);
      if (emit) elements.push({ obu, from, to: from + taken });
      used += before + taken + (needsLength ? leb128Size(taken) : 0);
      lastLength = taken;
      count++;
      from += taken;
      if (from < length) close();
    }
  }
  if (count > 0) close();
  return payloads;
}

/** The longest element that fits `room` together with its length. */
function fitWithLength(room: number): number {
  let fits = room - 1;
  while (fits > 0 && fits + leb128Size(fits) > room) fits--;
  return Math.max(0, fits);
}

/** The smallest limit that needs no more than `count` payloads, so that none is much smaller than the others. */
function evenLimit(obus: readonly ObuRange[], maxPayloadLength: number, count: number): number {
  let total = 0;
  for (const obu of obus) total += obuLength(obu);
  let low = Math.max(MIN_PAYLOAD_LENGTH, Math.floor(total / count));
  let high = maxPayloadLength;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (plan(obus, middle, null) <= count) high = middle;
    else low = middle + 1;
  }
  return plan(obus, high, null) === count ? high : maxPayloadLength;
}

function payloadLength(elements: readonly Element[]): number {
  const hasAllLengths = elements.length > MAX_COUNTED_ELEMENTS;
  let length = 1;
  for (let i = 0; i < elements.length; i++) {
    const { from, to } = elements[i]!;
    if (hasAllLengths || i + 1 < elements.length) length += leb128Size(to - from);
    length += to - from;
  }
  return length;
}

function writePayload(
  payload: Uint8Array,
  data: Uint8Array,
  elements: readonly Element[],
  startsSequence: boolean,
): void {
  const hasAllLengths = elements.length > MAX_COUNTED_ELEMENTS;
  const last = elements.at(-1)!;
  payload[0] =
    (elements[0]!.from > 0 ? Z : 0) |
    (last.to < obuLength(last.obu) ? Y : 0) |
    (hasAllLengths ? 0 : elements.length << W_SHIFT) |
    (startsSequence ? N : 0);
  let at = 1;
  for (let i = 0; i < elements.length; i++) {
    const { obu, from, to } = elements[i]!;
    if (hasAllLengths || i + 1 < elements.length) at = writeLeb128(payload, at, to - from);
    // "the obu_has_size_field flag SHOULD be set to zero in all OBUs" (§4.5)
    const { headerLength } = obu;
    if (from === 0) payload[at++] = data[obu.start]! & ~OBU_HAS_SIZE;
    if (headerLength === 2 && from <= 1 && to > 1) payload[at++] = data[obu.start + 1]!;
    const start = obu.payloadStart + Math.max(0, from - headerLength);
    const end = obu.payloadStart + Math.max(0, to - headerLength);
    payload.set(data.subarray(start, end), at);
    at += end - start;
  }
}

/** Start and end of each element, in pairs; `null` where lengths run past the end, or nothing has any bytes. */
function readElements(payload: Uint8Array): number[] | null {
  const header = payload[0];
  if (header === undefined) return null;
  const counted = (header >> W_SHIFT) & 3;
  if ((header & N) !== 0 && (header & Z) !== 0) return null; // "if N equals 1 then Z must equal 0"
  const elements: number[] = [];
  let isEmpty = true;
  let at = 1;
  for (let i = 1; counted === 0 ? at < payload.length : i <= counted; i++) {
    let length = payload.length - at;
    if (i !== counted) {
      const sizeLength = leb128Length(payload, at);
      if (sizeLength === 0) return null;
      length = readLeb128(payload, at);
      at += sizeLength;
      if (length > payload.length - at) return null;
    }
    isEmpty &&= length === 0;
    elements.push(at, at + length);
    at += length;
  }
  return isEmpty ? null : elements;
}

/** The OBU that begins at `start`, whole or not, in the terms of `ObuRange`. */
function readElementHeader(payload: Uint8Array, start: number, end: number): ObuRange | null {
  const header = payload[start]!;
  if ((header & 0x80) !== 0) return null;
  const within = payload.subarray(0, end);
  const whole = readObu(within, start);
  if (whole !== null) return whole;
  // A first piece: it may end within its header, and a size field, where there is one, counts what is still to come.
  const headerLength = (header & OBU_HAS_EXTENSION) !== 0 ? 2 : 1;
  const hasExtension = headerLength === 2 && start + 1 < end;
  const extension = hasExtension ? payload[start + 1]! : 0;
  return {
    type: (header >> 3) & 0xf,
    start,
    headerLength,
    payloadStart: Math.min(end, start + headerLength + leb128Length(within, start + headerLength)),
    end,
    hasExtension,
    temporalLayer: extension >> 5,
    spatialLayer: (extension >> 3) & 3,
  };
}

type ObuPieces = { readonly pieces: Uint8Array[]; length: number };

/** The OBUs with a size field each; `null` where one contradicts itself, or none is left. */
function joinObus(obus: readonly ObuPieces[]): Uint8Array | null {
  const ranges: ObuRange[] = [];
  const sources: Uint8Array[] = [];
  let length = 0;
  for (const { pieces, length: pieceLength } of obus) {
    if (pieceLength === 0) continue;
    const source = pieces.length === 1 ? pieces[0]! : concatPieces(pieces, pieceLength);
    const obu = readObu(source, 0);
    if (obu === null) return null;
    if (!travels(obu.type)) continue;
    ranges.push(obu);
    sources.push(source);
    const size = obu.end - obu.payloadStart;
    length += obu.headerLength + leb128Size(size) + size;
  }
  if (ranges.length === 0) return null;
  const data = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < ranges.length; i++) {
    const { headerLength, payloadStart, end } = ranges[i]!;
    const source = sources[i]!;
    data[at] = source[0]! | OBU_HAS_SIZE;
    if (headerLength === 2) data[at + 1] = source[1]!;
    at = writeLeb128(data, at + headerLength, end - payloadStart);
    data.set(source.subarray(payloadStart, end), at);
    at += end - payloadStart;
  }
  return data;
}

function concatPieces(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/**
 * A key frame starts a coded video sequence: a sequence header, and behind it a frame that is shown and of the type of
 * key frames (AV1 §7.5).
 */
function describeObus(data: Uint8Array, obus: readonly ObuRange[]): { isKeyFrame: boolean; metadata: FrameMetadata } {
  let size: FrameMetadata | undefined;
  let layer: FrameMetadata | undefined;
  let isReduced = false;
  let isKeyFrame: boolean | undefined;
  for (const obu of obus) {
    const payload = data.subarray(obu.payloadStart, obu.end);
    if (obu.type === OBU.sequenceHeader && size === undefined) {
      const header = readAv1SequenceHeader(payload);
      if (header === null) continue;
      size = { width: header.width, height: header.height };
      isReduced = header.isReducedStillPictureHeader;
    } else if (isKeyFrame === undefined && (obu.type === OBU.frame || obu.type === OBU.frameHeader)) {
      const header = readAv1FrameHeader(payload, isReduced);
      const isKey = header?.isKeyFrame && header.isShown;
      isKeyFrame = size !== undefined && isKey === true;
    }
    if (obu.hasExtension && layer === undefined) {
      layer = { temporalLayer: obu.temporalLayer, spatialLayer: obu.spatialLayer };
    }
  }
  return { isKeyFrame: isKeyFrame ?? false, metadata: { ...layer, ...size } };
}
