/** One client's allocation on a server (RFC 8656 §3.2, §6): its relayed addresses, permissions and channels. Knows no messages. */
import type { SocketAddress } from '../stun/index.ts';
import { type AddressFamily, TURN_ERROR } from './registry.ts';
import type { TurnFlow } from './server-types.ts';

export const PERMISSION_LIFETIME_MS = 300_000; // RFC 8656 §9
export const CHANNEL_LIFETIME_MS = 600_000; // RFC 8656 §12

/** RFC 8656 §9: for an address, whatever the port. Channels are found by way of it. */
type Permission = { expiresAt: number; readonly channels: Map<number, Channel> };

export type Channel = {
  readonly number: number;
  readonly peer: SocketAddress;
  /** `inside`: only as long as another relay of this server is there. */
  readonly way: 'network' | 'inside';
  expiresAt: number;
};

export type Relay = {
  readonly id: number;
  readonly family: AddressFamily;
  /** `null` until it is open. */
  address: SocketAddress | null;
  /** Why it could not be opened. */
  errorCode: number | null;
};

/** An Allocate request that is being worked on. */
export type PendingAllocate = { readonly deadline: number; readonly settled: (now: number) => void };

export type AllocationLimits = { readonly maxPermissions: number; readonly maxChannels: number };

export class Allocation {
  readonly flow: TurnFlow;
  readonly username: string;
  readonly quotaKey: string;
  /** Of the Allocate request, to know its retransmissions by (RFC 8656 §7.2). */
  readonly transactionKey: string;
  readonly relays: readonly Relay[];
  expiresAt: number;
  /** Until the relays are open. */
  pending: PendingAllocate | null = null;
  bytesFromClient = 0;
  bytesToClient = 0;
  /** What may still be relayed, as of `tokensAt`. */
  #tokens: number;
  #tokensAt: number;
  readonly #limits: AllocationLimits;
  readonly #permissions = new Map<string, Permission>();
  readonly #channels = new Map<number, Channel>();

  constructor(
    init: Pick<Allocation, 'flow' | 'username' | 'quotaKey' | 'transactionKey' | 'relays' | 'expiresAt'>,
    limits: AllocationLimits,
    now: number,
  ) {
    this.flow = init.flow;
    this.username = init.username;
    this.quotaKey = init.quotaKey;
    this.transactionKey = init.transactionKey;
    this.relays = init.relays;
    this.expiresAt = init.expiresAt;
    this.#limits = limits;
    this.#tokens = Infinity;
    this.#tokensAt = now;
  }

  get permissionCount(): number {
    return this.#permissions.size;
  }

  get channelCount(): number {
    return this.#channels.size;
  }

  /** The relay to reach a peer of that family from. */
  relayOf(family: 4 | 6 | 0): Relay | null {
    return this.relays.find((relay) => relay.family === family && relay.errorCode === null) ?? null;
  }

  /** Installs or refreshes permissions, all or none. @returns an error code, or `null` */
  permit(addresses: readonly string[], now: number): number | null {
    const missing = new Set(addresses.filter((address) => !this.#permissions.has(address))).size;
    if (missing > 0 && this.#permissions.size + missing > this.#limits.maxPermissions) {
      this.sweep(now);
      const stillMissing = new Set(addresses.filter((address) => !this.#permissions.has(address))).size;
      if (this.#permissions.size + stillMissing > this.#limits.maxPermissions) return TURN_ERROR.insufficientCapacity;
    }
    for (const address of addresses) this.#permit(address, now);
    return null;
  }

  /** Binds or refreshes a channel, and its permission (RFC 8656 §12.2). @returns an error code, or `null` */
  bind(channelNumber: number, peer: SocketAddress, way: Channel['way'], now: number): number | null {
    const known = this.#channel(channelNumber, now);
    const other = this.#channelOf(peer, now);
    if (known !== other) return 400; // the number is another peer's, or the peer has another number
    if (known === null && this.#channels.size >= this.#limits.maxChannels) {
      this.sweep(now);
      if (this.#channels.size >= this.#limits.maxChannels) return TURN_ERROR.insufficientCapacity;
    }
    const refused = this.permit([peer.address], now);
    if (refused !== null) return refused;
    if (known !== null) {
      known.expiresAt = now + CHANNEL_LIFETIME_MS;
      return null;
    }
    this.#removeChannel(channelNumber); // one that expired and was not swept yet
    const channel: Channel = { number: channelNumber, peer, way, expiresAt: now + CHANNEL_LIFETIME_MS };
    this.#channels.set(channelNumber, channel);
    this.#permissions.get(peer.address)!.channels.set(peer.port, channel);
    return null;
  }

  isPermitted(address: string, now: number): boolean {
    const permission = this.#permissions.get(address);
    return permission !== undefined && now < permission.expiresAt;
  }

  /** `null` when it is unbound, or its permission has run out: channels last longer than those. */
  channelTo(channelNumber: number, now: number): Channel | null {
    const channel = this.#channel(channelNumber, now);
    return channel !== null && this.isPermitted(channel.peer.address, now) ? channel : null;
  }

  /** How a peer's datagram goes to the client: on that channel, in a Data indication (`null`), or not at all. */
  wayFrom(peer: SocketAddress, now: number): Channel | null | 'notPermitted' {
    if (!this.isPermitted(peer.address, now)) return 'notPermitted';
    return this.#channelOf(peer, now);
  }

  /** Takes `bytes` from what may be relayed: a second's worth may be used at once. */
  spend(bytes: number, bytesPerSecond: number, now: number): boolean {
    if (bytesPerSecond === Infinity) return true;
    const earned = ((now - this.#tokensAt) * bytesPerSecond) / 1000;
    this.#tokens = Math.min(bytesPerSecond, this.#tokens + earned);
    this.#tokensAt = now;
    if (this.#tokens < bytes) return false;
    this.#tokens -= bytes;
    return true;
  }

  /** Forgets what has expired. */
  sweep(now: number): void {
    for (const channel of this.#channels.values()) {
      if (now >= channel.expiresAt) this.#removeChannel(channel.number);
    }
    for (const [address, permission] of this.#permissions) {
      if (now >= permission.expiresAt && permission.channels.size === 0) this.#permissions.delete(address);
    }
  }

  #permit(address: string, now: number): void {
    const permission = this.#permissions.get(address);
    if (permission !== undefined) permission.expiresAt = now + PERMISSION_LIFETIME_MS;
    else this.#permissions.set(address, { expiresAt: now + PERMISSION_LIFETIME_MS, channels: new Map() });
  }

  #channel(channelNumber: number, now: number): Channel | null {
    const channel = this.#channels.get(channelNumber);
    return channel === undefined || now >= channel.expiresAt ? null : channel;
  }

  #channelOf(peer: SocketAddress, now: number): Channel | null {
    const channel = this.#permissions.get(peer.address)?.channels.get(peer.port);
    return channel === undefined || now >= channel.expiresAt ? null : channel;
  }

  #removeChannel(channelNumber: number): void {
    const channel = this.#channels.get(channelNumber);
    if (channel === undefined) return;
    this.#channels.delete(channelNumber);
    const ofAddress = this.#permissions.get(channel.peer.address)?.channels;
    if (ofAddress?.get(channel.peer.port) === channel) ofAddress.delete(channel.peer.port);
  }
}
