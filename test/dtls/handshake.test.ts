import { describe, expect, test } from 'vitest';
import { nobleCrypto } from '../../src/crypto/noble.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { loadCertificate, Pair } from './pair.ts';

test('smoke', () => {
  for (const crypto of [nodeCrypto, nobleCrypto]) {
    const pair = new Pair({ crypto, server: { clientCertificate: 'required' }, client: { certificate: loadCertificate('rsa-2048', crypto) } }).run();
    console.log(pair.client.events, pair.server.events, pair.client.connection.stats, pair.server.connection.stats);
    expect(pair.connected).toBe(true);
  }
});
