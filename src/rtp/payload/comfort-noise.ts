/** Comfort noise, CN (RFC 3389): how loud the silence is, and its spectrum as reflection coefficients. */

/** RFC 3389 §3.1: 7 bits. */
const MAX_LEVEL = 127;
/** RFC 3389 §3.2: k = 258 (N - 127) / 32768. */
const STEP = 258 / 32_768;
const ZERO_INDEX = 127;
/** "N = 255 is reserved". */
const MAX_INDEX = 254;

export type ComfortNoise = {
  /** In dBov below overload: 0 is as loud as can be, 127 silent. */
  readonly level: number;
  /** Reflection coefficients, each between -1 and 1; none for white noise. */
  readonly reflectionCoefficients: readonly number[];
};

/** @throws RangeError for a level or a coefficient out of its range */
export function encodeComfortNoise(noise: ComfortNoise): Uint8Array {
  const { level, reflectionCoefficients } = noise;
  if (!Number.isInteger(level) || level < 0 || level > MAX_LEVEL) {
    throw new RangeError(`expected a level of 0 to ${MAX_LEVEL} -dBov, got ${level}`);
  }
  return Uint8Array.of(
    level,
    ...reflectionCoefficients.map((coefficient) => {
      if (!(Math.abs(coefficient) <= 1)) throw new RangeError(`expected coefficients from -1 to 1, got ${coefficient}`);
      return Math.min(Math.max(Math.round(coefficient / STEP) + ZERO_INDEX, 0), MAX_INDEX);
    }),
  );
}

/** `null` for an empty payload, or one with reserved values. */
export function decodeComfortNoise(payload: Uint8Array): ComfortNoise | null {
  if (payload.length === 0 || payload[0]! > MAX_LEVEL || payload.includes(MAX_INDEX + 1, 1)) return null;
  return {
    level: payload[0]!,
    reflectionCoefficients: Array.from(payload.subarray(1), (index) => STEP * (index - ZERO_INDEX)),
  };
}
