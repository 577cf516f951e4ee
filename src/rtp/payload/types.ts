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
  readonly width?: number;
  readonly height?: number;
};

/** What one payload says of itself. */
export type PayloadInfo = {
  /** Whether a frame can begin with this payload. */
  readonly startsFrame: boolean;
  /** Whether the frame ends with it, where the format says so itself; `undefined` where the marker bit says it. */
  readonly endsFrame?: boolean;
  /** Whether it belongs to a key frame, as far as one payload can tell; counts on a payload that starts a frame. */
  readonly isKeyFrame: boolean;
  readonly metadata?: FrameMetadata;
};

/**
 * Makes the room for one payload: `length` bytes to fill, all of them, before the next call. `isLast` closes the frame,
 * which in most formats of video sets the marker bit.
 */
export type OpenPayload = (length: number, isLast: boolean) => Uint8Array;

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
