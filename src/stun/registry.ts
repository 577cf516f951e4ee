/** The numbers of STUN: methods, attribute types and error codes, by their IANA names. */

/** The one method of RFC 8489 §18.2. */
export const BINDING = 0x001;

/** Attribute types: RFC 8489 §18.3 and, marked, RFC 8445 §20.1. Below 0x8000 the receiver must understand them. */
export const STUN_ATTRIBUTE = {
  mappedAddress: 0x0001,
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  realm: 0x0014,
  nonce: 0x0015,
  messageIntegritySha256: 0x001c,
  passwordAlgorithm: 0x001d,
  userhash: 0x001e,
  xorMappedAddress: 0x0020,
  priority: 0x0024, // ICE
  useCandidate: 0x0025, // ICE
  passwordAlgorithms: 0x8002,
  alternateDomain: 0x8003,
  software: 0x8022,
  alternateServer: 0x8023,
  fingerprint: 0x8028,
  iceControlled: 0x8029, // ICE
  iceControlling: 0x802a, // ICE
} as const;

/** RFC 8489 §14.8 and, marked, RFC 8445 §16.2. */
export const STUN_ERROR = {
  tryAlternate: 300,
  badRequest: 400,
  unauthenticated: 401,
  forbidden: 403, // RFC 7675 §5.2: consent is withdrawn
  unknownAttribute: 420,
  staleNonce: 438,
  roleConflict: 487, // ICE
  serverError: 500,
} as const;

/** Whether a receiver that does not know the type must refuse the message (RFC 8489 §14). */
export function isComprehensionRequired(type: number): boolean {
  return type < 0x8000;
}
