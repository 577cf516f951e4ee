/** ICE: finding and keeping a path between two peers (RFC 8445). */
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
} from './address.ts';
export { IceAgent } from './agent.ts';
export {
  type CandidateType,
  candidatePriority,
  formatCandidate,
  type IceCandidate,
  isPassword,
  isUsernameFragment,
  parseCandidate,
} from './candidate.ts';
export { MAX_STUN_SERVERS } from './gatherer.ts';
export { framePacket, MAX_FRAMED_LENGTH, PacketDeframer } from './tcp-framing.ts';
export { DEFAULT_TIMING, type IceTiming } from './timing.ts';
export type {
  CandidateFilter,
  CandidatePair,
  HostSocket,
  IceAgentOptions,
  IceAgentSink,
  IceAgentStats,
  IceCredentials,
  IceEvent,
  IceGatheringState,
  IceRole,
  IceState,
  IceTransportPolicy,
  LocalCandidate,
  LocalSocket,
  PairPriority,
  PairState,
  PairStats,
  RelaySocket,
  RemoteCandidate,
  StunServer,
} from './types.ts';
