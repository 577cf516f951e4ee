/** Whether a frame can be decoded without any before it, by its own bytes. */
import { describeAv1Frame } from '../../rtp/payload/av1.ts';
import { describeH264Frame } from '../../rtp/payload/h264.ts';
import { describeH265Frame } from '../../rtp/payload/h265.ts';
import { describeVp8Frame } from '../../rtp/payload/vp8.ts';
import { describeVp9Frame } from '../../rtp/payload/vp9.ts';

/** `false` also for what is no frame of this codec; `true` for sound. */
export function isKeyFrame(mimeType: string, data: Uint8Array): boolean {
  switch (mimeType.toLowerCase()) {
    case 'video/vp8':
      return describeVp8Frame(data).isKeyFrame;
    case 'video/vp9':
      return describeVp9Frame(data).isKeyFrame;
    case 'video/av1':
      return describeAv1Frame(data)?.isKeyFrame ?? false;
    case 'video/h264':
      return describeH264Frame(data).isKeyFrame;
    case 'video/h265':
      return describeH265Frame(data).isKeyFrame;
    default:
      return mimeType.toLowerCase().startsWith('audio/');
  }
}
