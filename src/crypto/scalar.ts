/** Private keys of the NIST curves, drawn from a `RandomSource`, so that every provider makes the same one. */
import { fromHex } from '../binary/bytes.ts';
import { type RandomSource, randomBytes } from '../machine.ts';
import type { EcdsaCurve } from './key-data.ts';

/** The order n of each base point (FIPS 186-4 §D.1.2.3, §D.1.2.4), big-endian. */
const ORDERS: Readonly<Record<EcdsaCurve, Uint8Array>> = {
  secp256r1: fromHex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'),
  secp384r1: fromHex(
    'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
  ),
};

/** Bound: one draw in 2^32 is too large (FIPS 186-5 §A.2.2), so a source that fails this often is not random. */
const MAX_DRAWS = 16;

/**
 * A private key d, 0 < d < n, big-endian in full length, by drawing until one fits (FIPS 186-5 §A.2.2).
 * @throws RangeError when `random` keeps giving numbers out of range
 */
export function drawScalar(curve: EcdsaCurve, random: RandomSource): Uint8Array {
  for (let draw = 0; draw < MAX_DRAWS; draw++) {
    const scalar = randomBytes(random, ORDERS[curve].length);
    if (isValidScalar(curve, scalar)) return scalar;
  }
  throw new RangeError(`the random source gave ${MAX_DRAWS} numbers in a row that are no private key of ${curve}`);
}

/** Whether 0 < `scalar` < n. */
export function isValidScalar(curve: EcdsaCurve, scalar: Uint8Array): boolean {
  const order = ORDERS[curve];
  if (scalar.length !== order.length || scalar.every((byte) => byte === 0)) return false;
  for (let i = 0; i < order.length; i++) {
    if (scalar[i] !== order[i]) return scalar[i]! < order[i]!;
  }
  return false;
}
