import * as node from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { toHex } from '../../src/binary/bytes.ts';
import { defaultCrypto } from '../../src/crypto/default.ts';
import { nobleCrypto } from '../../src/crypto/noble.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { createNodeCrypto } from '../../src/crypto/node-provider.ts';
import { AEAD_TAG_LENGTH, type CryptoProvider } from '../../src/crypto/provider.ts';
import { runProviderContract } from './provider-contract.ts';
import { seededRandom } from './seeded-random.ts';

describe('noble', () => runProviderContract({ crypto: nobleCrypto, deterministicEcdsa: true }));
describe('node', () => runProviderContract({ crypto: nodeCrypto, deterministicEcdsa: false }));

test('the default on a runtime with node:crypto is node, always the same one', () => {
  expect(defaultCrypto().name).toBe('node');
  expect(defaultCrypto()).toBe(defaultCrypto());
});

test.each([undefined, () => undefined, () => expect.fail()])(
  'the default without node:crypto is noble',
  async (builtin) => {
    vi.resetModules();
    vi.stubGlobal('process', { ...process, getBuiltinModule: builtin });
    try {
      const fresh = await import('../../src/crypto/default.ts');
      expect(fresh.defaultCrypto().name).toBe('noble');
    } finally {
      vi.unstubAllGlobals();
    }
  },
);

/** Two providers are one: what either makes, the other makes or takes. */
describe('one provider and the other', () => {
  const providers = [nodeCrypto, nobleCrypto] as const;
  const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
  const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const both = <T>(ask: (crypto: CryptoProvider) => T) => providers.map(ask) as [T, T];
  const expectSame = (ask: (crypto: CryptoProvider) => Uint8Array | null) => {
    const [one, other] = both(ask);
    expect(one === null ? null : toHex(one)).toBe(other === null ? null : toHex(other)); // a string compares faster
  };

  test('hash and authenticate alike', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512' as const),
        bytes(200),
        bytes(400),
        bytes(40),
        (name, key, data, more) => {
          expectSame((crypto) => crypto.hash(name, data));
          expectSame((crypto) => crypto.createHash(name).update(data).update(more).digest());
          expectSame((crypto) => crypto.hmac(name, key).sign(data, more));
        },
      ),
    );
  });

  test.each([
    ['aes-128-gcm', 16],
    ['aes-256-gcm', 32],
    ['chacha20-poly1305', 32],
  ] as const)('%s: seal alike, open what the other sealed, refuse what was flipped', (name, keyLength) => {
    fc.assert(
      fc.property(
        exactly(keyLength),
        exactly(12),
        bytes(40),
        bytes(2000),
        fc.nat(30),
        fc.nat(),
        (key, nonce, additionalData, plaintext, start, flip) => {
          const end = start + plaintext.length;
          const sealed = both((crypto) => {
            const buffer = new Uint8Array(end + AEAD_TAG_LENGTH);
            buffer.set(plaintext, start);
            crypto.aead(name, key).seal(nonce, additionalData, buffer, start, end);
            return buffer;
          });
          expect(toHex(sealed[0])).toBe(toHex(sealed[1]));
          expectSame((crypto) => {
            const aead = crypto.aead(name, key);
            const forged = sealed[0].slice();
            forged[start + (flip % (forged.length - start))]! ^= 1 << (flip & 7);
            expect(aead.open(nonce, additionalData, forged, start, forged.length)).toBe(null);
            return aead.open(nonce, additionalData, sealed[0].slice(), start, sealed[0].length);
          });
        },
      ),
    );
  });

  test('make the same key stream, through every carry of the counter', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(16, 32).chain(exactly),
        fc.nat(16),
        bytes(200),
        fc.nat(20),
        (key, ones, data, start) => {
          const counter = new Uint8Array(16).fill(0xff, 16 - ones);
          expectSame((crypto) => {
            const buffer = data.slice();
            crypto.aesCm(key).apply(counter, buffer, Math.min(start, data.length), data.length);
            return buffer;
          });
        },
      ),
    );
  });

  test('sign and encrypt alike at every length where the way of doing it changes', () => {
    const withoutHash = createNodeCrypto({ ...node, hash: undefined } as unknown as typeof node); // as Node 20.11
    const key = Uint8Array.from({ length: 32 }, (_, i) => i);
    const counter = new Uint8Array(16).fill(0xff);
    for (const length of [0, 1, 3, 4, 15, 16, 17, 31, 2047, 2048, 2049, 5000]) {
      const data = Uint8Array.from({ length }, (_, i) => i);
      const half = length >> 1;
      for (const name of ['sha1', 'sha256', 'sha512'] as const) {
        for (const keyLength of [0, 20, 32, 64, 65, 128, 129, 200]) {
          const hmacKey = new Uint8Array(keyLength).fill(7);
          expectSame((crypto) => crypto.hmac(name, hmacKey).sign(data));
          expectSame((crypto) => crypto.hmac(name, hmacKey).sign(data.subarray(0, half), data.subarray(half)));
        }
      }
      expect(withoutHash.hmac('sha1', key).sign(data)).toEqual(nodeCrypto.hmac('sha1', key).sign(data));
      expectSame((crypto) => {
        const buffer = new Uint8Array(length + 3);
        crypto.aesCm(key).apply(counter, buffer, 1, 1 + length);
        return buffer;
      });
    }
  });

  test('agree on keys, and on what is none', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('x25519', 'secp256r1', 'secp384r1' as const),
        fc.integer(),
        exactly(97),
        (group, seed, noise) => {
          const [one, other] = both((crypto) => crypto.generateKeyAgreement(group, seededRandom(seed)));
          expect(one.publicKey).toEqual(other.publicKey);
          const peer = nodeCrypto.generateKeyAgreement(group, seededRandom(seed + 1)).publicKey;
          expect(one.deriveSecret(peer)).toEqual(other.deriveSecret(peer));
          const nonsense = noise.slice(0, peer.length); // for X25519, any 32 bytes are a key
          nonsense[0] = 4;
          expect(one.deriveSecret(nonsense)).toEqual(other.deriveSecret(nonsense));
        },
      ),
      { numRuns: 30 },
    );
  });

  test('give the same answer to any signature', () => {
    const spki = both(() => nodeCrypto.generateKeyAgreement('secp256r1', nodeCrypto.random).publicKey)[0];
    const key = Uint8Array.from([
      ...[0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08],
      ...[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00],
      ...spki,
    ]);
    const keys = both((crypto) => crypto.importPublicKey(key)!);
    fc.assert(
      fc.property(bytes(80), bytes(20), (signature, data) => {
        for (const kind of ['ecdsa', 'rsaPss', 'rsaPkcs1'] as const) {
          for (const publicKey of keys) expect(publicKey.verify({ kind, hash: 'sha256' }, data, signature)).toBe(false);
        }
      }),
    );
  });
});
