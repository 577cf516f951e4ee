/** Coordination of video orientation (3GPP TS 26.114 §7.4.5), in its version of two rotation bits: `0 0 0 0 C F R1 R0`. */
import type { HeaderExtension } from './header-extension.ts';

const BACK_CAMERA = 0x08;
const FLIP = 0x04;

export type VideoOrientation = {
  /** Degrees to turn the picture clockwise before it is shown. */
  readonly rotation: 0 | 90 | 180 | 270;
  /** Whether the picture is mirrored horizontally. */
  readonly isFlipped: boolean;
  readonly isBackCamera: boolean;
};

const ROTATIONS = [0, 90, 180, 270] as const;

export const videoOrientationExtension: HeaderExtension<VideoOrientation> = {
  uri: 'urn:3gpp:video-orientation',
  length: () => 1,
  write({ rotation, isFlipped, isBackCamera }, bytes, at) {
    bytes[at] = (isBackCamera ? BACK_CAMERA : 0) | (isFlipped ? FLIP : 0) | (rotation / 90);
  },
  read(bytes, start, end) {
    if (end - start !== 1) return null;
    const byte = bytes[start]!;
    return {
      rotation: ROTATIONS[byte & 3]!,
      isFlipped: (byte & FLIP) !== 0,
      isBackCamera: (byte & BACK_CAMERA) !== 0,
    };
  },
};
