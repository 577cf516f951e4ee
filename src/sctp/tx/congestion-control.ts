/** How many bytes may be in flight: the door behind which congestion controllers stand. */
export interface CongestionControl {
  /** Congestion window in bytes. */
  readonly cwnd: number;
  readonly ssthresh: number;
}

export type CongestionPath = { readonly mtu: number };
