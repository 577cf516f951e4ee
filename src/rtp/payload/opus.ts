/** Opus (RFC 7587): what the first byte of a packet, its table of contents, says (RFC 6716 §3.1). */

/** RFC 7587 §4.1: the RTP clock of Opus, whatever it was sampled at. */
export const OPUS_CLOCK_RATE = 48_000;
/** RFC 6716 §3.2.5, R5: "the audio duration contained within a packet MUST NOT exceed 120 ms". */
const MAX_DURATION = 5760;

/** Samples at 48,000 Hz in a frame, by the two low bits of the configuration (RFC 6716 table 2). */
const SILK_SAMPLES = [480, 960, 1920, 2880] as const;
const HYBRID_SAMPLES = [480, 960] as const;
const CELT_SAMPLES = [120, 240, 480, 960] as const;

export type OpusPacketInfo = {
  readonly mode: 'silk' | 'hybrid' | 'celt';
  readonly channels: 1 | 2;
  readonly frames: number;
  /** Of the whole packet, in samples at 48,000 Hz: units of the RTP timestamp. */
  readonly duration: number;
};

/** What a packet says of itself; `null` when it is malformed. */
export function parseOpusPacket(packet: Uint8Array): OpusPacketInfo | null {
  if (packet.length === 0) return null;
  const toc = packet[0]!;
  const configuration = toc >> 3;
  const frames = frameCount(packet);
  const [mode, samples] = modeOf(configuration);
  const duration = frames * samples;
  if (frames === 0 || duration > MAX_DURATION) return null;
  return { mode, channels: (toc & 4) !== 0 ? 2 : 1, frames, duration };
}

/** The duration of a packet in samples at 48,000 Hz; 0 when it is malformed. */
export function opusPacketDuration(packet: Uint8Array): number {
  return parseOpusPacket(packet)?.duration ?? 0;
}

function modeOf(configuration: number): ['silk' | 'hybrid' | 'celt', number] {
  if (configuration < 12) return ['silk', SILK_SAMPLES[configuration & 3]!];
  if (configuration < 16) return ['hybrid', HYBRID_SAMPLES[configuration & 1]!];
  return ['celt', CELT_SAMPLES[configuration & 3]!];
}

/** RFC 6716 §3.2: one frame, two, or as many as the second byte says. */
function frameCount(packet: Uint8Array): number {
  const code = packet[0]! & 3;
  if (code === 0) return 1;
  if (code < 3) return 2;
  return packet.length > 1 ? packet[1]! & 0x3f : 0;
}
