/** The numbers of TURN: methods, attribute types and error codes, by their IANA names. */

/** RFC 8656 §17. */
export const TURN_METHOD = {
  allocate: 0x003,
  refresh: 0x004,
  send: 0x006, // indication
  data: 0x007, // indication
  createPermission: 0x008,
  channelBind: 0x009,
} as const;

/** RFC 8656 §18. */
export const TURN_ATTRIBUTE = {
  channelNumber: 0x000c,
  lifetime: 0x000d,
  xorPeerAddress: 0x0012,
  data: 0x0013,
  xorRelayedAddress: 0x0016,
  requestedAddressFamily: 0x0017,
  evenPort: 0x0018,
  requestedTransport: 0x0019,
  dontFragment: 0x001a,
  reservationToken: 0x0022,
  additionalAddressFamily: 0x8000,
  addressErrorCode: 0x8001,
  icmp: 0x8004,
} as const;

/** RFC 8656 §19. Those of STUN (300, 400, 401, 420, 438, 500) are in `STUN_ERROR`. */
export const TURN_ERROR = {
  forbidden: 403,
  /** Not sent by anyone: "Request timed out" (RFC 8656 §7.4). */
  timedOut: 408,
  allocationMismatch: 437,
  addressFamilyNotSupported: 440,
  wrongCredentials: 441,
  unsupportedTransportProtocol: 442,
  peerAddressFamilyMismatch: 443,
  allocationQuotaReached: 486,
  insufficientCapacity: 508,
} as const;

/** The reason phrases of RFC 8489 §14.8 and RFC 8656 §19. */
export const REASON_PHRASES: ReadonlyMap<number, string> = new Map([
  [300, 'Try Alternate'],
  [400, 'Bad Request'],
  [401, 'Unauthenticated'],
  [403, 'Forbidden'],
  [408, 'Request timed out'],
  [420, 'Unknown Attribute'],
  [437, 'Allocation Mismatch'],
  [438, 'Stale Nonce'],
  [440, 'Address Family not Supported'],
  [441, 'Wrong Credentials'],
  [442, 'Unsupported Transport Protocol'],
  [443, 'Peer Address Family Mismatch'],
  [486, 'Allocation Quota Reached'],
  [500, 'Server Error'],
  [508, 'Insufficient Capacity'],
]);

/** REQUESTED-TRANSPORT: "This specification only allows the use of code point 17" (RFC 8656 §18.8). */
export const UDP_PROTOCOL = 17;

/** How a client reaches its server. Between server and peers it is always UDP. */
export type TurnTransport = 'udp' | 'tcp' | 'tls';

export type AddressFamily = 4 | 6;
