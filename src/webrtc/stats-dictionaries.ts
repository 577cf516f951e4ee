/**
 * The dictionaries of "Identifiers for WebRTC's Statistics API" (https://www.w3.org/TR/webrtc-stats/) with those of their
 * members that PureRTC fills in. What only a codec or a loudspeaker could tell is not here.
 */
import type { RTCStats, RTCStatsType } from './stats-report.ts';

export interface RTCCodecStats extends RTCStats {
  payloadType: number;
  transportId: string;
  mimeType: string;
  clockRate?: number;
  /** Of sound. */
  channels?: number;
  sdpFmtpLine?: string;
}

interface RtpStreamStats extends RTCStats {
  ssrc: number;
  kind: string;
  transportId?: string;
  codecId?: string;
}

interface ReceivedRtpStreamStats extends RtpStreamStats {
  packetsReceived?: number;
  /** Expected less received (RFC 3550 §6.4.1): duplicates can make it negative. */
  packetsLost?: number;
  /** Seconds. */
  jitter?: number;
}

interface SentRtpStreamStats extends RtpStreamStats {
  packetsSent?: number;
  bytesSent?: number;
}

/**
 * A frame counts when it has been put together; of a track that is only forwarded, packet by packet, when its last packet
 * came. What else there is about frames and the jitter buffer is there once frames have been put together.
 */
export interface RTCInboundRtpStreamStats extends ReceivedRtpStreamStats {
  trackIdentifier: string;
  mid?: string;
  remoteId?: string;
  framesReceived?: number;
  framesDropped?: number;
  framesPerSecond?: number;
  frameWidth?: number;
  frameHeight?: number;
  framesAssembledFromMultiplePackets?: number;
  /** Seconds. */
  totalAssemblyTime?: number;
  lastPacketReceivedTimestamp?: number;
  bytesReceived?: number;
  headerBytesReceived?: number;
  packetsDiscarded?: number;
  retransmittedPacketsReceived?: number;
  retransmittedBytesReceived?: number;
  rtxSsrc?: number;
  fecSsrc?: number;
  fecPacketsReceived?: number;
  fecBytesReceived?: number;
  nackCount?: number;
  pliCount?: number;
  firCount?: number;
  /** The sender's time of what was last handed to the track, and what has gone by since: ms since 1970 on its clock. */
  estimatedPlayoutTimestamp?: number;
  /** Seconds, summed up over samples of sound, or over pictures. */
  jitterBufferDelay?: number;
  jitterBufferTargetDelay?: number;
  jitterBufferEmittedCount?: number;
  /** As packets tell (RFC 6464). */
  audioLevel?: number;
  totalAudioEnergy?: number;
  totalSamplesReceived?: number;
  /** Seconds. */
  totalSamplesDuration?: number;
}

export interface RTCOutboundRtpStreamStats extends SentRtpStreamStats {
  mid?: string;
  mediaSourceId?: string;
  remoteId?: string;
  rid?: string;
  encodingIndex?: number;
  headerBytesSent?: number;
  retransmittedPacketsSent?: number;
  retransmittedBytesSent?: number;
  rtxSsrc?: number;
  /** Bits per second that the track was last told to keep to; only of the one encoding that is sent. */
  targetBitrate?: number;
  frameWidth?: number;
  frameHeight?: number;
  framesPerSecond?: number;
  framesSent?: number;
  hugeFramesSent?: number;
  /** Seconds. */
  totalPacketSendDelay?: number;
  qualityLimitationReason?: 'none' | 'cpu' | 'bandwidth' | 'other';
  nackCount?: number;
  pliCount?: number;
  firCount?: number;
  active?: boolean;
}

export interface RTCRemoteInboundRtpStreamStats extends ReceivedRtpStreamStats {
  localId?: string;
  /** Seconds. */
  roundTripTime?: number;
  totalRoundTripTime?: number;
  roundTripTimeMeasurements?: number;
  fractionLost?: number;
}

export interface RTCRemoteOutboundRtpStreamStats extends SentRtpStreamStats {
  localId?: string;
  /** When the report was made, on the peer's clock. */
  remoteTimestamp?: number;
  reportsSent?: number;
  /** Seconds; where we send nothing ourselves (RFC 3611). */
  roundTripTime?: number;
  totalRoundTripTime?: number;
  roundTripTimeMeasurements?: number;
}

export interface RTCMediaSourceStats extends RTCStats {
  trackIdentifier: string;
  kind: string;
  /** Of video. */
  width?: number;
  height?: number;
  frames?: number;
  framesPerSecond?: number;
  /** Of sound, in seconds. */
  totalSamplesDuration?: number;
}

export interface RTCPeerConnectionStats extends RTCStats {
  dataChannelsOpened?: number;
  dataChannelsClosed?: number;
}

export interface RTCDataChannelStats extends RTCStats {
  label?: string;
  protocol?: string;
  dataChannelIdentifier?: number;
  state: 'connecting' | 'open' | 'closing' | 'closed';
  messagesSent?: number;
  bytesSent?: number;
  messagesReceived?: number;
  bytesReceived?: number;
}

export interface RTCTransportStats extends RTCStats {
  packetsSent?: number;
  packetsReceived?: number;
  bytesSent?: number;
  bytesReceived?: number;
  iceRole?: 'unknown' | 'controlling' | 'controlled';
  iceLocalUsernameFragment?: string;
  iceState?: 'new' | 'checking' | 'connected' | 'completed' | 'disconnected' | 'failed' | 'closed';
  dtlsState: 'new' | 'connecting' | 'connected' | 'closed' | 'failed';
  dtlsRole?: 'client' | 'server' | 'unknown';
  tlsVersion?: string;
  dtlsCipher?: string;
  srtpCipher?: string;
  selectedCandidatePairId?: string;
  selectedCandidatePairChanges?: number;
  localCertificateId?: string;
  remoteCertificateId?: string;
  ccfbMessagesSent?: number;
  ccfbMessagesReceived?: number;
}

export interface RTCIceCandidateStats extends RTCStats {
  transportId: string;
  address?: string | null;
  port?: number;
  protocol?: string;
  candidateType: 'host' | 'srflx' | 'prflx' | 'relay';
  priority?: number;
  url?: string;
  relayProtocol?: 'udp' | 'tcp' | 'tls';
  foundation?: string;
  relatedAddress?: string;
  relatedPort?: number;
  usernameFragment?: string;
  tcpType?: 'active' | 'passive' | 'so';
}

export interface RTCIceCandidatePairStats extends RTCStats {
  transportId: string;
  localCandidateId: string;
  remoteCandidateId: string;
  state: 'frozen' | 'waiting' | 'in-progress' | 'failed' | 'succeeded';
  nominated?: boolean;
  packetsSent?: number;
  packetsReceived?: number;
  bytesSent?: number;
  bytesReceived?: number;
  lastPacketSentTimestamp?: number;
  lastPacketReceivedTimestamp?: number;
  /** Seconds. */
  totalRoundTripTime?: number;
  currentRoundTripTime?: number;
  /** Bits per second for all media together; of the pair in use, where the peer gives feedback. */
  availableOutgoingBitrate?: number;
  requestsReceived?: number;
  requestsSent?: number;
  responsesReceived?: number;
  responsesSent?: number;
  consentRequestsSent?: number;
}

export interface RTCCertificateStats extends RTCStats {
  fingerprint: string;
  fingerprintAlgorithm: string;
  base64Certificate: string;
}

/** By `type`. */
export type StatsDictionaries = {
  'peer-connection': RTCPeerConnectionStats;
  'data-channel': RTCDataChannelStats;
  transport: RTCTransportStats;
  'candidate-pair': RTCIceCandidatePairStats;
  'local-candidate': RTCIceCandidateStats;
  'remote-candidate': RTCIceCandidateStats;
  certificate: RTCCertificateStats;
  codec: RTCCodecStats;
  'inbound-rtp': RTCInboundRtpStreamStats;
  'outbound-rtp': RTCOutboundRtpStreamStats;
  'remote-inbound-rtp': RTCRemoteInboundRtpStreamStats;
  'remote-outbound-rtp': RTCRemoteOutboundRtpStreamStats;
  'media-source': RTCMediaSourceStats;
};

/** The members of a dictionary beside those that all have; what is `undefined` is left out. */
export type StatsMembers<Type extends RTCStatsType> = {
  [Member in keyof Omit<StatsDictionaries[Type], keyof RTCStats>]:
    | Omit<StatsDictionaries[Type], keyof RTCStats>[Member]
    | undefined;
};

/** Makes one dictionary. @param timestamp by default, that of the report */
export type MakeStats = <Type extends RTCStatsType>(
  type: Type,
  id: string,
  members: StatsMembers<Type>,
  timestamp?: number,
) => RTCStats;
