/** SRTP and SRTCP (RFC 3711, RFC 7714), keyed by DTLS (RFC 5764): the door `purertc/srtp`. */
export { SRTP_PROFILES, type SrtpProfile } from '../dtls/srtp-profiles.ts';
export { InboundSrtp } from './inbound-srtp.ts';
export { deriveSrtpKeys, SRTP_EXPORTER_LABEL, type SrtpMasterKeys, srtpKeyingMaterialLength } from './keys.ts';
export type { SrtpIndices, SrtpOptions } from './options.ts';
export { OutboundSrtp } from './outbound-srtp.ts';
export { SRTCP_MAX_OVERHEAD, SRTP_MAX_OVERHEAD } from './profiles.ts';
export { MAX_ACTIVE_SOURCES, MAX_RETIRED_SOURCES } from './sources.ts';
export type { InboundSrtpStats, OutboundSrtpStats, SrtpDropReason, SrtpRefusal } from './stats.ts';
