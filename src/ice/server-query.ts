/** Asking one STUN server, from one socket, how the world sees that socket (RFC 8445 §5.1.1.2, RFC 8489 §6). */
import {
  BINDING,
  type ClientTransaction,
  readAddress,
  readErrorCode,
  readXorAddress,
  STUN_ATTRIBUTE,
  type StunErrorCode,
  type StunMessage,
  StunWriter,
} from '../stun/index.ts';
import type { SocketAddress } from './address.ts';
import type { LocalBase } from './local-bases.ts';
import type { StunServer } from './types.ts';

export type ServerQuery = {
  readonly base: LocalBase;
  readonly server: StunServer;
  readonly transaction: ClientTransaction;
  /** When no answer will be waited for any longer. */
  readonly expiresAt: number;
};

export type ServerAnswer =
  | { readonly kind: 'mapped'; readonly mapped: SocketAddress }
  | { readonly kind: 'error'; readonly error: StunErrorCode };

/** No authentication, no FINGERPRINT: "for the Binding method … no attributes are required" (RFC 8489 §6.1). */
export function encodeServerRequest(transactionId: Uint8Array, software: string | undefined): Uint8Array {
  const writer = new StunWriter('request', BINDING, transactionId);
  if (software !== undefined) writer.text(STUN_ATTRIBUTE.software, software);
  return writer.finish();
}

/** What the server said; `null` for an answer without the address, as if it had not come. */
export function readServerAnswer(message: StunMessage): ServerAnswer | null {
  if (message.messageClass === 'error') {
    const error = readErrorCode(message);
    return error === null ? null : { kind: 'error', error };
  }
  // MAPPED-ADDRESS is all that servers older than RFC 5389 send.
  const mapped =
    readXorAddress(message, STUN_ATTRIBUTE.xorMappedAddress) ?? readAddress(message, STUN_ATTRIBUTE.mappedAddress);
  return mapped === null || mapped.port === 0 ? null : { kind: 'mapped', mapped };
}
