/** What a server does with a request whose sender is proved: Allocate, Refresh, CreatePermission, ChannelBind. */
import type { EventQueue } from '../machine.ts';
import {
  addressFamily,
  readXorAddresses,
  STUN_ATTRIBUTE,
  STUN_ERROR,
  type StunMessage,
  transactionKey,
} from '../stun/index.ts';
import { readAllocateRequest } from './allocate-request.ts';
import type { Allocation } from './allocation.ts';
import type { AllocationTable } from './allocation-table.ts';
import { isChannelNumber } from './channel-data.ts';
import type { PeerGate } from './peer-gate.ts';
import { type AddressFamily, REASON_PHRASES, TURN_ATTRIBUTE, TURN_ERROR, TURN_METHOD } from './registry.ts';
import type { ServerAnswers, User } from './server-answers.ts';
import type { TurnFlow, TurnServerEvent } from './server-types.ts';
import { addressErrorCodeValue, readAddressFamily, readChannelNumber, readLifetime } from './values.ts';

const DEFAULT_LIFETIME_SECONDS = 600; // RFC 8656 §3.2
const MAX_LIFETIME_SECONDS = 3600; // RFC 8656 §7.2

export type ServerRequestsContext = {
  readonly table: AllocationTable;
  readonly gate: PeerGate;
  readonly answers: ServerAnswers;
  readonly events: EventQueue<TurnServerEvent>;
  readonly families: readonly AddressFamily[];
  readonly defaultLifetimeSeconds?: number | undefined;
  readonly maxLifetimeSeconds?: number | undefined;
};

export class ServerRequests {
  readonly #context: ServerRequestsContext;
  readonly #defaultLifetimeSeconds: number;
  readonly #maxLifetimeSeconds: number;
  /** Once true, allocations are kept and none is made. */
  isDraining = false;

  /** @throws RangeError for lifetimes that make no sense */
  constructor(context: ServerRequestsContext) {
    this.#context = context;
    this.#defaultLifetimeSeconds = context.defaultLifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS;
    this.#maxLifetimeSeconds =
      context.maxLifetimeSeconds ?? Math.max(MAX_LIFETIME_SECONDS, this.#defaultLifetimeSeconds);
    if (!(this.#defaultLifetimeSeconds > 0) || !(this.#maxLifetimeSeconds >= this.#defaultLifetimeSeconds)) {
      throw new RangeError('lifetimes must be more than 0, and the maximum not less than the default');
    }
  }

  /** @returns an error code, or `null` when the request is answered or will be */
  perform(message: StunMessage, flow: TurnFlow, user: User, allocation: Allocation | null, now: number): number | null {
    if (message.method === TURN_METHOD.allocate) return this.#allocate(message, flow, user, allocation, now);
    if (allocation === null) return TURN_ERROR.allocationMismatch;
    if (allocation.username !== user.username) return TURN_ERROR.wrongCredentials; // RFC 8656 §5
    if (message.method === TURN_METHOD.refresh) return this.#refresh(message, user, allocation, now);
    return this.#permit(message, user, allocation, now);
  }

  /** RFC 8656 §7.2, in its order. */
  #allocate(message: StunMessage, flow: TurnFlow, user: User, known: Allocation | null, now: number): number | null {
    const { table, families: served } = this.#context;
    const id = transactionKey(message.transactionId);
    if (known !== null) {
      if (known.transactionKey !== id || known.username !== user.username) return TURN_ERROR.allocationMismatch;
      if (known.pending === null) this.#answerAllocate(known, message, user, now); // a retransmission
      return null;
    }
    const wanted = readAllocateRequest(message, served);
    if (typeof wanted === 'number') return wanted;
    const refused = this.isDraining ? TURN_ERROR.insufficientCapacity : table.refusal(user.quotaKey);
    if (refused !== null) return refused;
    const { families, evenPort, lifetime } = wanted;
    table.open(
      {
        flow,
        username: user.username,
        quotaKey: user.quotaKey,
        transactionKey: id,
        expiresAt: now + 1000 * this.#grant(lifetime),
        families,
        evenPort,
        settled: (allocation, at) => this.#answerSettled(allocation, message, user, at),
      },
      now,
    );
    return null;
  }

  /** Of each relay it is known now whether it is there. */
  #answerSettled(allocation: Allocation, message: StunMessage, user: User, now: number): void {
    const { table, answers, events } = this.#context;
    const { flow, username, relays } = allocation;
    const relayed = relays.flatMap(({ address }) => address ?? []);
    if (relayed.length === 0) {
      const failed = relays.find(({ errorCode }) => errorCode !== null);
      table.release(allocation, null);
      answers.refuse(message, flow, failed?.errorCode ?? TURN_ERROR.insufficientCapacity, user);
      return;
    }
    this.#answerAllocate(allocation, message, user, now);
    events.push({ kind: 'allocated', flow, username, relayed });
  }

  #answerAllocate(allocation: Allocation, message: StunMessage, user: User, now: number): void {
    this.#context.answers.succeed(message, allocation.flow, user, (writer) => {
      for (const { address, family, errorCode } of allocation.relays) {
        if (address !== null) writer.xorAddress(TURN_ATTRIBUTE.xorRelayedAddress, address);
        if (errorCode === null) continue;
        const value = addressErrorCodeValue(family, errorCode, REASON_PHRASES.get(errorCode)!);
        writer.attribute(TURN_ATTRIBUTE.addressErrorCode, value);
      }
      writer.uint32(TURN_ATTRIBUTE.lifetime, Math.max(1, Math.floor((allocation.expiresAt - now) / 1000)));
      writer.xorAddress(STUN_ATTRIBUTE.xorMappedAddress, allocation.flow.remote);
    });
  }

  /** RFC 8656 §8.2. */
  #refresh(message: StunMessage, user: User, allocation: Allocation, now: number): number | null {
    const { table, answers } = this.#context;
    const family = readAddressFamily(message, TURN_ATTRIBUTE.requestedAddressFamily);
    if (family === null) return STUN_ERROR.badRequest;
    if (family !== undefined && (family === 'unknown' || allocation.relayOf(family) === null)) {
      return TURN_ERROR.peerAddressFamilyMismatch;
    }
    const requested = readLifetime(message);
    if (requested === null) return STUN_ERROR.badRequest;
    const lifetime = requested === 0 ? 0 : this.#grant(requested);
    if (lifetime === 0) table.release(allocation, 'refreshed');
    else allocation.expiresAt = now + 1000 * lifetime;
    table.expiryChanged(allocation);
    answers.succeed(message, allocation.flow, user, (writer) => {
      writer.uint32(TURN_ATTRIBUTE.lifetime, lifetime);
    });
    return null;
  }

  /** CreatePermission (RFC 8656 §10.2) and ChannelBind (§12.2): both let a peer in. */
  #permit(message: StunMessage, user: User, allocation: Allocation, now: number): number | null {
    const { gate, answers } = this.#context;
    const peers = readXorAddresses(message, TURN_ATTRIBUTE.xorPeerAddress);
    if (peers === null || peers.length === 0) return STUN_ERROR.badRequest;
    const isBind = message.method === TURN_METHOD.channelBind;
    const channelNumber = readChannelNumber(message);
    if (isBind && (typeof channelNumber !== 'number' || !isChannelNumber(channelNumber) || peers[0]!.port === 0)) {
      return STUN_ERROR.badRequest;
    }
    const addresses = peers.map(({ address }) => address);
    if (addresses.some((address) => allocation.relayOf(addressFamily(address)) === null)) {
      return TURN_ERROR.peerAddressFamilyMismatch;
    }
    const way = isBind ? gate.wayTo(peers[0]!) : null;
    if (isBind ? way === null : !addresses.every((address) => gate.mayPermit(address))) return TURN_ERROR.forbidden;
    const code =
      way === null ? allocation.permit(addresses, now) : allocation.bind(channelNumber!, peers[0]!, way, now);
    if (code !== null) return code;
    answers.succeed(message, allocation.flow, user, () => {});
    return null;
  }

  /** The lifetime for what was asked, in seconds (RFC 8656 §7.2, §8.2). */
  #grant(requested = 0): number {
    return Math.max(this.#defaultLifetimeSeconds, Math.min(requested, this.#maxLifetimeSeconds));
  }
}
