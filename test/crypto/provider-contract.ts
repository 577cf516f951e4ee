/** What a crypto provider has to do: the RFCs' own figures, and what happens to everything that is not right. */
import { constants, createPublicKey, generateKeyPairSync, privateEncrypt, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import aeadVectors from '../../fixtures/crypto/aead.json' with { type: 'json' };
import aesCmVectors from '../../fixtures/crypto/aes-cm.json' with { type: 'json' };
import ecdsaVectors from '../../fixtures/crypto/ecdsa.json' with { type: 'json' };
import hashVectors from '../../fixtures/crypto/hash.json' with { type: 'json' };
import hmacVectors from '../../fixtures/crypto/hmac.json' with { type: 'json' };
import keyAgreementVectors from '../../fixtures/crypto/key-agreement.json' with { type: 'json' };
import { concatBytes, fromHex, toHex } from '../../src/binary/bytes.ts';
import { DER, encodeDer } from '../../src/crypto/der.ts';
import { type EcdsaCurve, encodeEcPrivateKey, encodeEcPublicKey } from '../../src/crypto/key-data.ts';
import {
  AEAD_TAG_LENGTH,
  type AeadName,
  type CryptoProvider,
  type HashName,
  type NamedGroup,
  type SignatureAlgorithm,
} from '../../src/crypto/provider.ts';
import type { RandomSource } from '../../src/machine.ts';
import { seededRandom } from './seeded-random.ts';

export type ProviderContract = {
  readonly crypto: CryptoProvider;
  /** Whether ECDSA signatures are those of RFC 6979. */
  readonly deterministicEcdsa: boolean;
};

const utf8 = (text: string) => new TextEncoder().encode(text);

/** Gives the bytes listed, one entry a draw. */
function fixedRandom(...draws: readonly Uint8Array[]): RandomSource {
  let next = 0;
  return { fill: (target) => target.set(draws[next++]!) };
}

export function runProviderContract({ crypto, deterministicEcdsa }: ProviderContract): void {
  describe('hashes', () => {
    test.each(hashVectors)('$source: $name of "$message"', ({ name, message, digest }) => {
      expect(toHex(crypto.hash(name as HashName, utf8(message)))).toBe(digest);
      const hash = crypto.createHash(name as HashName);
      for (const character of message) hash.update(utf8(character));
      expect(toHex(hash.digest())).toBe(digest);
    });

    test('a hash goes on after a digest was asked for', () => {
      for (const name of ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const) {
        const hash = crypto.createHash(name).update(utf8('one'));
        expect(hash.digest()).toEqual(crypto.hash(name, utf8('one')));
        expect(hash.digest()).toEqual(crypto.hash(name, utf8('one')));
        expect(hash.update(utf8(' two')).digest()).toEqual(crypto.hash(name, utf8('one two')));
      }
    });
  });

  describe('HMAC', () => {
    test.each(hmacVectors)('$source: key $key', (vector) => {
      const data = fromHex(vector.data);
      for (const name of ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const) {
        const tag = (vector as Partial<Record<HashName, string>>)[name];
        if (tag === undefined) continue;
        const key = crypto.hmac(name, fromHex(vector.key));
        expect(key.size).toBe(tag.length / 2);
        expect(toHex(key.sign(data))).toBe(tag);
        expect(toHex(key.sign(data.subarray(0, 5), data.subarray(5)))).toBe(tag); // and the key is as good as new
      }
    });

    test('a tag stays what it is when the key makes the next one', () => {
      const key = crypto.hmac('sha1', utf8('key'));
      const first = key.sign(utf8('first'));
      const copy = first.slice();
      key.sign(utf8('second'));
      expect(first).toEqual(copy);
    });
  });

  describe('authenticated encryption', () => {
    test.each(aeadVectors)('$source', (vector) => {
      const key = crypto.aead(vector.name as AeadName, fromHex(vector.key));
      const plaintext = fromHex(vector.plaintext);
      const nonce = fromHex(vector.nonce);
      const additionalData = fromHex(vector.additionalData);
      for (const start of [0, 1, 13]) {
        const end = start + plaintext.length;
        const buffer = new Uint8Array(end + AEAD_TAG_LENGTH + 3).fill(0xee);
        buffer.set(plaintext, start);
        key.seal(nonce, additionalData, buffer, start, end);
        expect(toHex(buffer.subarray(start, end + AEAD_TAG_LENGTH))).toBe(vector.sealed);
        expect(buffer.subarray(0, start).every((byte) => byte === 0xee)).toBe(true);
        expect(toHex(buffer.subarray(end + AEAD_TAG_LENGTH))).toBe('eeeeee');
        expect(toHex(key.open(nonce, additionalData, buffer, start, end + AEAD_TAG_LENGTH)!)).toBe(vector.plaintext);
      }
    });

    const suites = [
      ['aes-128-gcm', 16],
      ['aes-256-gcm', 32],
      ['chacha20-poly1305', 32],
    ] as const;

    test.each(suites)('%s: no flipped bit is accepted', (name, keyLength) => {
      const key = crypto.aead(name, new Uint8Array(keyLength).fill(1));
      const nonce = new Uint8Array(12).fill(2);
      const additionalData = new Uint8Array(13).fill(3);
      const sealed = new Uint8Array(37 + AEAD_TAG_LENGTH).fill(4);
      key.seal(nonce, additionalData, sealed, 0, 37);
      for (let bit = 0; bit < 8 * sealed.length; bit++) {
        const forged = sealed.slice();
        forged[bit >> 3]! ^= 1 << (bit & 7);
        expect(key.open(nonce, additionalData, forged, 0, forged.length)).toBe(null);
      }
      for (const input of [nonce, additionalData]) {
        for (let bit = 0; bit < 8 * input.length; bit++) {
          input[bit >> 3]! ^= 1 << (bit & 7);
          expect(key.open(nonce, additionalData, sealed.slice(), 0, sealed.length)).toBe(null);
          input[bit >> 3]! ^= 1 << (bit & 7);
        }
      }
      expect(key.open(nonce, additionalData, sealed, 0, sealed.length)).not.toBe(null);
    });

    test.each(suites)('%s: what is too short for a tag is no packet', (name, keyLength) => {
      const key = crypto.aead(name, new Uint8Array(keyLength));
      for (let length = 0; length <= AEAD_TAG_LENGTH; length++) {
        expect(key.open(new Uint8Array(12), new Uint8Array(0), new Uint8Array(40), 5, 5 + length)).toBe(null);
      }
      expect(key.open(new Uint8Array(12), new Uint8Array(0), new Uint8Array(40), 5, 41)).toBe(null);
    });

    test.each(suites)('%s: a mistake of the caller is a RangeError', (name, keyLength) => {
      expect(() => crypto.aead(name, new Uint8Array(keyLength - 1))).toThrow(RangeError);
      const key = crypto.aead(name, new Uint8Array(keyLength));
      const nonce = new Uint8Array(12);
      const none = new Uint8Array(0);
      expect(() => key.seal(nonce, none, new Uint8Array(20), 0, 5)).toThrow(RangeError);
      expect(() => key.seal(nonce, none, new Uint8Array(20), 5, 4)).toThrow(RangeError);
      expect(() => key.seal(nonce, none, new Uint8Array(20), -1, 4)).toThrow(RangeError);
      expect(() => key.seal(nonce.subarray(1), none, new Uint8Array(40), 0, 5)).toThrow(RangeError);
      expect(() => key.open(nonce.subarray(1), none, new Uint8Array(40), 0, 40)).toThrow(RangeError);
    });

    test.each(suites)('%s: the key is a copy', (name, keyLength) => {
      const bytes = new Uint8Array(keyLength).fill(5);
      const seal = (key: ReturnType<CryptoProvider['aead']>) => {
        const buffer = new Uint8Array(32);
        key.seal(new Uint8Array(12), new Uint8Array(0), buffer, 0, 16);
        return buffer;
      };
      const key = crypto.aead(name, bytes);
      const before = seal(key);
      bytes.fill(6);
      expect(seal(key)).toEqual(before);
    });
  });

  describe('AES in counter mode', () => {
    test.each(aesCmVectors)('$source', ({ key, keyStream }) => {
      const cipher = crypto.aesCm(fromHex(key));
      for (const { counter, block } of keyStream) {
        const buffer = new Uint8Array(20);
        cipher.apply(fromHex(counter), buffer, 3, 19);
        expect(toHex(buffer)).toBe(`000000${block}00`);
      }
      // And in one piece, three blocks from either place: the second crosses from ff to the next byte.
      for (const first of [0, 3]) {
        const buffer = new Uint8Array(48);
        cipher.apply(fromHex(keyStream[first]!.counter), buffer, 0, 48);
        const blocks = keyStream.slice(first, first + 3).map(({ block }) => block);
        expect(toHex(buffer)).toBe(blocks.join(''));
      }
    });

    test('a mistake of the caller is a RangeError', () => {
      expect(() => crypto.aesCm(new Uint8Array(15))).toThrow(RangeError);
      const key = crypto.aesCm(new Uint8Array(16));
      expect(() => key.apply(new Uint8Array(12), new Uint8Array(20), 0, 20)).toThrow(RangeError);
      expect(() => key.apply(new Uint8Array(16), new Uint8Array(20), 0, 21)).toThrow(RangeError);
    });
  });

  describe('key agreement', () => {
    test.each(keyAgreementVectors)('$source: $group', (vector) => {
      const group = vector.group as NamedGroup;
      const one = crypto.generateKeyAgreement(group, fixedRandom(fromHex(vector.private)));
      const other = crypto.generateKeyAgreement(group, fixedRandom(fromHex(vector.peerPrivate)));
      expect(toHex(one.publicKey)).toBe(vector.public);
      expect(toHex(other.publicKey)).toBe(vector.peerPublic);
      expect(toHex(one.deriveSecret(other.publicKey)!)).toBe(vector.secret);
      expect(toHex(other.deriveSecret(one.publicKey)!)).toBe(vector.secret);
    });

    test('RFC 7748 §6.1: a point of small order, which gives an all-zero secret, gives null', () => {
      const agreement = crypto.generateKeyAgreement('x25519', crypto.random);
      for (const point of [
        '00'.repeat(32),
        `01${'00'.repeat(31)}`,
        'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
        '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
        `ec${'ff'.repeat(30)}7f`,
        `ed${'ff'.repeat(30)}7f`,
        `ee${'ff'.repeat(30)}7f`,
      ]) {
        expect(agreement.deriveSecret(fromHex(point))).toBe(null);
      }
    });

    test.each(['secp256r1', 'secp384r1'] as const)(
      '%s: a point not on the curve, or in another form, gives null',
      (group) => {
        const agreement = crypto.generateKeyAgreement(group, crypto.random);
        const { publicKey } = crypto.generateKeyAgreement(group, crypto.random);
        const coordinate = (publicKey.length - 1) / 2;
        const odd = publicKey[publicKey.length - 1]! & 1;
        const offCurve = publicKey.slice();
        offCurve[publicKey.length - 1]! ^= 1;
        const tooLarge = publicKey.slice().fill(0xff, 1, 1 + coordinate);
        const compressed = publicKey.slice(0, 1 + coordinate);
        compressed[0] = 2 | odd;
        const hybrid = publicKey.slice();
        hybrid[0] = 6 | odd;
        const zero = new Uint8Array(publicKey.length);
        zero[0] = 4;
        for (const peer of [offCurve, tooLarge, compressed, hybrid, zero, Uint8Array.of(0), new Uint8Array(0)]) {
          expect(agreement.deriveSecret(peer)).toBe(null);
        }
        expect(agreement.deriveSecret(publicKey)).not.toBe(null);
      },
    );

    test('a key of the wrong length gives null', () => {
      for (const group of ['x25519', 'secp256r1', 'secp384r1'] as const) {
        const agreement = crypto.generateKeyAgreement(group, crypto.random);
        for (let length = 0; length <= 100; length++) {
          if (length !== agreement.publicKey.length) expect(agreement.deriveSecret(new Uint8Array(length))).toBe(null);
        }
      }
    });

    test('FIPS 186-5 §A.2.2: a draw that is no private key is thrown away', () => {
      const valid = fromHex(keyAgreementVectors[0]!.private);
      const random = fixedRandom(new Uint8Array(32), new Uint8Array(32).fill(0xff), valid);
      expect(toHex(crypto.generateKeyAgreement('secp256r1', random).publicKey)).toBe(keyAgreementVectors[0]!.public);
      const stuck: RandomSource = { fill: (target) => void target.fill(0xff) };
      expect(() => crypto.generateKeyAgreement('secp256r1', stuck)).toThrow(RangeError);
    });
  });

  describe('ECDSA', () => {
    test.each(ecdsaVectors.keys)('RFC 6979, $curve', ({ curve, scalar, x, y, signatures }) => {
      const point = concatBytes(Uint8Array.of(4), fromHex(x), fromHex(y));
      const publicKey = crypto.importPublicKey(encodeEcPublicKey(curve as EcdsaCurve, point))!;
      const privateKey = crypto.importPrivateKey(encodeEcPrivateKey(curve as EcdsaCurve, fromHex(scalar), point));
      expect(publicKey.type).toEqual({ kind: 'ecdsa', curve });
      expect(privateKey.type).toEqual({ kind: 'ecdsa', curve });
      for (const { hash, message, r, s } of signatures) {
        const algorithm = { kind: 'ecdsa', hash: hash as SignatureAlgorithm['hash'] } as const;
        const data = utf8(message);
        const expected = encodeSignature(r, s);
        expect(publicKey.verify(algorithm, data, expected)).toBe(true); // half of these have an s above n / 2
        const signature = privateKey.sign(algorithm, data, crypto.random);
        expect(publicKey.verify(algorithm, data, signature)).toBe(true);
        if (deterministicEcdsa) expect(toHex(signature)).toBe(toHex(expected));
        expect(publicKey.verify(algorithm, utf8(`${message}.`), expected)).toBe(false);
        expect(publicKey.verify({ ...algorithm, hash: hash === 'sha1' ? 'sha256' : 'sha1' }, data, expected)).toBe(
          false,
        );
      }
    });

    test('a signature that is malformed or out of range is false', () => {
      const { curve, x, y, signatures } = ecdsaVectors.keys[0]!;
      const point = concatBytes(Uint8Array.of(4), fromHex(x), fromHex(y));
      const publicKey = crypto.importPublicKey(encodeEcPublicKey(curve as EcdsaCurve, point))!;
      const { message, r, s } = signatures.find(({ hash }) => hash === 'sha256')!;
      const verify = (signature: Uint8Array) =>
        publicKey.verify({ kind: 'ecdsa', hash: 'sha256' }, utf8(message), signature);
      const good = encodeSignature(r, s);
      const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
      expect(verify(good)).toBe(true);
      for (let length = 0; length < good.length; length++) expect(verify(good.subarray(0, length))).toBe(false);
      for (let at = 0; at < good.length; at++) {
        const forged = good.slice();
        forged[at]! ^= 1 << (at & 7);
        expect(verify(forged)).toBe(false);
      }
      expect(verify(concatBytes(good, Uint8Array.of(0)))).toBe(false);
      expect(verify(encodeSignature(`0000${r}`, s))).toBe(false); // a needless leading zero
      expect(verify(encodeSignature('00', s))).toBe(false);
      expect(verify(encodeSignature(r, order))).toBe(false);
      expect(verify(fromHex(r + s))).toBe(false); // IEEE P1363 form
    });
  });

  describe.each([2048, 1031])('RSA with %d bits', (modulusLength) => {
    const keys = generateKeyPairSync('rsa', { modulusLength });
    const spki = new Uint8Array(keys.publicKey.export({ format: 'der', type: 'spki' }));
    const pkcs8 = new Uint8Array(keys.privateKey.export({ format: 'der', type: 'pkcs8' }));
    const size = Math.ceil(modulusLength / 8);
    const publicKey = crypto.importPublicKey(spki)!;
    const privateKey = crypto.importPrivateKey(pkcs8);
    const data = utf8('attack at dawn');

    test('keys are read', () => {
      expect(publicKey.type).toEqual({ kind: 'rsa', modulusBits: modulusLength });
      expect(privateKey.type).toEqual({ kind: 'rsa', modulusBits: modulusLength });
    });

    const algorithms = (['rsaPkcs1', 'rsaPss'] as const).flatMap((kind) =>
      (['sha1', 'sha256', 'sha384', 'sha512'] as const).map((hash) => ({ kind, hash })),
    );
    const fitting = algorithms.filter(
      ({ kind, hash }) => modulusLength > 1100 || kind !== 'rsaPss' || hash !== 'sha512',
    );

    test.each(fitting)('$kind with $hash: what it signs it verifies, and OpenSSL too', (algorithm) => {
      const signature = privateKey.sign(algorithm, data, crypto.random);
      expect(signature.length).toBe(size);
      expect(publicKey.verify(algorithm, data, signature)).toBe(true);
      const pss = algorithm.kind === 'rsaPss';
      const padding = pss ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
      const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
      const theirs = new Uint8Array(sign(algorithm.hash, data, { key: keys.privateKey, padding, saltLength }));
      expect(publicKey.verify(algorithm, data, theirs)).toBe(true);
      if (!pss) expect(signature).toEqual(theirs); // PKCS #1 v1.5 is deterministic

      for (const other of fitting) {
        if (other !== algorithm) expect(publicKey.verify(other, data, signature)).toBe(false);
      }
      expect(publicKey.verify(algorithm, utf8('attack at dusk'), signature)).toBe(false);
      for (const at of [0, size >> 1, size - 1]) {
        const forged = signature.slice();
        forged[at]! ^= 1;
        expect(publicKey.verify(algorithm, data, forged)).toBe(false);
      }
      for (const length of [0, 1, size - 1]) {
        expect(publicKey.verify(algorithm, data, signature.subarray(0, length))).toBe(false);
      }
      expect(publicKey.verify(algorithm, data, concatBytes(Uint8Array.of(0), signature))).toBe(false);
      expect(publicKey.verify(algorithm, data, new Uint8Array(size).fill(0xff))).toBe(false); // above the modulus
      expect(publicKey.verify(algorithm, data, new Uint8Array(size))).toBe(false);
    });

    test('RFC 8446 §4.2.3: a PSS salt of another length than the hash is refused', () => {
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      for (const saltLength of [0, 20, 31, 33]) {
        const signature = sign('sha256', data, { key: keys.privateKey, padding, saltLength });
        expect(publicKey.verify({ kind: 'rsaPss', hash: 'sha256' }, data, new Uint8Array(signature))).toBe(false);
      }
    });

    test('a PKCS #1 v1.5 encoding must be right in every byte', () => {
      const info = concatBytes(fromHex('3031300d060960864801650304020105000420'), crypto.hash('sha256', data));
      const good = concatBytes(
        Uint8Array.of(0, 1),
        new Uint8Array(size - info.length - 3).fill(0xff),
        Uint8Array.of(0),
        info,
      );
      const accepts = (encoded: Uint8Array) => {
        const raw = privateEncrypt({ key: keys.privateKey, padding: constants.RSA_NO_PADDING }, encoded);
        return publicKey.verify({ kind: 'rsaPkcs1', hash: 'sha256' }, data, new Uint8Array(raw));
      };
      expect(accepts(good)).toBe(true);
      for (const at of [1, 2, size - info.length - 1, size - info.length, size - 33]) {
        const bad = good.slice();
        bad[at]! ^= 2;
        expect(accepts(bad)).toBe(false);
      }
      // Bleichenbacher 2006: less padding, and something behind the digest.
      const shifted = concatBytes(good.subarray(0, 2), good.subarray(10), new Uint8Array(8));
      expect(accepts(shifted)).toBe(false);
    });
  });

  describe('keys', () => {
    const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const spkiOf = (key: typeof p256) => new Uint8Array(key.publicKey.export({ format: 'der', type: 'spki' }));
    const pkcs8Of = (key: typeof p256) => new Uint8Array(key.privateKey.export({ format: 'der', type: 'pkcs8' }));

    test('a key signs only what fits it', () => {
      const data = utf8('data');
      const ecdsaKey = crypto.importPrivateKey(pkcs8Of(p256));
      const rsaKey = crypto.importPrivateKey(pkcs8Of(rsa));
      expect(() => ecdsaKey.sign({ kind: 'rsaPss', hash: 'sha256' }, data, crypto.random)).toThrow(TypeError);
      expect(() => rsaKey.sign({ kind: 'ecdsa', hash: 'sha256' }, data, crypto.random)).toThrow(TypeError);
      // RFC 8017 §9.1.1: 1024 bits have no room for two SHA-512 lengths.
      expect(() => rsaKey.sign({ kind: 'rsaPss', hash: 'sha512' }, data, crypto.random)).toThrow(TypeError);
      expect(crypto.importPublicKey(spkiOf(p256))!.verify({ kind: 'rsaPkcs1', hash: 'sha256' }, data, data)).toBe(
        false,
      );
      expect(crypto.importPublicKey(spkiOf(rsa))!.verify({ kind: 'ecdsa', hash: 'sha256' }, data, data)).toBe(false);
      expect(
        crypto.importPublicKey(spkiOf(rsa))!.verify({ kind: 'rsaPss', hash: 'sha512' }, data, new Uint8Array(128)),
      ).toBe(false);
    });

    test('keys of other kinds are null, or a TypeError', () => {
      for (const key of [
        generateKeyPairSync('ed25519'),
        generateKeyPairSync('ec', { namedCurve: 'P-521' }),
        generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
        generateKeyPairSync('rsa', { modulusLength: 768 }),
        generateKeyPairSync('rsa-pss', { modulusLength: 1024 }),
      ]) {
        expect(crypto.importPublicKey(spkiOf(key))).toBe(null);
        expect(() => crypto.importPrivateKey(pkcs8Of(key))).toThrow(TypeError);
      }
    });

    test('an RSA exponent that is even, one, or very long is null', () => {
      const modulus = Buffer.from(rsa.publicKey.export({ format: 'jwk' }).n!, 'base64url');
      const spki = (exponent: Uint8Array) => {
        const integer = (bytes: Uint8Array) => encodeDer(DER.integer, concatBytes(Uint8Array.of(0), bytes));
        const small = (bytes: Uint8Array) => (bytes[0]! < 0x80 ? encodeDer(DER.integer, bytes) : integer(bytes));
        const key = encodeDer(DER.sequence, integer(modulus), small(exponent));
        const algorithm = fromHex('300d06092a864886f70d0101010500');
        return encodeDer(DER.sequence, algorithm, encodeDer(DER.bitString, Uint8Array.of(0), key));
      };
      expect(crypto.importPublicKey(spki(Uint8Array.of(1, 0, 1)))).not.toBe(null);
      expect(createPublicKey({ key: Buffer.from(spki(Uint8Array.of(3))), format: 'der', type: 'spki' })).toBeDefined();
      expect(crypto.importPublicKey(spki(Uint8Array.of(1)))).toBe(null);
      expect(crypto.importPublicKey(spki(Uint8Array.of(1, 0, 0)))).toBe(null);
      expect(crypto.importPublicKey(spki(new Uint8Array(9).fill(1)))).toBe(null);
    });

    test('a point off the curve, compressed or hybrid is null', () => {
      const spki = spkiOf(p256);
      const pointAt = spki.length - 65;
      const point = (change: (point: Uint8Array) => Uint8Array) =>
        crypto.importPublicKey(encodeEcPublicKey('secp256r1', change(spki.slice(pointAt))));
      expect(point((bytes) => bytes)).not.toBe(null);
      expect(point((bytes) => bytes.fill(1, 1))).toBe(null);
      expect(point((bytes) => bytes.fill(0xff, 1))).toBe(null);
      expect(point((bytes) => concatBytes(Uint8Array.of(2 | (bytes[64]! & 1)), bytes.subarray(1, 33)))).toBe(null);
      expect(point((bytes) => concatBytes(Uint8Array.of(6 | (bytes[64]! & 1)), bytes.subarray(1)))).toBe(null);
      expect(point(() => Uint8Array.of(0))).toBe(null);
    });

    test('no prefix, and nothing with a byte too many, is a key', () => {
      for (const key of [p256, rsa]) {
        const spki = spkiOf(key);
        const pkcs8 = pkcs8Of(key);
        for (let length = 0; length < spki.length; length++) {
          expect(crypto.importPublicKey(spki.subarray(0, length))).toBe(null);
        }
        expect(crypto.importPublicKey(concatBytes(spki, Uint8Array.of(0)))).toBe(null);
        for (let length = 0; length < pkcs8.length; length++) {
          expect(() => crypto.importPrivateKey(pkcs8.subarray(0, length))).toThrow(TypeError);
        }
        expect(() => crypto.importPrivateKey(concatBytes(pkcs8, Uint8Array.of(0)))).toThrow(TypeError);
      }
    });

    test('a private key out of range is a TypeError', () => {
      const point = spkiOf(p256).subarray(-65);
      for (const scalar of [new Uint8Array(32), new Uint8Array(32).fill(0xff)]) {
        expect(() => crypto.importPrivateKey(encodeEcPrivateKey('secp256r1', scalar, point))).toThrow(TypeError);
      }
    });
  });

  test('the random source fills all of it, whatever the size', () => {
    for (const length of [0, 1, 65_536, 200_000]) {
      const bytes = new Uint8Array(length + 2);
      crypto.random.fill(bytes.subarray(1, 1 + length));
      expect([bytes[0], bytes[length + 1]]).toEqual([0, 0]);
      if (length > 1000) expect(bytes.subarray(length - 100, length).some((byte) => byte !== 0)).toBe(true);
    }
  });

  test('the same random source makes the same key agreement', () => {
    for (const group of ['x25519', 'secp256r1', 'secp384r1'] as const) {
      const make = (seed: number) => toHex(crypto.generateKeyAgreement(group, seededRandom(seed)).publicKey);
      expect(make(1)).toBe(make(1));
      expect(make(1)).not.toBe(make(2));
    }
  });
}

/** Ecdsa-Sig-Value, RFC 3279 §2.2.3. */
function encodeSignature(r: string, s: string): Uint8Array {
  const integer = (hex: string) => {
    const bytes = fromHex(hex);
    return encodeDer(DER.integer, bytes[0]! < 0x80 ? bytes : concatBytes(Uint8Array.of(0), bytes));
  };
  return encodeDer(DER.sequence, integer(r), integer(s));
}
