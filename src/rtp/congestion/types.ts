/**
 * What the parts of congestion control tell each other. Rates are in bits per second, times in milliseconds on the
 * caller's clock; arrival times are on a clock of their own (the receiver's, laid over ours), so only differences count.
 */

/** What a packet carries: decides its place in the pacer's queue. */
export type PacketKind = 'audio' | 'video' | 'retransmission' | 'fec' | 'padding';

/** A packet that has just left. */
export type SentPacket = {
  /**
   * The 16-bit number in its transport-wide sequence number extension; each one ahead of the one before. With RFC 8888
   * feedback it is not on the wire, but is counted all the same. `null`: no feedback will come for this packet (it has
   * no extension), though it takes its share of the path.
   */
  readonly transportSequenceNumber: number | null;
  /** What it costs the path: RTP packet, authentication tag, and UDP and IP headers if the rates are to include them. */
  readonly sizeBytes: number;
  readonly kind: PacketKind;
  readonly ssrc: number;
  /** Needed for RFC 8888 feedback, which names packets by SSRC and RTP sequence number. */
  readonly rtpSequenceNumber?: number;
  /** The probe it is part of: {@link ProbeCluster.id}. */
  readonly probe?: ProbeCluster | null;
};

/** What became of a packet, as feedback tells it. */
export type PacketResult = {
  /** The transport-wide sequence number, extended: without wraps. Feedback is ordered by it. */
  readonly sequenceNumber: number;
  readonly sentAtMs: number;
  /** When it arrived; `null` when it is reported missing. A packet reported missing may be reported received later. */
  readonly receivedAtMs: number | null;
  readonly sizeBytes: number;
  /** Bytes sent before it that no feedback comes for. */
  readonly untrackedBytes: number;
  readonly kind: PacketKind;
  readonly ssrc: number;
  readonly probe: ProbeCluster | null;
  /** It was reported missing before, so its loss has been counted already. */
  readonly wasReportedLost: boolean;
  /** RFC 3168's two bits as they arrived, where the feedback says (RFC 8888); 3 is "congestion experienced". */
  readonly ecn: number;
};

/** A packet that arrived. */
export type ReceivedResult = PacketResult & { readonly receivedAtMs: number };

/** Packets to be sent at a rate of their own, to learn whether the path carries it. */
export type ProbeCluster = {
  readonly id: number;
  readonly targetBitrate: number;
  /** At least so many packets … */
  readonly minPackets: number;
  /** … and at least so many bytes. */
  readonly minBytes: number;
  /** Packets leave in groups, one per so much time. */
  readonly intervalMs: number;
  readonly requestedAtMs: number;
};

/** What the delay says about the path's queue: stable, growing, or shrinking. */
export type BandwidthUsage = 'normal' | 'overusing' | 'underusing';

/** What may be sent. */
export type TargetRates = {
  /** For all media together, retransmissions and repair included. */
  readonly targetBitrate: number;
  /** The same without short-lived peaks: what to choose resolutions and layers by. Never above `targetBitrate`. */
  readonly stableBitrate: number;
  /** How fast the pacer may send what is queued. */
  readonly pacingBitrate: number;
  /** Up to this rate the pacer fills up with padding. */
  readonly paddingBitrate: number;
  /** 0–1, smoothed over the latest feedback. */
  readonly lossRate: number;
  /** 0 until it is known. */
  readonly roundTripTimeMs: number;
};

/** Limits that the application sets. */
export type BitrateConstraints = {
  readonly minBitrate: number;
  readonly maxBitrate: number;
  /** Where to begin; `null`: go on from where we are. */
  readonly startBitrate: number | null;
};

/**
 * An algorithm that decides how much to send. {@link GoogleCongestionControl} is the one we bring along; another one
 * may stand in its place (`CongestionControllerOptions.control`).
 *
 * It is told the time and never asks for it. After each call that changes something, its owner reads `rates` and takes
 * `takeProbes()`.
 */
export interface BandwidthControl {
  onPacketSent(packet: SentPacket, nowMs: number): void;
  /** Feedback for packets in the order they were sent. Never empty. */
  onFeedback(results: readonly PacketResult[], nowMs: number): void;
  /** What receiver reports say, over all streams together, since they last said something. */
  onLossReport(lost: number, expected: number, nowMs: number): void;
  /** The receiver's own estimate (REMB). */
  onRemoteEstimate(bitrate: number, nowMs: number): void;
  onRoundTripTime(roundTripTimeMs: number, nowMs: number): void;
  /** Packets now take another way: what was learned about the old one is of no use. */
  onRouteChange(constraints: BitrateConstraints, nowMs: number): void;
  setConstraints(constraints: BitrateConstraints, nowMs: number): void;
  /** How much the application would send if it could: there is no use in probing far beyond it. 0: not known. */
  setWantedBitrate(bitrate: number, nowMs: number): void;
  handleTimeout(nowMs: number): void;
  readonly nextTimeout: number;
  readonly rates: TargetRates;
  /** Probes to be sent; each is handed out once. */
  takeProbes(): readonly ProbeCluster[];
}
