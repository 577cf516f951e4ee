/**
 * What both sides have said in this handshake, as CertificateVerify, Finished and the extended master secret cover it.
 * The messages themselves are kept, not a running hash: which hash it will be is learned on the way, CertificateVerify
 * signs the bytes, and DTLS 1.3 hashes the same messages in another form (RFC 9147 §5.2).
 */
import type { CryptoProvider, HashName } from '../crypto/provider.ts';
import { HANDSHAKE_HEADER_LENGTH, type HandshakeMessage, writeFragment } from './handshake-message.ts';

export class Transcript {
  readonly #messages: HandshakeMessage[] = [];

  add(message: HandshakeMessage): void {
    this.#messages.push(message);
  }

  /** RFC 6347 §4.2.1: the first ClientHello and the HelloVerifyRequest "are not included". */
  clear(): void {
    this.#messages.length = 0;
  }

  /** RFC 6347 §4.2.6: each message "as if it had been sent as a single fragment", with the whole DTLS header. */
  bytes(): Uint8Array {
    let length = 0;
    for (const { body } of this.#messages) length += HANDSHAKE_HEADER_LENGTH + body.length;
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const message of this.#messages) {
      writeFragment(bytes, at, message, 0, message.body.length);
      at += HANDSHAKE_HEADER_LENGTH + message.body.length;
    }
    return bytes;
  }

  hash(crypto: CryptoProvider, name: HashName): Uint8Array {
    return crypto.hash(name, this.bytes());
  }
}
