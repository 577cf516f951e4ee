import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex } from '../../src/binary/bytes.ts';
import {
  type Certificate,
  certificateFromDer,
  certificateFromPem,
  certificatePublicKey,
  generateCertificate,
  generateEcdsaCertificate,
  parseCertificateAlgorithm,
} from '../../src/crypto/certificate.ts';
import { nobleCrypto } from '../../src/crypto/noble.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { parseCertificate } from '../../src/crypto/x509.ts';
import { seededRandom } from './seeded-random.ts';

const NOW = Date.UTC(2026, 7, 15, 12, 30, 45, 678);
const DAY_MS = 86_400_000;
const providers = [nodeCrypto, nobleCrypto];

/** OpenSSL's opinion. */
function openSsl(certificate: Certificate): X509Certificate {
  return new X509Certificate(certificate.chain[0]!);
}

function pem(label: string, der: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${Buffer.from(der)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;
}

describe.each(providers)('a certificate made with $name', (crypto) => {
  test.each(['secp256r1', 'secp384r1'] as const)('on %s is one to OpenSSL, signed by its own key', (curve) => {
    const certificate = generateEcdsaCertificate({ crypto, now: NOW }, curve);
    const read = openSsl(certificate);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.checkPrivateKey(importNode(certificate.pkcs8))).toBe(true);
    expect(read.subject).toMatch(/^CN=[0-9a-f]{16}$/);
    expect(read.issuer).toBe(read.subject);
    expect(read.publicKey.asymmetricKeyDetails?.namedCurve).toBe(curve === 'secp256r1' ? 'prime256v1' : 'secp384r1');
    expect(certificate.privateKey.type).toEqual({ kind: 'ecdsa', curve });
  });

  test('with RSA is one to OpenSSL, signed by its own key', async () => {
    const algorithm = { kind: 'rsa', modulusBits: 2048, publicExponent: 65537, hash: 'sha256' } as const;
    const certificate = await generateCertificate({ crypto, now: NOW }, algorithm);
    const read = openSsl(certificate);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.checkPrivateKey(importNode(certificate.pkcs8))).toBe(true);
    expect(read.publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
  });

  test('is ECDSA on P-256 by default, and never the same twice', async () => {
    const [one, other] = [
      await generateCertificate({ crypto, now: NOW }),
      await generateCertificate({ crypto, now: NOW }),
    ];
    expect(one.privateKey.type).toEqual({ kind: 'ecdsa', curve: 'secp256r1' });
    expect(one.pkcs8).not.toEqual(other.pkcs8);
    expect(openSsl(one).serialNumber).not.toBe(openSsl(other).serialNumber);
    expect(openSsl(one).subject).not.toBe(openSsl(other).subject);
  });

  test('signs for the other provider when its key is imported there', () => {
    const { chain, pkcs8 } = generateEcdsaCertificate({ crypto, now: NOW });
    for (const other of providers) {
      const algorithm = { kind: 'ecdsa', hash: 'sha256' } as const;
      const signature = other.importPrivateKey(pkcs8).sign(algorithm, chain[0]!, other.random);
      const publicKey = crypto.importPublicKey(certificatePublicKey(chain[0]!)!)!;
      expect(publicKey.verify(algorithm, chain[0]!, signature)).toBe(true);
    }
  });
});

describe('expiry (webrtc-pc §4.10)', () => {
  const validity = (expires?: number) => {
    const certificate = generateEcdsaCertificate({
      crypto: nodeCrypto,
      now: NOW,
      ...(expires !== undefined && { expires }),
    });
    const { validFrom, validTo } = openSsl(certificate);
    return { certificate, from: Date.parse(validFrom), to: Date.parse(validTo) };
  };
  const seconds = (ms: number) => Math.floor(ms / 1000) * 1000;

  test('is 30 days by default, and validity begins a day back', () => {
    const { certificate, from, to } = validity();
    expect(certificate.expires).toBe(NOW + 30 * DAY_MS);
    expect([from, to]).toEqual([seconds(NOW - DAY_MS), seconds(NOW + 30 * DAY_MS)]);
  });

  test('is what is asked for, up to 365 days', () => {
    expect(validity(5_000).certificate.expires).toBe(NOW + 5_000);
    expect(validity(0).certificate.expires).toBe(NOW);
    expect(validity(366 * DAY_MS).certificate.expires).toBe(NOW + 365 * DAY_MS);
  });

  test('is refused when it is no duration', () => {
    expect(() => validity(-1)).toThrow(RangeError);
    expect(() => validity(Number.NaN)).toThrow(RangeError);
  });

  test.each([
    Date.UTC(1999, 11, 31, 23, 59, 59),
    Date.UTC(2049, 11, 31, 23, 59, 59),
    Date.UTC(2050, 0, 1, 0, 0, 0),
    Date.UTC(2068, 1, 29, 1, 2, 3),
  ])('is written for OpenSSL and read by us as %d ms', (now) => {
    const certificate = generateEcdsaCertificate({ crypto: nodeCrypto, now: now - DAY_MS, expires: DAY_MS });
    expect(Date.parse(openSsl(certificate).validTo)).toBe(now);
    expect(parseCertificate(certificate.chain[0]!)?.notAfter).toBe(now);
    expect(parseCertificate(certificate.chain[0]!)?.notBefore).toBe(now - 2 * DAY_MS);
  });
});

test('the same seed makes the same certificate with the noble provider', () => {
  const make = (seed: number) =>
    generateEcdsaCertificate({ crypto: nobleCrypto, random: seededRandom(seed), now: NOW }).chain[0]!;
  expect(make(1)).toEqual(make(1));
  expect(make(1)).not.toEqual(make(2));
});

describe('the algorithm of RTCPeerConnection.generateCertificate', () => {
  const rsa = {
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
    hash: 'SHA-256',
  };

  test('is ECDSA on P-256 or P-384, or RSASSA-PKCS1-v1_5, names in any case', () => {
    expect(parseCertificateAlgorithm({ name: 'ECDSA', namedCurve: 'P-256' })).toEqual({
      kind: 'ecdsa',
      curve: 'secp256r1',
    });
    expect(parseCertificateAlgorithm({ name: 'ecdsa', namedCurve: 'P-384' })).toEqual({
      kind: 'ecdsa',
      curve: 'secp384r1',
    });
    const parsed = { kind: 'rsa', modulusBits: 2048, publicExponent: 65537, hash: 'sha256' };
    expect(parseCertificateAlgorithm(rsa)).toEqual(parsed);
    expect(parseCertificateAlgorithm({ ...rsa, hash: { name: 'sha-256' } })).toEqual(parsed);
  });

  test('is null where the W3C has NotSupportedError', () => {
    for (const identifier of [
      'invalid',
      undefined,
      { name: 'RSA-PSS' },
      { name: 'ECDSA', namedCurve: 'P-521' },
      { ...rsa, modulusLength: 1024 },
      { ...rsa, modulusLength: 2 ** 20 },
      { ...rsa, hash: 'SHA-1' },
      { ...rsa, publicExponent: Uint8Array.of(2) },
    ]) {
      expect(parseCertificateAlgorithm(identifier)).toBe(null);
    }
  });

  test('throws TypeError when members are missing', () => {
    expect(() => parseCertificateAlgorithm('ECDSA')).toThrow(TypeError);
    expect(() => parseCertificateAlgorithm({ ...rsa, publicExponent: [1, 0, 1] })).toThrow(TypeError);
    expect(() => parseCertificateAlgorithm({ name: rsa.name })).toThrow(TypeError);
  });
});

describe('a certificate of the user', () => {
  const made = generateEcdsaCertificate({ crypto: nodeCrypto, now: NOW });
  const cert = pem('CERTIFICATE', made.chain[0]!);

  test('is read from PEM with any of the three forms of a key', async () => {
    const key = importNode(made.pkcs8);
    for (const type of ['pkcs8', 'sec1'] as const) {
      const text = `a comment\n${cert}${key.export({ format: 'pem', type })}`;
      const read = certificateFromPem(nobleCrypto, { cert: text, key: text });
      expect(read.chain).toEqual(made.chain);
      expect(read.fingerprints).toEqual(made.fingerprints);
      expect(read.expires).toBe(Math.floor(made.expires / 1000) * 1000);
    }
    const rsa = await generateCertificate(
      { crypto: nodeCrypto, now: NOW },
      { kind: 'rsa', modulusBits: 2048, publicExponent: 65537, hash: 'sha256' },
    );
    const text = importNode(rsa.pkcs8).export({ format: 'pem', type: 'pkcs1' }) as string;
    expect(certificateFromPem(nobleCrypto, { cert: pem('CERTIFICATE', rsa.chain[0]!), key: text }).pkcs8).toEqual(
      rsa.pkcs8,
    );
  });

  test('may come with a chain', () => {
    const other = generateEcdsaCertificate({ crypto: nodeCrypto, now: NOW });
    const key = pem('PRIVATE KEY', made.pkcs8);
    const read = certificateFromPem(nodeCrypto, { cert: cert + pem('CERTIFICATE', other.chain[0]!), key });
    expect(read.chain).toEqual([made.chain[0], other.chain[0]]);
  });

  test('is refused, with a reason, when something is wrong with it', () => {
    const key = pem('PRIVATE KEY', made.pkcs8);
    const foreign = pem('PRIVATE KEY', generateEcdsaCertificate({ crypto: nodeCrypto, now: NOW }).pkcs8);
    const ed25519 = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
    const encrypted = (type: 'pkcs8' | 'sec1') =>
      importNode(made.pkcs8).export({ format: 'pem', type, cipher: 'aes-128-cbc', passphrase: 'x' }) as string;
    const read = (input: { cert: string; key: string }) => () => certificateFromPem(nodeCrypto, input);
    expect(read({ cert: '', key })).toThrow('CERTIFICATE block');
    expect(read({ cert, key: '' })).toThrow('PRIVATE KEY block');
    expect(read({ cert, key: foreign })).toThrow('does not belong');
    expect(read({ cert, key: ed25519 })).toThrow(TypeError);
    expect(read({ cert, key: encrypted('pkcs8') })).toThrow('decrypt it first');
    expect(read({ cert, key: encrypted('sec1') })).toThrow('decrypt it first');
    expect(read({ cert: pem('CERTIFICATE', made.pkcs8), key })).toThrow('DER certificate');
    expect(read({ cert: '-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----', key })).toThrow('base64');
    expect(() => certificateFromDer(nodeCrypto, { chain: [], pkcs8: made.pkcs8 })).toThrow(TypeError);
  });
});

describe('reading what a peer sends', () => {
  const der = generateEcdsaCertificate({ crypto: nodeCrypto, now: NOW }).chain[0]!;

  test('gives the public key that OpenSSL finds', () => {
    const spki = new X509Certificate(der).publicKey.export({ format: 'der', type: 'spki' });
    expect(toHex(certificatePublicKey(der)!)).toBe(spki.toString('hex'));
  });

  test('no prefix of a certificate is one', () => {
    for (let length = 0; length < der.length; length++) expect(parseCertificate(der.subarray(0, length))).toBe(null);
    expect(parseCertificate(Uint8Array.of(...der, 0))).toBe(null);
  });

  test('every flipped bit gives null or a certificate, and keys that import or not: no exception', () => {
    for (let bit = 0; bit < 8 * der.length; bit++) {
      const bytes = der.slice();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      const spki = certificatePublicKey(bytes);
      if (spki === null) continue;
      const imported = providers.map((crypto) => crypto.importPublicKey(spki)?.type ?? null);
      expect(imported[0]).toEqual(imported[1]);
    }
  });

  test('any bytes give null', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(parseCertificate(bytes)).toBe(null);
        expect(parseCertificate(Uint8Array.of(0x30, 0x82, bytes.length >> 8, bytes.length, ...bytes))).toBe(null);
      }),
    );
  });
});

function importNode(pkcs8: Uint8Array): ReturnType<typeof createPrivateKey> {
  return createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
}
