export { findSection, type SectionTarget, withCandidate, withEndOfCandidates } from './candidates.ts';
export { createAnswer } from './create-answer.ts';
export { createOffer } from './create-offer.ts';
export {
  type Attribute,
  type Bandwidth,
  bundleGroup,
  type ConnectionAddress,
  type DescriptionType,
  type Direction,
  dataSection,
  effectiveCredentials,
  effectiveDirection,
  effectiveTransport,
  type Fingerprint,
  type Group,
  type IceCredentials,
  intersectDirections,
  isRejected,
  type MediaSection,
  type Origin,
  type RtcpAttributes,
  receives,
  reverseDirection,
  type SctpAttributes,
  type SessionDescription,
  type Setup,
  sends,
  supportsTrickle,
  type TransportAttributes,
} from './description.ts';
export { SdpError } from './error.ts';
export { formatDescription } from './format.ts';
export type {
  BundlePolicy,
  EncodingModel,
  GatheredCandidates,
  LocalModel,
  LocalSctp,
  LocalTransport,
  NegotiationState,
  TransceiverModel,
} from './model.ts';
export {
  isIceRestart,
  type Negotiated,
  type NegotiatedSctp,
  type NegotiatedTransport,
  negotiate,
} from './negotiate.ts';
export { negotiateMedia, proposedSendRids, remoteMsids } from './negotiate-media.ts';
export type {
  NegotiatedCodec,
  NegotiatedMedia,
  NegotiatedReceiver,
  NegotiatedSender,
  RemoteSource,
} from './negotiated-media.ts';
export { parseDescription } from './parse.ts';
export { type OfferWants, type PlannedSection, planOffer } from './plan-offer.ts';
export type {
  Codec,
  HeaderExtension,
  Msid,
  Rid,
  RtpAttributes,
  Simulcast,
  SimulcastAlternative,
  SimulcastStream,
  SsrcDescription,
  SsrcGroup,
} from './rtp-description.ts';
export { newSessionId } from './sections.ts';
export { validateRemote } from './validate.ts';
