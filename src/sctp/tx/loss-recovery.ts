/** Which chunks in flight are lost: the door behind which loss detection stands. */
export interface LossRecovery {
  readonly nextTimeout: number;
}

export type LossRecoveryContext = { readonly mtu: number };
