/** What a server must understand, and does (RFC 8489 §6.3). */
import { STUN_ATTRIBUTE, type StunMessage, unknownRequiredAttributes } from '../stun/index.ts';
import { TURN_ATTRIBUTE } from './registry.ts';

/** Of those that must be understood. DONT-FRAGMENT is none of them: sockets here cannot set DF (RFC 8656 §7.2, item 4). */
const KNOWN_ATTRIBUTES: ReadonlySet<number> = new Set<number>([
  STUN_ATTRIBUTE.mappedAddress,
  STUN_ATTRIBUTE.username,
  STUN_ATTRIBUTE.messageIntegrity,
  STUN_ATTRIBUTE.messageIntegritySha256,
  STUN_ATTRIBUTE.errorCode,
  STUN_ATTRIBUTE.unknownAttributes,
  STUN_ATTRIBUTE.realm,
  STUN_ATTRIBUTE.nonce,
  STUN_ATTRIBUTE.passwordAlgorithm,
  STUN_ATTRIBUTE.userhash,
  STUN_ATTRIBUTE.xorMappedAddress,
  TURN_ATTRIBUTE.channelNumber,
  TURN_ATTRIBUTE.lifetime,
  TURN_ATTRIBUTE.xorPeerAddress,
  TURN_ATTRIBUTE.data,
  TURN_ATTRIBUTE.xorRelayedAddress,
  TURN_ATTRIBUTE.requestedAddressFamily,
  TURN_ATTRIBUTE.evenPort,
  TURN_ATTRIBUTE.requestedTransport,
  TURN_ATTRIBUTE.reservationToken,
]);

/** The attributes of a message that a server would have to understand and does not. */
export function unknownAttributes(message: StunMessage): readonly number[] {
  return unknownRequiredAttributes(message, KNOWN_ATTRIBUTES);
}
