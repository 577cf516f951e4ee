import { describe, expect, test } from 'vitest';
import { generateEcdsaCertificate } from '../../src/crypto/certificate.ts';
import {
  type Fingerprint,
  type FingerprintAlgorithm,
  fingerprint,
  matchesFingerprint,
} from '../../src/crypto/fingerprint.ts';
import { nobleCrypto } from '../../src/crypto/noble.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';

describe.each([nodeCrypto, nobleCrypto])('fingerprints with $name', (crypto) => {
  const der = new TextEncoder().encode('abc'); // any bytes are as good as a certificate here
  const ALGORITHMS = ['sha-1', 'sha-224', 'sha-256', 'sha-384', 'sha-512'] as const;
  const good = (algorithm: FingerprintAlgorithm): Fingerprint => ({
    algorithm,
    value: fingerprint(crypto, algorithm, der),
  });
  const bad = (algorithm: string): Fingerprint => ({ algorithm, value: '00' });
  const matches = (...fingerprints: readonly Fingerprint[]) => matchesFingerprint(crypto, der, fingerprints);

  test('RFC 8122 §5: "uppercase hexadecimal bytes, separated by colons"', () => {
    expect(fingerprint(crypto, 'sha-1', der)).toBe('A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D');
    expect(fingerprint(crypto, 'sha-512', der)).toHaveLength(64 * 3 - 1);
    expect(() => fingerprint(crypto, 'md5' as FingerprintAlgorithm, der)).toThrow(TypeError);
  });

  test('each of the five hash functions is verified, in upper or lower case', () => {
    for (const algorithm of ALGORITHMS) {
      const { value } = good(algorithm);
      expect(matches({ algorithm, value })).toBe(true);
      expect(matches({ algorithm: algorithm.toUpperCase(), value: value.toLowerCase() })).toBe(true);
    }
  });

  test('RFC 8122 §5.1: the most preferred hash function decides, and one of its fingerprints must match', () => {
    expect(matches(bad('sha-256'), good('sha-256'))).toBe(true);
    expect(matches(bad('sha-1'), good('sha-256'))).toBe(true);
    expect(matches(good('sha-1'), bad('sha-256'))).toBe(false);
    expect(matches(good('sha-256'), bad('sha-512'))).toBe(false);
  });

  test('unknown hash functions are passed over, MD5 and MD2 among them', () => {
    expect(matches(bad('sha3-256'), good('sha-256'))).toBe(true);
    expect(matches(bad('sha3-256'))).toBe(false);
    expect(matches({ algorithm: 'md5', value: '90:01:50:98:3C:D2:4F:B0:D6:96:3F:7D:28:E1:7F:72' })).toBe(false);
    expect(matches()).toBe(false);
  });

  test('a malformed value matches nothing', () => {
    const { value } = good('sha-256');
    for (const wrong of [
      '',
      value.slice(0, -1),
      `${value}:`,
      `:${value}`,
      value.replaceAll(':', ''),
      `${value}:00`,
      'xx',
    ]) {
      expect(matches({ algorithm: 'sha-256', value: wrong })).toBe(false);
    }
    expect(matches({ algorithm: 'sha-256', value: `${'00:'.repeat(100_000)}!` })).toBe(false);
  });

  test('a certificate brings the fingerprints RFC 8122 §5.1 asks for', () => {
    const algorithms = (curve: 'secp256r1' | 'secp384r1') => {
      const { chain, fingerprints } = generateEcdsaCertificate({ crypto, now: 0 }, curve);
      for (const one of fingerprints) expect(matchesFingerprint(crypto, chain[0]!, [one])).toBe(true);
      return fingerprints.map(({ algorithm }) => algorithm);
    };
    expect(algorithms('secp256r1')).toEqual(['sha-256']);
    expect(algorithms('secp384r1')).toEqual(['sha-256', 'sha-384']);
  });
});
