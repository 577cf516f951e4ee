/**
 * RTCIceTransportState (W3C webrtc §5.6.4) as a function of the facts. `closed`, and `failed` until a restart, are kept by
 * the agent.
 *
 *                     ┌──────────── path lost ───────────┐
 *   new ─► checking ─► connected ─► completed ─► disconnected ─► failed
 *              └──────── nothing works, and nothing more will come ──┘
 */
import type { IceState } from './types.ts';

export type TransportFacts = {
  /** The selected pair: none, answering, or silent for too long. */
  readonly path: 'none' | 'answering' | 'silent';
  /** A pair was nominated in this generation, and checking has ended with it. */
  readonly isConcluded: boolean;
  readonly hasRemoteCandidates: boolean;
  /** A restart is under way: there is no way back to `new`. */
  readonly isRestarted: boolean;
  readonly pairs: number;
  /** Some pair may still succeed. */
  readonly isPending: boolean;
  readonly isGatheringComplete: boolean;
  readonly isEndOfRemoteCandidates: boolean;
  /** RFC 8863: the peer has had its time; also the substitute for a missing end-of-candidates (§5). */
  readonly isPatienceOver: boolean;
};

export function transportState(facts: TransportFacts): IceState {
  const isAllKnown = facts.isGatheringComplete && facts.isEndOfRemoteCandidates;
  switch (facts.path) {
    case 'silent':
      return 'disconnected';
    case 'answering':
      return facts.isConcluded && isAllKnown ? 'completed' : 'connected';
    case 'none':
      break;
    default:
      facts.path satisfies never;
  }
  // The nominated pair has lost consent. RFC 7675 §5.1: only a restart can bring it back.
  if (facts.isConcluded) return 'failed';
  // "has received at least one remote candidate … and is checking candidate pairs"
  if (facts.isPending && (facts.hasRemoteCandidates || facts.isRestarted)) return 'checking';
  // RFC 8838 §8 with RFC 8863 §4, §5
  if (facts.isPatienceOver && facts.isGatheringComplete) return 'failed';
  if (!facts.hasRemoteCandidates) return facts.isRestarted ? 'checking' : 'new';
  // "has finished checking all existing candidates pairs and not found a connection … and is still gathering and/or
  // waiting for additional remote candidates"
  return facts.pairs > 0 && !isAllKnown ? 'disconnected' : 'checking';
}
