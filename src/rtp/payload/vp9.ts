/**
 * VP9 (RFC 9628): a descriptor, and then a piece of the frame of one spatial layer. The layers' frames of one picture
 * share a timestamp and a PictureID, and the marker bit closes the picture; B and E bracket each layer's frame.
 *
 * A picture's data is its layers' frames one behind the other. VP9 frames do not say how long they are, so the lengths
 * travel beside the data, in `metadata.layerFrames`.
 */
import { readVp9FrameHeader } from './bitstream/vp9.ts';
import { evenCut } from './even-parts.ts';
import { joinPayloads } from './join-payloads.ts';
import type { EncodedFrame, FrameMetadata, LayerFrame, OpenPayload, PayloadFormat, PayloadInfo } from './types.ts';
import { readVp9Descriptor, VP9_B, VP9_E, type Vp9Descriptor, writeVp9Descriptor } from './vp9-descriptor.ts';

/** What the bytes of a frame tell of it; of a superframe, its first frame. */
export function describeVp9Frame(frame: Uint8Array): { isKeyFrame: boolean; metadata: FrameMetadata } {
  const header = readVp9FrameHeader(frame);
  if (header === null || header.width === undefined) return { isKeyFrame: false, metadata: {} };
  return { isKeyFrame: header.isKeyFrame, metadata: { width: header.width, height: header.height! } };
}

export class Vp9Format implements PayloadFormat {
  packetize(frame: EncodedFrame, maxPayloadLength: number, open: OpenPayload): boolean {
    const { data } = frame;
    if (data.length === 0) return false;
    const layers = frame.metadata?.layerFrames ?? [];
    checkLayerFrames(layers, data.length);
    const count = Math.max(1, layers.length);
    // All descriptors first: nothing may be opened before it is sure that all have room.
    const firsts: Uint8Array[] = [];
    const others: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      const descriptor = describeLayerFrame(frame, layers[i], i === 0);
      const other = writeVp9Descriptor({ ...descriptor, scalability: null });
      firsts.push(descriptor.scalability === null ? other : writeVp9Descriptor(descriptor));
      others.push(other);
      checkRoom(maxPayloadLength, firsts[i]!.length);
    }
    let start = 0;
    for (let i = 0; i < count; i++) {
      const end = layers.length > 0 ? start + layers[i]!.length : data.length;
      writeLayerFrame(data.subarray(start, end), firsts[i]!, others[i]!, maxPayloadLength, i, i === count - 1, open);
      start = end;
    }
    return true;
  }

  inspect(payload: Uint8Array): PayloadInfo | null {
    const descriptor = readVp9Descriptor(payload);
    if (descriptor === null) return null;
    // A layer that uses none below may be the lowest that was sent, or forwarded, of its picture.
    const isUpper = descriptor.layer !== null && descriptor.layer.spatialLayer > 0;
    const startsFrame = descriptor.startsLayerFrame && !(isUpper && descriptor.layer!.usesLayerBelow);
    const described = startsFrame ? describeVp9Frame(payload.subarray(descriptor.length)) : null;
    return {
      startsFrame,
      ...(startsFrame && isUpper && { isStartUncertain: true }),
      isKeyFrame: startsFrame ? isKeyPicture(descriptor, payload) : !descriptor.isInterPicturePredicted,
      metadata: metadataOf(descriptor, described?.metadata),
    };
  }

  assemble(payloads: readonly Uint8Array[]): EncodedFrame | null {
    const starts: number[] = [];
    const layers: LayerFrame[] = [];
    let first: Vp9Descriptor | null = null;
    let begun: Vp9Descriptor | null = null; // the layer's frame whose end is still to come
    let length = 0;
    for (const payload of payloads) {
      const descriptor = readVp9Descriptor(payload);
      if (descriptor === null || descriptor.startsLayerFrame !== (begun === null)) return null;
      first ??= descriptor;
      if (descriptor.pictureId !== first.pictureId) return null;
      const spatialLayer = descriptor.layer?.spatialLayer ?? 0;
      if (begun === null) {
        const below = layers.at(-1);
        if (below !== undefined && spatialLayer <= below.spatialLayer) return null;
        begun = descriptor;
      } else if (spatialLayer !== (begun.layer?.spatialLayer ?? 0)) {
        return null;
      }
      starts.push(descriptor.length);
      length += payload.length - descriptor.length;
      if (!descriptor.endsLayerFrame) continue;
      layers.push(layerFrameOf(begun, length));
      begun = null;
      length = 0;
    }
    if (first === null || begun !== null) return null;
    const data = joinPayloads(payloads, starts);
    const isKeyFrame = isKeyPicture(first, payloads[0]!);
    const size = isKeyFrame ? sizeOf(data, layers) : undefined;
    const metadata = { ...metadataOf(first, size), ...(layers.length > 1 && { layerFrames: layers }) };
    return { data, isKeyFrame, metadata };
  }
}

/**
 * Whether a picture that starts with this payload is a key frame. P says so for whoever cannot read the frame; but there
 * are senders that never set P (FFmpeg), and intra-only frames leave it at 0.
 */
function isKeyPicture(descriptor: Vp9Descriptor, payload: Uint8Array): boolean {
  if (descriptor.isInterPicturePredicted || (descriptor.layer?.spatialLayer ?? 0) > 0) return false;
  const header = readVp9FrameHeader(payload.subarray(descriptor.length));
  return header?.isKeyFrame ?? true;
}

/** The picture is as large as its highest layer, which tells its own size only on a key frame or in SS. */
function sizeOf(data: Uint8Array, layers: readonly LayerFrame[]): FrameMetadata | undefined {
  return layers.length > 1 ? undefined : describeVp9Frame(data).metadata;
}

/** The descriptor of a layer's frame, but for B and E. */
function describeLayerFrame(
  frame: EncodedFrame,
  layer: LayerFrame | undefined,
  isLowest: boolean,
): Omit<Vp9Descriptor, 'length'> {
  const metadata = frame.metadata ?? {};
  const { pictureId, temporalLayer, tl0PictureIndex } = metadata;
  const spatialLayer = layer?.spatialLayer ?? metadata.spatialLayer;
  const references = layer?.pictureReferences ?? metadata.pictureReferences;
  const hasLayers = temporalLayer !== undefined || spatialLayer !== undefined;
  return {
    pictureId: pictureId ?? null,
    pictureIdBits: 15,
    isInterPicturePredicted: layer?.isInterPicturePredicted ?? (!frame.isKeyFrame && references?.length !== 0),
    layer: hasLayers
      ? {
          temporalLayer: temporalLayer ?? 0,
          isSwitchPoint: metadata.isSwitchPoint ?? false,
          spatialLayer: spatialLayer ?? 0,
          usesLayerBelow: layer?.usesLayerBelow ?? !isLowest,
        }
      : null,
    isFlexible: references !== undefined,
    startsLayerFrame: false,
    endsLayerFrame: false,
    isUnusedAbove: layer?.isUnusedAbove ?? false,
    pictureReferences: references ?? [],
    tl0PictureIndex: tl0PictureIndex ?? null,
    // "SS data SHOULD be included in the first packet of every key frame", and of the base layer: others have none.
    scalability: isLowest ? (metadata.scalability ?? null) : null,
  };
}

function writeLayerFrame(
  data: Uint8Array,
  first: Uint8Array,
  other: Uint8Array,
  maxPayloadLength: number,
  layer: number,
  isLastLayer: boolean,
  open: OpenPayload,
): void {
  // Parts of even length, counted as if what the first descriptor has more were data before the frame.
  const extra = first.length - other.length;
  const total = extra + data.length;
  let count = Math.ceil(total / (maxPayloadLength - other.length));
  if (count > 1 && evenCut(total, count, 1) <= extra)
    count = 1 + Math.ceil(data.length / (maxPayloadLength - other.length));
  const firstEnd = count === 1 ? data.length : Math.max(1, evenCut(total, count, 1) - extra);
  for (let i = 0; i < count; i++) {
    const descriptor = i === 0 ? first : other;
    const start = i === 0 ? 0 : firstEnd + evenCut(data.length - firstEnd, count - 1, i - 1);
    const end = i === 0 ? firstEnd : firstEnd + evenCut(data.length - firstEnd, count - 1, i);
    const isEnd = i === count - 1;
    const payload = open(descriptor.length + end - start, isEnd && isLastLayer, layer, isEnd);
    payload.set(descriptor);
    payload[0]! |= (i === 0 ? VP9_B : 0) | (isEnd ? VP9_E : 0);
    payload.set(data.subarray(start, end), descriptor.length);
  }
}

function checkRoom(maxPayloadLength: number, descriptorLength: number): void {
  if (!(maxPayloadLength > descriptorLength)) {
    throw new RangeError(
      `expected room for more than ${descriptorLength} bytes of descriptor, got ${maxPayloadLength}`,
    );
  }
}

function checkLayerFrames(layers: readonly LayerFrame[], dataLength: number): void {
  if (layers.length === 0) return;
  let sum = 0;
  for (let i = 0; i < layers.length; i++) {
    const { length, spatialLayer } = layers[i]!;
    if (!(length > 0)) throw new RangeError(`expected layerFrames of 1 byte or more, got ${length}`);
    if (i > 0 && spatialLayer <= layers[i - 1]!.spatialLayer) {
      throw new RangeError('expected layerFrames in order of their spatialLayer, each once');
    }
    sum += length;
  }
  if (sum !== dataLength) throw new RangeError(`expected layerFrames that fill ${dataLength} bytes, got ${sum}`);
}

function layerFrameOf(descriptor: Vp9Descriptor, length: number): LayerFrame {
  return {
    length,
    spatialLayer: descriptor.layer?.spatialLayer ?? 0,
    isInterPicturePredicted: descriptor.isInterPicturePredicted,
    usesLayerBelow: descriptor.layer?.usesLayerBelow ?? false,
    ...(descriptor.isUnusedAbove && { isUnusedAbove: true }),
    ...(descriptor.isFlexible && { pictureReferences: descriptor.pictureReferences }),
  };
}

function metadataOf(descriptor: Vp9Descriptor, size: FrameMetadata | undefined): FrameMetadata {
  const { pictureId, layer, tl0PictureIndex, scalability } = descriptor;
  const largest = scalability?.resolutions?.at(-1);
  return {
    ...(pictureId !== null && { pictureId }),
    ...(layer !== null && {
      temporalLayer: layer.temporalLayer,
      isSwitchPoint: layer.isSwitchPoint,
      spatialLayer: layer.spatialLayer,
    }),
    ...(tl0PictureIndex !== null && { tl0PictureIndex }),
    ...(descriptor.isFlexible && { pictureReferences: descriptor.pictureReferences }),
    ...(scalability !== null && { scalability }),
    ...size,
    ...(largest !== undefined && { width: largest.width, height: largest.height }),
  };
}
