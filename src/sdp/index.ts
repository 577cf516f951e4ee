export { findSection, type SectionTarget, withCandidate, withEndOfCandidates } from './candidates.ts';
export { createAnswer } from './create-answer.ts';
export { createOffer, type OfferWants } from './create-offer.ts';
export {
  type Attribute,
  type Bandwidth,
  bundleGroup,
  type ConnectionAddress,
  type DescriptionType,
  type Direction,
  dataSection,
  effectiveCredentials,
  effectiveTransport,
  type Fingerprint,
  type Group,
  type IceCredentials,
  isRejected,
  type MediaSection,
  type Origin,
  type RtcpAttributes,
  type SctpAttributes,
  type SessionDescription,
  type Setup,
  supportsTrickle,
  type TransportAttributes,
} from './description.ts';
export { SdpError } from './error.ts';
export { formatDescription } from './format.ts';
export type { LocalModel, LocalSctp, LocalTransport, NegotiationState } from './model.ts';
export { isIceRestart, type Negotiated, type NegotiatedSctp, negotiate } from './negotiate.ts';
export { parseDescription } from './parse.ts';
export { newSessionId } from './sections.ts';
export { validateRemote } from './validate.ts';
