import { expect, test } from 'vitest';
import { nobleCrypto } from '../../src/crypto/noble.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { CIPHER_SUITES, cipherSuitesFor } from '../../src/dtls/cipher-suites.ts';

test('the AEAD that the provider does fastest stands first, and none is left out', () => {
  const noble = cipherSuitesFor(nobleCrypto);
  expect(noble.slice(0, 2).map(({ aead }) => aead)).toEqual(['chacha20-poly1305', 'chacha20-poly1305']);
  expect(new Set(noble)).toEqual(new Set(CIPHER_SUITES));
  expect(cipherSuitesFor({ ...nodeCrypto, preferredAead: undefined })).toEqual(CIPHER_SUITES);
});
