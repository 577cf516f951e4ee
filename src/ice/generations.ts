/** The generation that is being set up and, through a restart, the one before it, whose path still carries data. */
import type { SocketAddress } from './address.ts';
import type { Generation } from './generation.ts';
import type { Pair } from './pair.ts';

/**
 * How long the previous generation is still answered and listened to once the new one has a path. The peer may follow
 * later than we, and by RFC 7675 it may send for 30 s on the consent we gave it.
 */
const PREVIOUS_GENERATION_MS = 30_000;

export class Generations {
  current: Generation;
  #previous: Generation | null = null;
  #previousExpiresAt = Infinity;
  /** The pair that `isAuthorizedPath` found last. */
  #lastHit: Pair | null = null;

  constructor(first: Generation) {
    this.current = first;
  }

  get previous(): Generation | null {
    return this.#previous;
  }

  /** When the previous generation ends. */
  get nextTimeout(): number {
    return this.#previousExpiresAt;
  }

  /** Whose credentials a request may be sent to. */
  get all(): readonly Generation[] {
    return this.#previous === null ? [this.current] : [this.current, this.#previous];
  }

  /** Starts anew; of what there is, only the generation whose path is in use stays. */
  restart(next: Generation, inUse: Generation | null): void {
    for (const generation of this.all) {
      if (generation !== inUse) invalidate(generation);
    }
    this.#previous = inUse;
    this.#previousExpiresAt = Infinity;
    this.current = next;
  }

  /** The path in use is the current generation's now. */
  retirePrevious(now: number): void {
    if (this.#previous !== null)
      this.#previousExpiresAt = Math.min(this.#previousExpiresAt, now + PREVIOUS_GENERATION_MS);
  }

  handleTimeout(now: number): void {
    if (now >= this.#previousExpiresAt) this.#dropPrevious();
  }

  close(): void {
    this.#dropPrevious();
    invalidate(this.current);
  }

  /** Called for every datagram of DTLS and SRTP: usually the same path as last time, so that is compared first. */
  isAuthorizedPath(socketId: number, remote: SocketAddress): boolean {
    const hit = this.#lastHit;
    if (hit?.valid && hit.socketId === socketId) {
      const { address, port } = hit.remoteAddress;
      if (port === remote.port && address === remote.address) return true;
    }
    const pair =
      this.current.checklist.find(socketId, remote) ?? this.#previous?.checklist.find(socketId, remote) ?? null;
    if (!pair?.valid) return false;
    this.#lastHit = pair;
    return true;
  }

  #dropPrevious(): void {
    if (this.#previous !== null) invalidate(this.#previous);
    this.#previous = null;
    this.#previousExpiresAt = Infinity;
  }
}

function invalidate(generation: Generation): void {
  for (const pair of generation.checklist.pairs) pair.valid = false;
}
