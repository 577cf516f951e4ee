/**
 * How many bytes may be in flight: the door behind which congestion controllers stand (`reno-congestion-control.ts`
 * is the one of RFC 9260). A controller is told what happened and answers with `cwnd`; it sends nothing by itself.
 */
export interface CongestionControl {
  /** Congestion window in bytes: no packet of data is begun while `flightSize` is not below it. */
  readonly cwnd: number;
  /** Where slow start ends, in bytes. For statistics; `Infinity` when the controller has no such thing. */
  readonly ssthresh: number;
  /** A SACK acknowledged data that was not acknowledged before. Called before `onLoss` for the same SACK. */
  onAcknowledgement(sample: AcknowledgementSample): void;
  /** A loss episode begins (RFC 9260 §7.2.4, step 2). Not called again until the episode is over. */
  onLoss(flightSize: number, now: number): void;
  /** T3-rtx expired with data in flight (RFC 9260 §6.3.3, E1). */
  onRetransmissionTimeout(flightSize: number, now: number): void;
  /** New data is about to be sent, after nothing was in flight for `idleMs`. */
  onIdle(idleMs: number, rtoMs: number): void;
}

/** What one SACK said. The object is used again for the next SACK: do not keep it. Sizes are in bytes of DATA chunks. */
export type AcknowledgementSample = {
  now: number;
  /** Acknowledged for the first time. */
  acknowledgedBytes: number;
  /** In flight before this SACK. */
  flightSizeBefore: number;
  /** In flight after it. */
  flightSize: number;
  /** The cumulative acknowledgement moved. */
  cumulativeAdvanced: boolean;
  /** A loss episode is under way. */
  inRecovery: boolean;
  /** Round trip measured with this SACK, in ms; 0 when it measured none. */
  rttMs: number;
};

export type CongestionPath = {
  /** PMDCS: bytes of DATA chunks that fit into one packet. */
  readonly maxDataBytesPerPacket: number;
};
