/** Who is heard: the sources that a receiver's packets name (WebRTC §5.3, `getContributingSources` and its twin). */
import {
  audioLevelExtension,
  type ExtensionMap,
  linearAudioLevel,
  mixerAudioLevelExtension,
  type RtpPacket,
} from '../rtp/index.ts';

/** "in the last 10 seconds". */
const WINDOW_MS = 10_000;
/** Bound: a peer may name up to 15 contributing sources in each packet. Past this, the one that was silent longest goes. */
export const MAX_SOURCES = 256;

export interface RTCRtpContributingSource {
  /** When it was last heard, as `performance.timeOrigin + performance.now()` was then. */
  timestamp: number;
  /** CSRC, or SSRC. */
  source: number;
  /** 0 for silence to 1; absent where packets do not tell (RFC 6464, RFC 6465). */
  audioLevel?: number;
  rtpTimestamp: number;
}

export interface RTCRtpSynchronizationSource extends RTCRtpContributingSource {}

type Heard = { at: number; rtpTimestamp: number; audioLevel: number | null };

export class RtpSources {
  readonly #kind: 'audio' | 'video';
  readonly #contributing = new Map<number, Heard>();
  readonly #synchronization = new Map<number, Heard>();

  constructor(kind: 'audio' | 'video') {
    this.#kind = kind;
  }

  /** Content of this packet goes to the track at `now`. */
  note(packet: RtpPacket, extensions: ExtensionMap, now: number): void {
    const { timestamp, csrcCount } = packet;
    const isAudio = this.#kind === 'audio';
    const told = isAudio ? extensions.read(packet, audioLevelExtension) : null;
    hear(this.#synchronization, packet.ssrc, timestamp, told === null ? null : linearAudioLevel(told.level), now);
    if (csrcCount === 0) return;
    const levels = isAudio ? extensions.read(packet, mixerAudioLevelExtension) : null;
    for (let i = 0; i < csrcCount; i++) {
      const level = levels?.[i];
      hear(this.#contributing, packet.csrc(i), timestamp, level === undefined ? null : linearAudioLevel(level), now);
    }
  }

  /** @param now on the clock of `note`; @param wallClock what `timestamp` is to say for it */
  contributing(now: number, wallClock: number): RTCRtpContributingSource[] {
    return list(this.#contributing, now, wallClock);
  }

  synchronization(now: number, wallClock: number): RTCRtpSynchronizationSource[] {
    return list(this.#synchronization, now, wallClock);
  }
}

function hear(
  sources: Map<number, Heard>,
  source: number,
  rtpTimestamp: number,
  audioLevel: number | null,
  at: number,
): void {
  const known = sources.get(source);
  if (known !== undefined) {
    known.at = at;
    known.rtpTimestamp = rtpTimestamp;
    known.audioLevel = audioLevel;
    return;
  }
  if (sources.size >= MAX_SOURCES) {
    const oldest = [...sources].reduce((a, b) => (b[1].at < a[1].at ? b : a));
    sources.delete(oldest[0]);
  }
  sources.set(source, { at, rtpTimestamp, audioLevel });
}

/** "In descending timestamp order." What is older than the window is forgotten. */
function list(sources: Map<number, Heard>, now: number, wallClock: number): RTCRtpContributingSource[] {
  for (const [source, { at }] of sources) if (now - at > WINDOW_MS) sources.delete(source);
  return [...sources]
    .sort(([, a], [, b]) => b.at - a.at)
    .map(([source, { at, rtpTimestamp, audioLevel }]) => ({
      timestamp: wallClock - (now - at),
      source,
      ...(audioLevel !== null && { audioLevel }),
      rtpTimestamp,
    }));
}
