/** TURN (RFC 8656): a client and a server as machines, and the codecs they share. No sockets, no clock. */
export {
  channelDataOf,
  channelNumberOf,
  encodeChannelData,
  isChannelData,
  isChannelNumber,
  MAX_CHANNEL_NUMBER,
  MIN_CHANNEL_NUMBER,
} from './channel-data.ts';
export { TurnClient } from './client.ts';
export type { TurnClientEvent, TurnClientOptions, TurnClientStats } from './client-types.ts';
export {
  type EphemeralCredential,
  type EphemeralCredentialsOptions,
  ephemeralCredential,
  ephemeralCredentials,
} from './ephemeral.ts';
export {
  longTermKey,
  nonceCookie,
  opaqueString,
  type PasswordAlgorithmName,
  readNonceCookie,
  type SecurityFeatures,
  userhashOf,
} from './long-term.ts';
export { DEFAULT_DENIED_PEERS, PeerPolicy, type PeerPolicyOptions } from './peer-policy.ts';
export {
  type AddressFamily,
  REASON_PHRASES,
  TURN_ATTRIBUTE,
  TURN_ERROR,
  TURN_METHOD,
  type TurnTransport,
} from './registry.ts';
export { TurnServer } from './server.ts';
export type {
  CredentialRequest,
  RelayRequest,
  TurnCredential,
  TurnFlow,
  TurnServerEvent,
  TurnServerOptions,
  TurnServerSink,
  TurnServerStats,
} from './server-types.ts';
export { MAX_STREAM_MESSAGE_LENGTH, StreamFramer } from './stream-framer.ts';
export { type IcmpError, isTurnData } from './values.ts';
