/** The head of a VP8 frame (RFC 6386 §9.1): what a payload format, a file or a statistic wants to know of it. */

export type Vp8FrameHeader = {
  readonly isKeyFrame: boolean;
  /** Bitstream version, 0 … 3 in what the RFC defines. */
  readonly version: number;
  readonly isShown: boolean;
  /** Bytes of the partition with modes and motion vectors. */
  readonly firstPartitionLength: number;
  /** Of key frames; pixels before any scaling. */
  readonly width?: number;
  readonly height?: number;
};

const INTER_HEADER_LENGTH = 3; // RFC 6386 §9.1
const KEY_HEADER_LENGTH = 10;

/** Reads the start of a frame, or `null` where it is too short, or a key frame without its start code. */
export function readVp8FrameHeader(frame: Uint8Array): Vp8FrameHeader | null {
  if (frame.length < INTER_HEADER_LENGTH) return null;
  const tag = frame[0]! | (frame[1]! << 8) | (frame[2]! << 16);
  const common = { version: (tag >> 1) & 7, isShown: (tag & 0x10) !== 0, firstPartitionLength: tag >> 5 };
  if ((tag & 1) !== 0) return { isKeyFrame: false, ...common };
  if (frame.length < KEY_HEADER_LENGTH) return null;
  if (frame[3] !== 0x9d || frame[4] !== 0x01 || frame[5] !== 0x2a) return null;
  // 14 bits each, little-endian; the two bits above ask the player to scale up.
  const width = (frame[6]! | (frame[7]! << 8)) & 0x3fff;
  const height = (frame[8]! | (frame[9]! << 8)) & 0x3fff;
  return { isKeyFrame: true, ...common, width, height };
}
