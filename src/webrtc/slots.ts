/**
 * The internal slots of RTCPeerConnection (WebRTC §4.4.1.1), shared by the algorithms beside this file. Where the
 * specification writes connection.[[Name]], the code writes `slots.name`.
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Channel } from '../datachannel/index.ts';
import type { IceCredentials } from '../ice/index.ts';
import type { MediaStream } from '../media/tracks.ts';
import type { Runtime, TimerHandle } from '../runtime/runtime.ts';
import type { NegotiatedMedia, SessionDescription } from '../sdp/index.ts';
import type { RTCCertificate } from './certificate.ts';
import type { Configuration } from './configuration.ts';
import type { ConnectionTransport } from './connection-transport.ts';
import type { DataChannelSlots, RTCDataChannel } from './data-channel.ts';
import type { OperationsChain } from './operations-chain.ts';
import type { PeerTransport } from './peer-transport.ts';
import type { TransceiverSlots } from './rtp-transceiver.ts';
import type { RTCSctpTransport, SctpTransportSlots } from './sctp-transport.ts';
import type { RTCSessionDescription } from './session-description.ts';
import type { PeerConnectionSettings } from './settings.ts';
import type { StatsIds } from './stats-counters.ts';
import type { TaskQueue } from './task-queue.ts';

export type RTCSignalingState =
  | 'stable'
  | 'have-local-offer'
  | 'have-remote-offer'
  | 'have-local-pranswer'
  | 'have-remote-pranswer'
  | 'closed';
export type RTCIceGatheringState = 'new' | 'gathering' | 'complete';
export type RTCIceConnectionState =
  | 'new'
  | 'checking'
  | 'connected'
  | 'completed'
  | 'disconnected'
  | 'failed'
  | 'closed';
export type RTCPeerConnectionState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed';

/** A description in force: the object scripts see, and what it says. Both gain candidates as they are found. */
export type AppliedDescription = {
  /** Another one with each candidate that is added. */
  object: RTCSessionDescription;
  content: SessionDescription;
  /** Of the section that speaks for each transport, once offer and answer stand. */
  tags: ReadonlyMap<ConnectionTransport, number> | null;
};

/** A transceiver's place in an offer. */
export type OfferedTransceiver = {
  readonly transceiver: TransceiverSlots;
  readonly mLineIndex: number;
  readonly mid: string;
};

/** An object that scripts see, and the slots behind it. */
export type Exposed<Interface, Slots> = { readonly object: Interface; readonly slots: Slots };
export type ExposedDataChannel = Exposed<RTCDataChannel, DataChannelSlots>;

export type PeerConnectionSlots = {
  /** The connection itself, at which events are fired. */
  readonly target: EventTarget;
  readonly settings: PeerConnectionSettings;
  readonly runtime: Runtime;
  readonly crypto: CryptoProvider;
  readonly tasks: TaskQueue;
  readonly operations: OperationsChain;
  configuration: Configuration;
  /** From the configuration, or one made for this connection alone. The first is the one DTLS shows. */
  readonly certificates: Promise<readonly RTCCertificate[]>;
  isClosed: boolean;
  negotiationNeeded: boolean;

  signalingState: RTCSignalingState;
  iceGatheringState: RTCIceGatheringState;
  iceConnectionState: RTCIceConnectionState;
  connectionState: RTCPeerConnectionState;

  currentLocalDescription: AppliedDescription | null;
  pendingLocalDescription: AppliedDescription | null;
  currentRemoteDescription: AppliedDescription | null;
  pendingRemoteDescription: AppliedDescription | null;
  lastCreatedOffer: string;
  lastCreatedAnswer: string;
  /** The latest of the two as data: its version counts, applied or not (RFC 8829 §5.2.2). */
  lastCreated: SessionDescription | null;
  readonly sdpSessionId: string;
  setLocalDescriptionCalled: boolean;
  canTrickleIceCandidates: boolean | null;

  /** Credentials for the first description, made before there is a transport to ask. */
  initialIceCredentials: IceCredentials;
  /** Username fragments that `restartIce` wants replaced. */
  localIceCredentialsToReplace: ReadonlySet<string>;

  /** [[DataChannels]]: all that are not closed. */
  readonly dataChannels: Set<ExposedDataChannel>;
  /** The same, by what lies beneath. */
  readonly dataChannelOf: Map<Channel, ExposedDataChannel>;
  hasCreatedDataChannel: boolean;
  dataChannelsOpened: number;
  dataChannelsClosed: number;
  /** How many were ever made: the next one's number in statistics. */
  dataChannelsMade: number;

  /** The set of transceivers, in the order they were made; those that stopped stay while their section does. */
  readonly transceivers: TransceiverSlots[];
  /** RFC 7022: the name that all our sources share. */
  readonly cname: string;
  /** The streams that the peer has named, by their ids. */
  readonly remoteStreams: Map<string, MediaStream>;
  /** Which transceiver is in which section of the last offer (RFC 8829 §5.2.1). */
  offerPlan: readonly OfferedTransceiver[];
  /** What the last answer settled. */
  negotiatedMedia: readonly NegotiatedMedia[];
  /** Timers of what the connection plays; they end with it. */
  readonly timers: Set<TimerHandle>;

  /** None until a description needs one, and again after the rollback of the first. */
  transports: ConnectionTransport[];
  /** How many were ever made. */
  transportsMade: number;
  sctp: Exposed<RTCSctpTransport, SctpTransportSlots> | null;
  /** What the data channels are bound to. */
  dataPeer: PeerTransport | null;
  /** Why the association ended, by the cause code of its ABORT. */
  sctpCauseCode: number | null;

  readonly statsIds: StatsIds;
};

/** `localDescription`: pending if there is one, else current. */
export function localDescription(slots: PeerConnectionSlots): AppliedDescription | null {
  return slots.pendingLocalDescription ?? slots.currentLocalDescription;
}

export function remoteDescription(slots: PeerConnectionSlots): AppliedDescription | null {
  return slots.pendingRemoteDescription ?? slots.currentRemoteDescription;
}
