export {
  type Attribute,
  type Bandwidth,
  type ConnectionAddress,
  type DescriptionType,
  type Direction,
  dataSection,
  effectiveTransport,
  type Fingerprint,
  type Group,
  type IceCredentials,
  isDataSection,
  isRejected,
  type MediaSection,
  type Origin,
  type RtcpAttributes,
  type SctpAttributes,
  type SessionDescription,
  type Setup,
  type TransportAttributes,
} from './description.ts';
export { SdpError } from './error.ts';
export { createAnswer, createOffer } from './jsep.ts';
export type { LocalModel, LocalSctp, LocalTransport, NegotiationState } from './model.ts';
export { type Negotiated, type NegotiatedSctp, negotiate } from './negotiate.ts';
export { formatDescription, parseDescription } from './text.ts';
