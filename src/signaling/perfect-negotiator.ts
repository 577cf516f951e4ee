/**
 * The perfect negotiation pattern of the specification (https://www.w3.org/TR/webrtc/#perfect-negotiation-example): either
 * peer may change anything at any time, and when both do at once, the polite one gives way.
 */
import type { RTCPeerConnection } from 'purertc';

/** What one negotiator says to the other; plain JSON. */
export type NegotiationMessage =
  | { readonly description: { readonly type: 'offer' | 'answer' | 'pranswer' | 'rollback'; readonly sdp: string } }
  | { readonly candidate: NegotiationCandidate };

export type NegotiationCandidate = {
  readonly candidate?: string;
  readonly sdpMid?: string | null;
  readonly sdpMLineIndex?: number | null;
  readonly usernameFragment?: string | null;
};

/** The connection that is negotiated: any of the W3C's. */
export type NegotiableConnection = Pick<
  RTCPeerConnection,
  | 'signalingState'
  | 'currentRemoteDescription'
  | 'localDescription'
  | 'setLocalDescription'
  | 'setRemoteDescription'
  | 'addIceCandidate'
  | 'addEventListener'
  | 'removeEventListener'
>;

export type PerfectNegotiatorOptions = {
  /** Gives way when both offer at once. Exactly one of the two peers is polite. */
  readonly polite: boolean;
  /** Brings a message to the other peer's `receive`. Messages must arrive, and in order. */
  readonly send: (message: NegotiationMessage) => void;
  /** What goes wrong while negotiating by itself; left out, it is an uncaught error. */
  readonly onError?: (error: unknown) => void;
  /** Waits for `start`: the first offer and answer travel some other way. Default: false */
  readonly held?: boolean;
};

export class PerfectNegotiator {
  readonly polite: boolean;
  readonly #connection: NegotiableConnection;
  readonly #options: PerfectNegotiatorOptions;
  #isHeld: boolean;
  /** Something came up while held that the first offer and answer did not settle. */
  #hasMissed = false;
  #isMakingOffer = false;
  #isIgnoringOffer = false;
  #isSettingRemoteAnswer = false;
  #isClosed = false;

  constructor(connection: NegotiableConnection, options: PerfectNegotiatorOptions) {
    this.#connection = connection;
    this.#options = options;
    this.polite = options.polite;
    this.#isHeld = options.held ?? false;
    connection.addEventListener('negotiationneeded', this.#onNegotiationNeeded);
    connection.addEventListener('icecandidate', this.#onCandidate);
  }

  /** Ends the hold: from now on negotiation is this object's. */
  start(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    if (this.#hasMissed) this.#onNegotiationNeeded();
  }

  /**
   * Takes what the other negotiator said. Call it for one message after the other, without waiting in between.
   * @throws what the connection throws at descriptions and candidates that it cannot use
   */
  async receive(message: NegotiationMessage): Promise<void> {
    if (this.#isClosed) return;
    const connection = this.#connection;
    if ('candidate' in message) {
      try {
        await connection.addIceCandidate(message.candidate);
      } catch (error) {
        if (!this.#isIgnoringOffer) throw error; // those of an offer that was ignored fit nothing
      }
      return;
    }
    const { description } = message;
    const isStable = connection.signalingState === 'stable' || this.#isSettingRemoteAnswer;
    const isCollision = description.type === 'offer' && (this.#isMakingOffer || !isStable);
    this.#isIgnoringOffer = !this.polite && isCollision;
    if (this.#isIgnoringOffer) return;
    this.#isSettingRemoteAnswer = description.type === 'answer';
    try {
      await connection.setRemoteDescription(description); // which rolls our own offer back, if there is one
    } finally {
      this.#isSettingRemoteAnswer = false;
    }
    if (description.type !== 'offer') return;
    await connection.setLocalDescription();
    this.#sendDescription();
  }

  /** Lets go of the connection, without closing it. */
  close(): void {
    this.#isClosed = true;
    this.#connection.removeEventListener('negotiationneeded', this.#onNegotiationNeeded);
    this.#connection.removeEventListener('icecandidate', this.#onCandidate);
  }

  readonly #onNegotiationNeeded = (): void => {
    if (!this.#isHeld) void this.#offer();
    // Before there is a remote description, the first offer or answer covers it.
    else if (this.#connection.currentRemoteDescription !== null) this.#hasMissed = true;
  };

  readonly #onCandidate = ({ candidate }: { readonly candidate: { toJSON(): NegotiationCandidate } | null }): void => {
    if (!this.#isHeld && candidate !== null) this.#send({ candidate: candidate.toJSON() });
  };

  async #offer(): Promise<void> {
    try {
      this.#isMakingOffer = true;
      await this.#connection.setLocalDescription();
      this.#sendDescription();
    } catch (error) {
      if (this.#isClosed) return;
      if (this.#options.onError === undefined) throw error;
      this.#options.onError(error);
    } finally {
      this.#isMakingOffer = false;
    }
  }

  #sendDescription(): void {
    const description = this.#connection.localDescription;
    if (description !== null) this.#send({ description: { type: description.type, sdp: description.sdp } });
  }

  #send(message: NegotiationMessage): void {
    if (!this.#isClosed) this.#options.send(message);
  }
}
