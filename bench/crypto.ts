/**
 * What cryptography costs with each provider: a packet's by suite and size, a handshake's by operation.
 *
 *   node bench/crypto.ts        (Node 22.18 or later, Deno and Bun run the source as it is)
 *
 * Each figure is the best of several short runs, so that a busy machine spoils few of them.
 */
import { certificatePublicKey, generateEcdsaCertificate } from '../src/crypto/certificate.ts';
import { nobleCrypto } from '../src/crypto/noble.ts';
import { nodeCrypto } from '../src/crypto/node.ts';
import type { AeadName, CryptoProvider, NamedGroup } from '../src/crypto/provider.ts';

const SIZES = [100, 1200, 16_384]; // bytes: a small message, a full datagram, the largest TLS record
const SUITES: readonly AeadName[] = ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'];
const GROUPS: readonly NamedGroup[] = ['x25519', 'secp256r1', 'secp384r1'];
const RUNS = 8;
const RUN_MS = 60;
const HEADROOM = 21; // bytes before the payload: a record header and an explicit nonce, so nothing is aligned
const TAG = 16;

/** ns per call. */
function measure(call: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    let calls = 0;
    let elapsed = 0;
    for (const start = performance.now(); elapsed < RUN_MS; elapsed = performance.now() - start) {
      for (let i = 0; i < 8; i++) call();
      calls += 8;
    }
    best = Math.min(best, (elapsed * 1e6) / calls);
  }
  return best;
}

function row(title: string, cells: readonly string[]): void {
  console.log(title.padEnd(30) + cells.map((cell) => cell.padStart(12)).join(''));
}

function benchPackets(crypto: CryptoProvider): void {
  row(
    `${crypto.name}: ns per packet of`,
    SIZES.map((size) => `${size} B`),
  );
  const additionalData = new Uint8Array(13);
  const nonce = new Uint8Array(12);
  for (const suite of SUITES) {
    const key = crypto.aead(suite, new Uint8Array(suite === 'aes-128-gcm' ? 16 : 32).fill(7));
    const figures = SIZES.map((size) => {
      const buffer = new Uint8Array(HEADROOM + size + TAG);
      const sealNext = () => {
        nonce[11]!++;
        key.seal(nonce, additionalData, buffer, HEADROOM, HEADROOM + size);
      };
      const seal = measure(sealNext);
      sealNext();
      const sealed = buffer.slice();
      const open = measure(() => {
        buffer.set(sealed); // opening destroys it
        if (key.open(nonce, additionalData, buffer, HEADROOM, HEADROOM + size + TAG) === null) throw new Error('lost');
      });
      return { seal, open };
    });
    row(
      `  ${suite} seal`,
      figures.map(({ seal }) => seal.toFixed(0)),
    );
    row(
      `  ${suite} open`,
      figures.map(({ open }) => open.toFixed(0)),
    );
  }
  const counter = new Uint8Array(16);
  const aesCm = crypto.aesCm(new Uint8Array(16));
  const hmac = crypto.hmac('sha1', new Uint8Array(20));
  const packets = SIZES.map((size) => new Uint8Array(size));
  row(
    '  aes-128-cm',
    packets.map((packet) => measure(() => aesCm.apply(counter, packet, 0, packet.length)).toFixed(0)),
  );
  row(
    '  hmac-sha1',
    packets.map((packet) => measure(() => hmac.sign(packet)).toFixed(0)),
  );
}

function benchHandshake(crypto: CryptoProvider): void {
  row(`${crypto.name}: µs per`, ['make', 'use', 'check']);
  const figure = (call: () => void) => (measure(call) / 1000).toFixed(0);
  row('  aes-128-gcm key', [figure(() => crypto.aead('aes-128-gcm', new Uint8Array(16)))]);
  for (const group of GROUPS) {
    const one = crypto.generateKeyAgreement(group, crypto.random);
    const other = crypto.generateKeyAgreement(group, crypto.random);
    const make = figure(() => crypto.generateKeyAgreement(group, crypto.random));
    row(`  ${group} key agreement`, [make, figure(() => one.deriveSecret(other.publicKey))]);
  }
  const options = { crypto, now: 0 };
  const { privateKey, chain } = generateEcdsaCertificate(options);
  const algorithm = { kind: 'ecdsa', hash: 'sha256' } as const;
  const data = chain[0]!;
  const signature = privateKey.sign(algorithm, data, crypto.random);
  const publicKey = crypto.importPublicKey(certificatePublicKey(data)!)!;
  row('  ecdsa certificate, signature', [
    figure(() => generateEcdsaCertificate(options)),
    figure(() => privateKey.sign(algorithm, data, crypto.random)),
    figure(() => publicKey.verify(algorithm, data, signature)),
  ]);
}

for (const crypto of [nodeCrypto, nobleCrypto]) {
  benchPackets(crypto);
  benchHandshake(crypto);
}
