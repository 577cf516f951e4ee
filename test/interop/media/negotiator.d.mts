/** The types of negotiator.mjs, which is plain JavaScript because pages load it as it is. */

export type SignalingMessage = {
  description?: { type: RTCSdpType; sdp: string };
  candidate?: RTCIceCandidateInit;
};

export type NegotiationCounts = { offers: number; answers: number; ignored: number; rollbacks: number };

/** What it uses of a connection, so that ours and the browser's both are one. */
export type NegotiableConnection = {
  // biome-ignore lint/suspicious/noExplicitAny: handlers of two type systems
  onnegotiationneeded: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  onicecandidate: any;
};

export function negotiator(
  pc: NegotiableConnection,
  options: {
    polite: boolean;
    send: (message: SignalingMessage) => void;
    /** Between a remote offer and our answer. */
    beforeAnswer?: () => void | Promise<void>;
  },
): {
  readonly counts: NegotiationCounts;
  /** What was thrown on the way: nothing, when all is well. */
  readonly faults: string[];
  receive(message: SignalingMessage): Promise<void>;
};
