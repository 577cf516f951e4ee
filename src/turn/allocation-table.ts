/** All allocations of a server: found by client, by relay and by relayed address, counted per user, ended in time. */
import type { EventQueue } from '../machine.ts';
import { addressFamily, isUnspecified, type SocketAddress } from '../stun/index.ts';
import { Allocation, type AllocationLimits, type Relay } from './allocation.ts';
import { type AddressFamily, TURN_ERROR } from './registry.ts';
import type { TurnServerEvent, TurnServerSink } from './server-types.ts';

/** A relay that the caller has not opened by then is not waited for: the client gives up after 39.5 s. */
const OPEN_TIMEOUT_MS = 10_000;
/** Expired entries are refused at once whenever they are met; their memory is freed no more often than this. */
const SWEEP_INTERVAL_MS = 1000;

export type ReleaseReason = Extract<TurnServerEvent, { kind: 'released' }>['reason'];

export type AllocationTableOptions = {
  readonly sink: Pick<TurnServerSink, 'openRelay' | 'closeRelay'>;
  readonly events: EventQueue<TurnServerEvent>;
  /** Of relayed addresses. */
  readonly families: readonly AddressFamily[];
  readonly maxAllocations: number;
  readonly maxAllocationsPerUser: number;
  readonly limits: AllocationLimits;
};

export type NewAllocation = Pick<Allocation, 'flow' | 'username' | 'quotaKey' | 'transactionKey' | 'expiresAt'> & {
  readonly families: readonly AddressFamily[];
  readonly evenPort: boolean;
  /** Called once it is known of each relay whether it is there. */
  readonly settled: (allocation: Allocation, now: number) => void;
};

type RelayEntry = { readonly allocation: Allocation; readonly relay: Relay };

export class AllocationTable {
  readonly #options: AllocationTableOptions;
  readonly #allocations = new Map<string, Allocation>();
  readonly #relays = new Map<number, RelayEntry>();
  /** Open relays by address, then port: no text is made per packet. */
  readonly #relayed = new Map<string, Map<number, RelayEntry>>();
  /** Allocations by `quotaKey`. */
  readonly #counts = new Map<string, number>();
  #lastRelayId = 0;
  #sweepAt = Infinity;

  constructor(options: AllocationTableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#allocations.size;
  }

  get nextTimeout(): number {
    return this.#sweepAt;
  }

  /** The client's allocation, unless its time is over. */
  of(flowId: string, now: number): Allocation | null {
    const allocation = this.#allocations.get(flowId);
    if (allocation === undefined) return null;
    if (now < allocation.expiresAt) return allocation;
    this.release(allocation, 'expired');
    return null;
  }

  has(flowId: string): boolean {
    return this.#allocations.has(flowId);
  }

  ofRelay(relayId: number): Allocation | null {
    return this.#relays.get(relayId)?.allocation ?? null;
  }

  /** The allocation whose relayed address that is. */
  at({ address, port }: SocketAddress): Allocation | null {
    return this.#relayed.get(address)?.get(port)?.allocation ?? null;
  }

  /** Whether any relay is at that IP address. */
  hasRelayAt(address: string): boolean {
    return this.#relayed.has(address);
  }

  /** The code that one more allocation of that user is refused with. */
  refusal(quotaKey: string): number | null {
    const { maxAllocations, maxAllocationsPerUser } = this.#options;
    if ((this.#counts.get(quotaKey) ?? 0) >= maxAllocationsPerUser) return TURN_ERROR.allocationQuotaReached;
    return this.#allocations.size >= maxAllocations ? TURN_ERROR.insufficientCapacity : null;
  }

  open(init: NewAllocation, now: number): void {
    const { families, evenPort, settled, ...rest } = init;
    const { flow, username, quotaKey } = rest;
    const relays = families.map((family): Relay => {
      const errorCode = this.#options.families.includes(family) ? null : TURN_ERROR.addressFamilyNotSupported;
      return { id: ++this.#lastRelayId, family, address: null, errorCode };
    });
    const allocation = new Allocation({ ...rest, relays }, this.#options.limits, now);
    this.#allocations.set(flow.id, allocation);
    this.#counts.set(quotaKey, (this.#counts.get(quotaKey) ?? 0) + 1);
    allocation.pending = { deadline: now + OPEN_TIMEOUT_MS, settled: (at) => settled(allocation, at) };
    this.#sweepAt = Math.min(this.#sweepAt, now + OPEN_TIMEOUT_MS, allocation.expiresAt);
    const opened = relays.filter(({ errorCode }) => errorCode === null);
    for (const relay of opened) this.#relays.set(relay.id, { allocation, relay });
    for (const { id, family } of opened) {
      this.#options.sink.openRelay({ relayId: id, family, evenPort, username, flow });
    }
  }

  /** @throws TypeError for an address that is no IP literal of the family asked for, or 0.0.0.0 or :: */
  relayOpened(relayId: number, address: SocketAddress, now: number): void {
    const entry = this.#relays.get(relayId);
    if (entry === undefined) {
      this.#options.sink.closeRelay(relayId); // its allocation is gone
      return;
    }
    const { family } = entry.relay;
    if (addressFamily(address.address) !== family || isUnspecified(address.address) || address.port === 0) {
      throw new TypeError(`a relay needs the IPv${family} address that peers reach it at, got "${address.address}"`);
    }
    entry.relay.address = address;
    const ports = this.#relayed.get(address.address) ?? new Map<number, RelayEntry>();
    this.#relayed.set(address.address, ports.set(address.port, entry));
    this.#settleIfReady(entry.allocation, now);
  }

  relayFailed(relayId: number, now: number, code: number): void {
    const entry = this.#relays.get(relayId);
    if (entry === undefined) return;
    this.#forgetRelay(entry.relay);
    const { allocation, relay } = entry;
    relay.errorCode = code;
    relay.address = null;
    if (allocation.pending !== null) this.#settleIfReady(allocation, now);
    else if (allocation.relays.every(({ errorCode }) => errorCode !== null)) this.release(allocation, 'closed');
  }

  /** A lifetime has changed. */
  expiryChanged(allocation: Allocation): void {
    this.#sweepAt = Math.min(this.#sweepAt, allocation.expiresAt);
  }

  /** The client is gone. */
  closeFlow(flowId: string): void {
    const allocation = this.#allocations.get(flowId);
    if (allocation !== undefined) this.release(allocation, 'disconnected');
  }

  /** Ends all allocations that `isMeant` says. @returns how many there were */
  releaseAll(reason: ReleaseReason, isMeant: (allocation: Allocation) => boolean = () => true): number {
    const meant = [...this.#allocations.values()].filter(isMeant);
    for (const allocation of meant) this.release(allocation, reason);
    if (this.#allocations.size === 0) this.#sweepAt = Infinity;
    return meant.length;
  }

  /** @param reason `null`: it never came to be */
  release(allocation: Allocation, reason: ReleaseReason | null): void {
    const { flow, username, quotaKey, bytesFromClient, bytesToClient } = allocation;
    if (this.#allocations.get(flow.id) !== allocation) return;
    this.#allocations.delete(flow.id);
    const count = this.#counts.get(quotaKey)! - 1;
    if (count === 0) this.#counts.delete(quotaKey);
    else this.#counts.set(quotaKey, count);
    const wasPending = allocation.pending !== null;
    allocation.pending = null;
    for (const relay of allocation.relays) this.#closeRelay(relay);
    if (reason === null || wasPending) return;
    this.#options.events.push({ kind: 'released', flow, username, reason, bytesFromClient, bytesToClient });
  }

  sweep(now: number): void {
    if (now < this.#sweepAt) return;
    let next = Infinity;
    for (const allocation of this.#allocations.values()) {
      const { pending } = allocation;
      if (now >= allocation.expiresAt) {
        this.release(allocation, 'expired');
        continue;
      }
      if (pending !== null && now >= pending.deadline) {
        for (const relay of allocation.relays) if (relay.address === null) this.#giveUp(relay);
        this.#settleIfReady(allocation, now);
        if (!this.#allocations.has(allocation.flow.id)) continue;
      }
      allocation.sweep(now);
      next = Math.min(next, allocation.expiresAt, allocation.pending?.deadline ?? Infinity);
    }
    this.#sweepAt = next === Infinity ? Infinity : Math.max(next, now + SWEEP_INTERVAL_MS);
  }

  #settleIfReady(allocation: Allocation, now: number): void {
    if (allocation.relays.some(({ address, errorCode }) => address === null && errorCode === null)) return;
    const { pending } = allocation;
    allocation.pending = null;
    pending?.settled(now);
  }

  #giveUp(relay: Relay): void {
    if (this.#closeRelay(relay)) relay.errorCode = TURN_ERROR.insufficientCapacity;
  }

  #closeRelay(relay: Relay): boolean {
    if (!this.#forgetRelay(relay)) return false;
    this.#options.sink.closeRelay(relay.id);
    return true;
  }

  #forgetRelay({ id, address }: Relay): boolean {
    const ports = address === null ? undefined : this.#relayed.get(address.address);
    if (ports?.get(address!.port)?.relay.id === id) ports.delete(address!.port);
    if (ports?.size === 0) this.#relayed.delete(address!.address);
    return this.#relays.delete(id);
  }
}
