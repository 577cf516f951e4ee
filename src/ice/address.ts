/** Transport addresses live with STUN, the lowest layer that has them; ICE is where everyone looks for them. */
export {
  addressFamily,
  canonicalAddress,
  formatAddress,
  formatSocketAddress,
  isCandidateAddress,
  isLinkLocal,
  isLoopback,
  isUnspecified,
  parseAddress,
  type SocketAddress,
  sameSocketAddress,
} from '../stun/address.ts';
