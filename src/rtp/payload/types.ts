/**
 * What every RTP payload format does: frames of a codec into payloads, and payloads back into frames.
 *
 * Formats keep no time and no sequence numbers. Which packets belong together (one timestamp, consecutive sequence
 * numbers, from the one that starts a frame to the one that ends it) is decided by the caller, with what `inspect` says
 * of each payload, so loss is found by sequence numbers and never guessed from content.
 */

/** One frame as its codec made it: a picture, or a packet of sound. */
export type EncodedFrame = {
  readonly data: Uint8Array;
  /** Whether it can be decoded without any frame before it. Always true for sound. */
  readonly isKeyFrame: boolean;
  /** What travels beside the bytes in some formats; a packetizer uses what it knows. */
  readonly metadata?: FrameMetadata;
};

/** Layers and references of a frame, as far as its format tells or needs them. */
export type FrameMetadata = {
  /** VP8, VP9: counts pictures, modulo 2^15 (RFC 7741 §4.2, RFC 9628 §4.2). */
  readonly pictureId?: number;
  readonly temporalLayer?: number;
  readonly spatialLayer?: number;
  /** VP8, VP9: counts frames of the base temporal layer, modulo 256. */
  readonly tl0PictureIndex?: number;
  /** Whether a switch up to this temporal layer is possible here. */
  readonly isSwitchPoint?: boolean;
  /** Whether no later frame refers to this one. */
  readonly isDiscardable?: boolean;
  /** VP8: counts key frames, modulo 32 (KEYIDX). */
  readonly keyFrameIndex?: number;
  /**
   * VP9 in flexible mode: how many pictures back each picture is that this one refers to, 1 … 127 (P_DIFF), at most three;
   * empty where it refers to none. Left out, the mode is not flexible.
   */
  readonly pictureReferences?: readonly number[];
  /** VP9: the layers and the pattern of the stream, from here on (RFC 9628 §4.2.1). */
  readonly scalability?: Vp9ScalabilityStructure;
  /** VP9: the frames that a picture of several spatial layers is made of, in their order. */
  readonly layerFrames?: readonly LayerFrame[];
  readonly width?: number;
  readonly height?: number;
};

/** One spatial layer's part of a picture. */
export type LayerFrame = {
  /** Bytes; the layer frames of a picture follow one another and fill its data. */
  readonly length: number;
  readonly spatialLayer: number;
  /** Whether it refers to pictures before this one; unless told otherwise, where the picture is no key frame. */
  readonly isInterPicturePredicted?: boolean;
  /** Whether it is predicted from the layer below in this picture; unless told otherwise, where there is one. */
  readonly usesLayerBelow?: boolean;
  /** Whether no layer above uses it, in this picture or the next ones. */
  readonly isUnusedAbove?: boolean;
  readonly pictureReferences?: readonly number[];
};

/** The scalability structure (SS) of a VP9 stream. */
export type Vp9ScalabilityStructure = {
  /** 1 … 8. */
  readonly spatialLayers: number;
  /** Of each spatial layer. */
  readonly resolutions?: readonly { readonly width: number; readonly height: number }[];
  /** The pictures of the group that repeats (non-flexible mode), at most 255. */
  readonly pictureGroup?: readonly Vp9GroupPicture[];
};

export type Vp9GroupPicture = {
  readonly temporalLayer: number;
  readonly isSwitchPoint: boolean;
  /** How many pictures back each picture is that this one refers to; at most three. */
  readonly references: readonly number[];
};

/** What one payload says of itself. */
export type PayloadInfo = {
  /** Whether a frame can begin with this payload. */
  readonly startsFrame: boolean;
  /**
   * Set where the payload may as well go on with a frame that began before: it starts one only when the packet before it
   * was of another frame (had another timestamp, or ended its frame).
   */
  readonly isStartUncertain?: boolean;
  /** Whether the frame ends with it, where the format says so itself; `undefined` where the marker bit says it. */
  readonly endsFrame?: boolean;
  /** Whether it belongs to a key frame, as far as one payload can tell; counts on a payload that starts a frame. */
  readonly isKeyFrame: boolean;
  readonly metadata?: FrameMetadata;
};

/**
 * Makes the room for one payload: `length` bytes to fill, all of them, before the next call. `isLast` closes the frame,
 * which in most formats of video sets the marker bit. For frames of several spatial layers, `layer` counts the layers'
 * parts from 0 and `endsLayer` closes one: what a dependency descriptor needs to know. Without them there is one part.
 */
export type OpenPayload = (length: number, isLast: boolean, layer?: number, endsLayer?: boolean) => Uint8Array;

export interface PayloadFormat {
  /**
   * Cuts a frame into payloads of at most `maxPayloadLength` bytes each, in order.
   * Says `false`, and opens no payload, for a frame that is not of this codec.
   * @throws RangeError when `maxPayloadLength` leaves no room for content
   */
  packetize(frame: EncodedFrame, maxPayloadLength: number, open: OpenPayload): boolean;
  /** Looks at one payload by itself; `null` for one that is malformed. Never throws. */
  inspect(payload: Uint8Array): PayloadInfo | null;
  /**
   * The frame made of all its payloads, in order; `null` when they do not fit together. Never throws.
   * The payloads may be views: the frame is a copy, except where one payload is the frame.
   */
  assemble(payloads: readonly Uint8Array[]): EncodedFrame | null;
}
