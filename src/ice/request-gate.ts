/** Where requests come in: what is not proved ends here, with the error response that RFC 8489 §9.1.3 demands. */
import { STUN_ERROR, type StunMessage } from '../stun/index.ts';
import type { SocketAddress } from './address.ts';
import { encodeError, type IncomingCheck, judgeRequest, type KeyedFragment } from './binding.ts';
import type { IceAgentStats } from './types.ts';

/**
 * Bound on answers to strangers, per second. A peer whose requests fail is helped by one; a forger could make us a
 * reflector, if only of packets about as small as his own. Past it they are dropped in silence.
 */
const MAX_ERROR_RESPONSES = 10;
const BUDGET_PERIOD_MS = 1_000;

export class RequestGate {
  readonly #stats: IceAgentStats;
  readonly #transmit: (packet: Uint8Array, socketId: number, remote: SocketAddress) => void;
  #periodEndsAt = -Infinity;
  #responsesLeft = 0;

  constructor(stats: IceAgentStats, transmit: (packet: Uint8Array, socketId: number, remote: SocketAddress) => void) {
    this.#stats = stats;
    this.#transmit = transmit;
  }

  /** The request as a check of the peer, if it is one; else counted and, within the budget, answered. */
  admit<Owner extends KeyedFragment>(
    message: StunMessage,
    owners: readonly Owner[],
    socketId: number,
    remote: SocketAddress,
    now: number,
  ): IncomingCheck<Owner> | null {
    const verdict = judgeRequest(message, owners);
    switch (verdict.kind) {
      case 'accepted':
        return verdict.check;
      case 'malformed':
        this.#stats.malformedPackets++;
        return null;
      case 'refused':
        this.#stats.requestsRefused++;
        this.#transmit(verdict.response, socketId, remote);
        return null;
      case 'unauthenticated':
        this.#reject(verdict.response, socketId, remote, now);
        return null;
      default:
        verdict satisfies never;
        return null;
    }
  }

  /** The USERNAME is right in its parts, but "not … currently valid" as a whole (RFC 8489 §9.1.3): 401. */
  turnAway(message: StunMessage, socketId: number, remote: SocketAddress, now: number): void {
    this.#reject(encodeError(message, STUN_ERROR.unauthenticated, null), socketId, remote, now);
  }

  #reject(response: Uint8Array, socketId: number, remote: SocketAddress, now: number): void {
    this.#stats.unauthenticatedRequests++;
    if (this.#mayAnswer(now)) this.#transmit(response, socketId, remote);
  }

  #mayAnswer(now: number): boolean {
    if (now >= this.#periodEndsAt) {
      this.#periodEndsAt = now + BUDGET_PERIOD_MS;
      this.#responsesLeft = MAX_ERROR_RESPONSES;
    }
    return this.#responsesLeft-- > 0;
  }
}
