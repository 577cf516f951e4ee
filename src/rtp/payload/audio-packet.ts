/**
 * The payload formats of sound: a packet of the codec is the payload, whole. Which codec does not matter here, nor
 * whether the bytes were encrypted on the way (encoded transforms): nothing looks at them.
 *
 * RFC 7587 §4.2 (Opus), RFC 3551 §4.5 (PCMU, PCMA, G.722, L16), RFC 3389 §3 (CN), RFC 4733 §2.3 (telephone-event).
 */
import type { EncodedFrame, OpenPayload, PayloadFormat, PayloadInfo } from './types.ts';

const WHOLE_FRAME: PayloadInfo = { startsFrame: true, endsFrame: true, isKeyFrame: true };

/**
 * A packet cannot be cut: its parts would need timestamps of their own. One that is empty or too long is not taken, so
 * a source of PCM makes frames that fit (10 ms of stereo L16 at 48,000 Hz are 1,920 bytes, and do not).
 */
export const AUDIO_PACKET_FORMAT: PayloadFormat = {
  packetize(frame: EncodedFrame, maxPayloadLength: number, open: OpenPayload): boolean {
    if (!(maxPayloadLength >= 1)) throw new RangeError(`expected room for 1 byte or more, got ${maxPayloadLength}`);
    if (frame.data.length === 0 || frame.data.length > maxPayloadLength) return false;
    open(frame.data.length, true).set(frame.data);
    return true;
  },

  inspect(payload: Uint8Array): PayloadInfo | null {
    return payload.length > 0 ? WHOLE_FRAME : null;
  },

  assemble(payloads: readonly Uint8Array[]): EncodedFrame | null {
    const data = payloads[0];
    return payloads.length === 1 && data!.length > 0 ? { data: data!, isKeyFrame: true } : null;
  },
};
