/**
 * A client's permissions (RFC 8656 §9, §10): which peers' addresses the server lets through. One is asked for when something
 * is to be sent there, and refreshed for as long as something goes to and fro.
 */

/** RFC 8656 §9: "The Permission Lifetime MUST be 300 seconds". */
const PERMISSION_LIFETIME_MS = 300_000;
/** Refreshed a minute early, which is longer than a request may take (39.5 s). */
const PERMISSION_REFRESH_MS = 240_000;
/** One that was used neither way for that long is let go. */
const PERMISSION_IDLE_MS = 300_000;
/** How long a refusal is remembered: a peer that is out of bounds stays so. */
const REFUSAL_MS = 300_000;
/** Bound: the peer's candidates decide how many addresses are sent to, and ICE checks 100 pairs. Past it: not sent. */
export const MAX_CLIENT_PERMISSIONS = 128;
/** Bound: packets that wait for a permission, one round trip; ICE sends its checks again. Past it the oldest goes. */
const MAX_WAITING_PACKETS = 8;

export type WaitingPacket = {
  readonly packet: Uint8Array;
  readonly peer: { readonly address: string; readonly port: number };
};

export type ClientPermission = {
  readonly address: string;
  state: 'asked' | 'granted' | 'refused';
  /** When the server forgets it, or we the refusal; `Infinity` while first asked. */
  expiresAt: number;
  refreshAt: number;
  usedAt: number;
  waiting: WaitingPacket[];
};

export class ClientPermissions {
  readonly #permissions = new Map<string, ClientPermission>();
  readonly #ask: (permission: ClientPermission, now: number) => void;
  #nextTimeout = Infinity;

  /** @param ask sends the request; its answer is told by `settle` */
  constructor(ask: (permission: ClientPermission, now: number) => void) {
    this.#ask = ask;
  }

  get nextTimeout(): number {
    return this.#nextTimeout;
  }

  get size(): number {
    return this.#permissions.size;
  }

  /** Whether the server was asked to let packets from there through, and has not refused. */
  allows(address: string, now: number): boolean {
    const permission = this.#permissions.get(address);
    if (permission === undefined || permission.state === 'refused' || now >= permission.expiresAt) return false;
    permission.usedAt = now;
    return true;
  }

  /** The permission for an address, asked for if there is none. `null`: the table is full. */
  use(address: string, now: number): ClientPermission | null {
    const known = this.#permissions.get(address);
    if (known !== undefined && now < known.expiresAt) {
      known.usedAt = now;
      return known;
    }
    if (known !== undefined) this.#permissions.delete(address);
    if (this.#permissions.size >= MAX_CLIENT_PERMISSIONS) return null;
    const permission: ClientPermission = {
      address,
      state: 'asked',
      expiresAt: Infinity,
      refreshAt: Infinity,
      usedAt: now,
      waiting: [],
    };
    this.#permissions.set(address, permission);
    this.#ask(permission, now);
    return permission;
  }

  /** Keeps a packet until the answer is there. */
  wait(permission: ClientPermission, waiting: WaitingPacket): void {
    if (permission.waiting.length >= MAX_WAITING_PACKETS) permission.waiting.shift();
    permission.waiting.push(waiting);
  }

  /** The server answered, or did not: then it is as if never asked. @returns what waited for it, if it was granted */
  settle(
    permission: ClientPermission,
    answer: 'granted' | 'refused' | 'unknown',
    now: number,
  ): readonly WaitingPacket[] {
    if (this.#permissions.get(permission.address) !== permission) return [];
    const { waiting } = permission;
    permission.waiting = [];
    switch (answer) {
      case 'granted':
        permission.state = 'granted';
        permission.expiresAt = now + PERMISSION_LIFETIME_MS;
        permission.refreshAt = now + PERMISSION_REFRESH_MS;
        break;
      case 'refused':
        permission.state = 'refused';
        permission.expiresAt = now + REFUSAL_MS;
        permission.refreshAt = Infinity;
        break;
      case 'unknown':
        this.#permissions.delete(permission.address);
        break;
      default:
        answer satisfies never;
    }
    this.#schedule();
    return answer === 'granted' ? waiting : [];
  }

  /** A ChannelBind "also installs or refreshes a permission" (RFC 8656 §12.2). */
  extend(address: string, now: number): void {
    const permission = this.#permissions.get(address);
    if (permission === undefined || permission.state !== 'granted') return;
    permission.expiresAt = now + PERMISSION_LIFETIME_MS;
    permission.refreshAt = now + PERMISSION_REFRESH_MS;
    this.#schedule();
  }

  handleTimeout(now: number): void {
    if (now < this.#nextTimeout) return;
    for (const permission of this.#permissions.values()) {
      if (now >= permission.expiresAt) {
        this.#permissions.delete(permission.address);
        continue;
      }
      if (now < permission.refreshAt) continue;
      permission.refreshAt = Infinity;
      if (now - permission.usedAt < PERMISSION_IDLE_MS) this.#ask(permission, now);
    }
    this.#schedule();
  }

  clear(): void {
    this.#permissions.clear();
    this.#nextTimeout = Infinity;
  }

  #schedule(): void {
    this.#nextTimeout = Infinity;
    for (const { expiresAt, refreshAt } of this.#permissions.values()) {
      this.#nextTimeout = Math.min(this.#nextTimeout, expiresAt, refreshAt);
    }
  }
}
