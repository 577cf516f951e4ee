/**
 * A sequence number over all streams of a transport, for congestion control: draft-holmer-rmcat-transport-wide-cc-
 * extensions-01 §2, and its second version, in which the sender asks for feedback.
 */
import { setU16, u16 } from '../../binary/bytes.ts';
import { TRANSPORT_CC_URI } from '../codecs.ts';
import type { HeaderExtension } from './header-extension.ts';

export const transportSequenceExtension: HeaderExtension<number> = {
  uri: TRANSPORT_CC_URI,
  length: () => 2,
  write: (value, bytes, at) => setU16(bytes, at, value),
  read: (bytes, start, end) => (end - start === 2 ? u16(bytes, start) : null),
};

const WITH_TIMING = 0x8000;
const MAX_SEQUENCE_COUNT = 0x7fff;

export type TransportSequenceRequest = {
  readonly sequenceNumber: number;
  /** Feedback is wanted now, of so many packets up to and with this one. */
  readonly feedback?: {
    /** 1 … 32,767. */
    readonly sequenceCount: number;
    /** Whether it shall tell arrival times too. */
    readonly withTiming: boolean;
  };
};

export const transportSequenceV2Extension: HeaderExtension<TransportSequenceRequest> = {
  uri: 'http://www.webrtc.org/experiments/rtp-hdrext/transport-wide-cc-02',
  length: ({ feedback }) => (feedback === undefined ? 2 : 4),
  write({ sequenceNumber, feedback }, bytes, at) {
    setU16(bytes, at, sequenceNumber);
    if (feedback === undefined) return;
    const count = Math.min(feedback.sequenceCount, MAX_SEQUENCE_COUNT);
    setU16(bytes, at + 2, (feedback.withTiming ? WITH_TIMING : 0) | count);
  },
  read(bytes, start, end) {
    const length = end - start;
    if (length !== 2 && length !== 4) return null;
    const sequenceNumber = u16(bytes, start);
    const request = length === 4 ? u16(bytes, start + 2) : 0;
    const sequenceCount = request & MAX_SEQUENCE_COUNT;
    // No packets asked for: no feedback asked for.
    if (sequenceCount === 0) return { sequenceNumber };
    return { sequenceNumber, feedback: { sequenceCount, withTiming: (request & WITH_TIMING) !== 0 } };
  },
};
