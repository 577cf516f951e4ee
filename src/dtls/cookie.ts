/** The cookie of a HelloVerifyRequest (RFC 6347 §4.2.1): `HMAC(Secret, Client-IP, Client-Parameters)`. */
import { concatBytes, equalBytes } from '../binary/bytes.ts';
import { ByteWriter } from '../binary/writer.ts';
import type { CryptoProvider, HmacKey } from '../crypto/provider.ts';
import type { ClientHello } from './hellos.ts';

/** Makes cookies and knows them again, without remembering any. */
export class CookieJar {
  readonly #hmac: HmacKey;
  readonly #clientAddress: Uint8Array;

  constructor(crypto: CryptoProvider, secret: Uint8Array, clientAddress: Uint8Array) {
    this.#hmac = crypto.hmac('sha256', secret);
    this.#clientAddress = clientAddress;
  }

  /** The parameters a client must repeat: version, random, session_id, cipher_suites, compression_methods. */
  bake(hello: ClientHello): Uint8Array {
    const parameters = new ByteWriter(128);
    parameters.u16(hello.version).bytes(hello.random);
    parameters.vector8((w) => w.bytes(hello.sessionId));
    parameters.vector16((suites) => {
      for (const suite of hello.cipherSuites) suites.u16(suite);
    });
    parameters.vector8((w) => w.bytes(hello.compressionMethods));
    return this.#hmac.sign(
      concatBytes(Uint8Array.of(this.#clientAddress.length), this.#clientAddress, parameters.finish()),
    );
  }

  isFresh(hello: ClientHello): boolean {
    return equalBytes(hello.cookie, this.bake(hello));
  }
}
