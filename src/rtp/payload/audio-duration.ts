/** How long a packet of sound lasts, from its bytes alone. */
import { OPUS_CLOCK_RATE, opusPacketDuration } from './opus.ts';

/**
 * The duration of a packet in units of its RTP clock: how far the next timestamp is. 0 where the bytes do not tell
 * (CN, telephone-event, malformed packets).
 *
 * G.722 takes 16,000 samples a second and has an RTP clock of 8000, "erroneously" and for good (RFC 3551 §4.5.2): a
 * byte is two samples and one unit.
 */
export function audioPacketDuration(mimeType: string, packet: Uint8Array, channels = 1): number {
  switch (mimeType.toLowerCase()) {
    case 'audio/opus':
      return opusPacketDuration(packet);
    case 'audio/pcmu':
    case 'audio/pcma':
    case 'audio/g722':
      return Math.floor(packet.length / channels);
    case 'audio/l16':
      return Math.floor(packet.length / (2 * channels));
    default:
      return 0;
  }
}

/** The RTP clock of a codec that has only one; `undefined` for L16, CN and telephone-event, which have any. */
export function audioClockRate(mimeType: string): number | undefined {
  switch (mimeType.toLowerCase()) {
    case 'audio/opus':
      return OPUS_CLOCK_RATE;
    case 'audio/pcmu':
    case 'audio/pcma':
    case 'audio/g722':
      return 8000;
    default:
      return undefined;
  }
}
