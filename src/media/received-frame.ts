/** Frames that were put together of RTP packets, as everything behind a track takes them. */
import type { ReceivedFrame } from '../rtp/jitter/jitter-buffer.ts';
import type { TimestampUnwrapper } from '../rtp/sequence.ts';
import type { EncodedMediaFrame } from './encoded-frame.ts';

const MICROSECONDS_PER_SECOND = 1_000_000;

/** @param clock of this stream */
export function toMediaFrame(
  { frame, timestamp }: ReceivedFrame,
  clock: TimestampUnwrapper,
  clockRate: number,
  captureTimeMs: number | null,
): EncodedMediaFrame {
  return {
    type: frame.isKeyFrame ? 'key' : 'delta',
    timestamp: Math.round((clock.unwrap(timestamp) * MICROSECONDS_PER_SECOND) / clockRate),
    data: frame.data,
    ...(captureTimeMs !== null && { captureTimeMs }),
    ...(frame.metadata && { metadata: frame.metadata }),
  };
}
