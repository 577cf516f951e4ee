/** STUN (RFC 8489): messages, their authentication, and client transactions. No sockets, no clock. */
export {
  addressFamily,
  canonicalAddress,
  formatAddress,
  formatSocketAddress,
  isUnspecified,
  parseAddress,
  type SocketAddress,
  sameSocketAddress,
} from './address.ts';
export { type AddressRange, addressInRange, parseAddressRange } from './address-range.ts';
export {
  type IntegrityAlgorithm,
  type IntegrityKeys,
  integrityAlgorithm,
  shortTermKeys,
  verifyFingerprint,
  verifyIntegrity,
} from './integrity.ts';
export {
  findAttribute,
  isStun,
  parseStun,
  type StunAttribute,
  type StunClass,
  type StunMessage,
  transactionKey,
} from './message.ts';
export { BINDING, isComprehensionRequired, STUN_ATTRIBUTE, STUN_ERROR } from './registry.ts';
export { ClientTransaction, type RetransmissionTiming } from './transaction.ts';
export {
  type PasswordAlgorithm,
  readAddress,
  readErrorCode,
  readPasswordAlgorithms,
  readText,
  readUint32,
  readUint64,
  readUnknownAttributes,
  readUserhash,
  readXorAddress,
  readXorAddresses,
  type StunErrorCode,
  unknownRequiredAttributes,
} from './values.ts';
export { newTransactionId, StunWriter } from './writer.ts';
