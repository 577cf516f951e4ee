/** Measures tones in samples. */

/** The strongest frequency between 50 and 2000 Hz, in steps of 10. */
export function strongestFrequency(samples: Int16Array, sampleRate: number): number {
  let best = { frequency: 0, power: 0 };
  for (let frequency = 50; frequency <= 2_000; frequency += 10) {
    const power = powerAt(samples, sampleRate, frequency);
    if (power > best.power) best = { frequency, power };
  }
  return best.frequency;
}

/** Goertzel's algorithm: how much of one frequency there is. */
function powerAt(samples: Int16Array, sampleRate: number, frequency: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * frequency) / sampleRate);
  let [one, two] = [0, 0];
  for (const sample of samples) [one, two] = [sample + coefficient * one - two, one];
  return one * one + two * two - coefficient * one * two;
}
