/**
 * Checks in flight: requests sent, retransmitted, and matched with what comes back (RFC 8445 §7.2). What an answer means
 * for the pair is decided by the agent; here is decided whether it is an answer.
 */
import type { RandomSource } from '../machine.ts';
import {
  ClientTransaction,
  newTransactionId,
  type RetransmissionTiming,
  readErrorCode,
  readXorAddress,
  STUN_ATTRIBUTE,
  STUN_ERROR,
  type StunMessage,
  transactionKey,
  unknownRequiredAttributes,
} from '../stun/index.ts';
import { type SocketAddress, sameSocketAddress } from './address.ts';
import { encodeCheck, isAuthenticResponse, KNOWN_ATTRIBUTES } from './binding.ts';
import type { Generation } from './generation.ts';
import type { Pair } from './pair.ts';
import type { RoleKeeper } from './role.ts';
import type { IceTiming } from './timing.ts';
import type { IceRole } from './types.ts';

/**
 * Bound: 100 pairs can be in progress; the rest are cancelled checks that wait for late answers, one per request of the
 * peer. Past it the oldest cancelled one is forgotten.
 */
const MAX_CHECKS_IN_FLIGHT = 256;

/** RFC 8489 §6.2.2: Ti, how long an answer over TCP is waited for; the request is sent once (RFC 6544 §7.1). */
const RELIABLE_TIMEOUT_MS = 39_500;

/** `consent` is sent once (RFC 7675 §5.1); `nomination` carries USE-CANDIDATE. */
export type CheckPurpose = 'connectivity' | 'nomination' | 'consent';

export type Check = {
  readonly key: string;
  readonly generation: Generation;
  readonly pair: Pair;
  readonly purpose: CheckPurpose;
  /** Our role when it was sent. */
  readonly role: IceRole;
  /** Its PRIORITY attribute. */
  readonly priority: number;
  readonly transaction: ClientTransaction;
  /** RFC 8445 §7.3.1.4: a newer check of the pair is under way; silence is no failure, an answer still a success. */
  isCancelled: boolean;
};

export type CheckOutcome =
  | { readonly kind: 'success'; readonly check: Check; readonly mapped: SocketAddress }
  | { readonly kind: 'roleConflict'; readonly check: Check }
  /** RFC 7675 §5.2: the peer wants no more. */
  | { readonly kind: 'forbidden'; readonly check: Check }
  | { readonly kind: 'failure'; readonly check: Check };

export class Checks {
  readonly #random: RandomSource;
  readonly #timing: IceTiming;
  readonly #transmit: (packet: Uint8Array, socketId: number, remote: SocketAddress) => void;
  readonly #inFlight = new Map<string, Check>();

  constructor(
    random: RandomSource,
    timing: IceTiming,
    transmit: (packet: Uint8Array, socketId: number, remote: SocketAddress) => void,
  ) {
    this.#random = random;
    this.#timing = timing;
    this.#transmit = transmit;
  }

  get nextTimeout(): number {
    let next = Infinity;
    for (const { transaction } of this.#inFlight.values()) next = Math.min(next, transaction.nextTimeout);
    return next;
  }

  /** Sends a Binding request from the pair's base to its remote candidate (RFC 8445 §7.2.4). */
  start(
    generation: Generation,
    pair: Pair,
    purpose: CheckPurpose,
    role: RoleKeeper,
    priority: number,
    now: number,
  ): void {
    const transactionId = newTransactionId(this.#random);
    const request = encodeCheck(
      {
        transactionId,
        username: generation.checkUsername,
        role: role.role,
        tieBreaker: role.tieBreaker,
        priority,
        useCandidate: purpose === 'nomination',
      },
      generation.remoteKeys!,
    );
    const key = transactionKey(transactionId);
    const once = (waitMs: number): RetransmissionTiming => ({ rtoMs: waitMs, requests: 1, lastWait: 1 });
    const isReliable = pair.base.protocol === 'tcp';
    const timing =
      purpose === 'consent'
        ? once(this.#timing.consentExpiryMs)
        : isReliable
          ? once(RELIABLE_TIMEOUT_MS)
          : { rtoMs: this.#rtoMs(generation) };
    const transmit = (packet: Uint8Array): void => this.#transmit(packet, pair.socketId, pair.remoteAddress);
    const transaction = new ClientTransaction(request, timing, transmit, now);
    this.#makeRoom();
    this.#inFlight.set(key, {
      key,
      generation,
      pair,
      purpose,
      role: role.role,
      priority,
      transaction,
      isCancelled: false,
    });
    pair.stats.lastRequestAt = now;
    if (purpose === 'consent') pair.stats.consentRequestsSent++;
    else pair.stats.requestsSent++;
  }

  /**
   * What a response brings; `null` for one that answers nothing or is not the peer's, which changes nothing: "as if it
   * had never been received" (RFC 8489 §9.1.4).
   */
  receive(message: StunMessage, socketId: number, remote: SocketAddress, now: number): CheckOutcome | null {
    const check = this.#inFlight.get(transactionKey(message.transactionId));
    if (check === undefined || !isAuthenticResponse(message, check.generation.remoteKeys!)) return null;
    this.#inFlight.delete(check.key);
    const { pair } = check;
    pair.stats.responsesReceived++;
    const roundTripMs = check.transaction.roundTripMs(now);
    if (roundTripMs !== undefined) {
      pair.stats.currentRoundTripMs = roundTripMs;
      pair.stats.totalRoundTripMs += roundTripMs;
    }
    // RFC 8445 §7.2.5.2.1: "If the addresses are not symmetric, the agent MUST set the candidate pair state to Failed."
    if (socketId !== pair.socketId || !sameSocketAddress(remote, pair.remoteAddress)) return { kind: 'failure', check };
    if (message.messageClass === 'error') return errorOutcome(message, check);
    const mapped = readXorAddress(message, STUN_ATTRIBUTE.xorMappedAddress);
    const isUnderstood = unknownRequiredAttributes(message, KNOWN_ATTRIBUTES).length === 0; // RFC 8489 §6.3.3
    if (mapped === null || !isUnderstood) return { kind: 'failure', check };
    pair.stats.lastResponseAt = now;
    return { kind: 'success', check, mapped };
  }

  /** Retransmits what is due. @returns the checks that timed out */
  handleTimeout(now: number): Check[] {
    const timedOut: Check[] = [];
    for (const check of this.#inFlight.values()) {
      if (!check.transaction.handleTimeout(now)) continue;
      this.#inFlight.delete(check.key);
      timedOut.push(check);
    }
    return timedOut;
  }

  /** RFC 8445 §7.3.1.4: no more retransmissions, but late answers count. */
  cancel(pair: Pair): void {
    for (const check of this.#inFlight.values()) {
      if (check.pair !== pair || check.isCancelled || check.purpose === 'consent') continue;
      check.isCancelled = true;
      check.transaction.stopRetransmitting();
    }
  }

  /** Answers to these do not matter any more. */
  forget(isForgotten: (check: Check) => boolean): void {
    for (const check of this.#inFlight.values()) {
      if (isForgotten(check)) this.#inFlight.delete(check.key);
    }
  }

  has(pair: Pair, purpose: CheckPurpose): boolean {
    for (const check of this.#inFlight.values()) {
      if (check.pair === pair && check.purpose === purpose && !check.isCancelled) return true;
    }
    return false;
  }

  /**
   * RFC 8445 §14.3: MAX (500 ms, Ta × (Num-Waiting + Num-In-Progress)), so that each pair is asked once before any is
   * asked again. The RFC's further factor N, the number of checks to be performed, would make 20 pairs wait 20 s for a
   * lost packet; it allows other formulas, and implementations leave N out.
   */
  #rtoMs(generation: Generation): number {
    return Math.max(this.#timing.minRtoMs, this.#timing.taMs * generation.checklist.activeCount);
  }

  #makeRoom(): void {
    if (this.#inFlight.size < MAX_CHECKS_IN_FLIGHT) return;
    for (const check of this.#inFlight.values()) {
      if (!check.isCancelled) continue;
      this.#inFlight.delete(check.key);
      return;
    }
  }
}

function errorOutcome(message: StunMessage, check: Check): CheckOutcome {
  switch (readErrorCode(message)?.code) {
    case STUN_ERROR.roleConflict:
      return { kind: 'roleConflict', check };
    case STUN_ERROR.forbidden:
      return { kind: 'forbidden', check };
    default:
      return { kind: 'failure', check };
  }
}
