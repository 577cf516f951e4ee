/**
 * G.711, PCMU and PCMA (RFC 3551 §4.5.14): 8,000 samples a second, a byte each. A sample is the sign, a segment of three
 * bits and a step of four in it; μ-law is inverted as a whole, A-law in every other bit. Levels are those of 16-bit PCM.
 */

/** Added before the logarithm is taken, so that the first segment begins at a power of two. */
const MU_LAW_BIAS = 0x84;
const MU_LAW_CLIP = 0x7fff - MU_LAW_BIAS;
const SIGN = 0x80;
const A_LAW_INVERSION = 0x55;

const MU_LAW_LEVELS: Int16Array = Int16Array.from({ length: 256 }, (_, code) => muLawLevel(code));
const A_LAW_LEVELS: Int16Array = Int16Array.from({ length: 256 }, (_, code) => aLawLevel(code));

/** PCM of 16 bits to μ-law. */
export function encodePcmu(samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i]!;
    const magnitude = Math.min(Math.abs(sample), MU_LAW_CLIP) + MU_LAW_BIAS; // 0x84 … 0x7fff
    const segment = 24 - Math.clz32(magnitude); // where its highest bit is, from bit 7 on
    bytes[i] = ~((sample < 0 ? SIGN : 0) | (segment << 4) | ((magnitude >> (segment + 3)) & 0xf));
  }
  return bytes;
}

/** μ-law to PCM of 16 bits. */
export function decodePcmu(bytes: Uint8Array): Int16Array {
  return Int16Array.from(bytes, (code) => MU_LAW_LEVELS[code]!);
}

/** PCM of 16 bits to A-law. */
export function encodePcma(samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i]!;
    const magnitude = sample < 0 ? ~sample : sample; // -1 is the first level below zero, as 0 is the first above
    const segment = Math.max(24 - Math.clz32(magnitude), 0); // the first two segments have steps of one size
    const code = (segment << 4) | ((magnitude >> (segment === 0 ? 4 : segment + 3)) & 0xf);
    bytes[i] = ((sample < 0 ? 0 : SIGN) | code) ^ A_LAW_INVERSION;
  }
  return bytes;
}

/** A-law to PCM of 16 bits. */
export function decodePcma(bytes: Uint8Array): Int16Array {
  return Int16Array.from(bytes, (code) => A_LAW_LEVELS[code]!);
}

/** The middle of the step that a code stands for. */
function muLawLevel(code: number): number {
  const bits = ~code;
  const magnitude = ((((bits & 0xf) << 3) + MU_LAW_BIAS) << ((bits >> 4) & 7)) - MU_LAW_BIAS;
  return (bits & SIGN) !== 0 ? -magnitude : magnitude;
}

function aLawLevel(code: number): number {
  const bits = code ^ A_LAW_INVERSION;
  const segment = (bits >> 4) & 7;
  const step = ((bits & 0xf) << 4) + 8;
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1);
  return (bits & SIGN) !== 0 ? magnitude : -magnitude;
}
