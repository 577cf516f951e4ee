/** How loud a packet of sound is: one voice to a mixer (RFC 6464), all the mixer's voices to a client (RFC 6465). */
import { RTP } from '../packet.ts';
import type { HeaderExtension } from './header-extension.ts';

const VOICE_ACTIVITY = 0x80;
const LEVEL_MASK = 0x7f;
/** Digital silence (RFC 6464 §3). */
export const SILENCE_LEVEL = 127;

/** The level on a linear scale, 1 for the loudest there is and 0 for silence: as WebRTC §5.3 has it (`audioLevel`). */
export function linearAudioLevel(level: number): number {
  return level >= SILENCE_LEVEL ? 0 : 10 ** (-level / 20);
}

export type AudioLevel = {
  /** Level in -dBov: 0 is the loudest there is, 127 silence. */
  readonly level: number;
  /** Whether the encoder hears a voice. Says nothing where `vad=off` was negotiated. */
  readonly voiceActivity: boolean;
};

export const audioLevelExtension: HeaderExtension<AudioLevel> = {
  uri: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  length: () => 1,
  write({ level, voiceActivity }, bytes, at) {
    bytes[at] = (voiceActivity ? VOICE_ACTIVITY : 0) | (level & LEVEL_MASK);
  },
  read(bytes, start, end) {
    // One byte; some senders of two-byte headers pad the element to two.
    if (end - start !== 1 && end - start !== 2) return null;
    const byte = bytes[start]!;
    return { level: byte & LEVEL_MASK, voiceActivity: (byte & VOICE_ACTIVITY) !== 0 };
  },
};

/** The level in -dBov of each contributing source, in the order of the CSRC list. */
export const mixerAudioLevelExtension: HeaderExtension<readonly number[]> = {
  uri: 'urn:ietf:params:rtp-hdrext:csrc-audio-level',
  length: (levels) => Math.min(levels.length, RTP.maxCsrcs),
  write(levels, bytes, at) {
    for (let i = 0; i < levels.length && i < RTP.maxCsrcs; i++) bytes[at + i] = levels[i]! & LEVEL_MASK;
  },
  read(bytes, start, end) {
    // RFC 6465 §3: "MUST NOT include more than 15 audio level values".
    if (end - start > RTP.maxCsrcs) return null;
    const levels: number[] = [];
    for (let i = start; i < end; i++) levels.push(bytes[i]! & LEVEL_MASK);
    return levels;
  },
};
