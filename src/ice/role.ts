/** Who decides: the controlling or the controlled role, and what happens when both sides think alike (RFC 8445 §7.3.1.1). */
import { type RandomSource, randomUint32 } from '../machine.ts';
import { type IncomingCheck, type KeyedFragment, otherRole, type TieBreaker, tieBreakerAtLeast } from './binding.ts';
import type { IceRole } from './types.ts';

/** What a request's claim means: no conflict, we have switched, or the sender must (487). */
export type ClaimOutcome = 'agreed' | 'switched' | 'refused';

export class RoleKeeper {
  readonly #random: RandomSource;
  #role: IceRole;
  #tieBreaker: TieBreaker;

  constructor(role: IceRole, random: RandomSource) {
    this.#role = role;
    this.#random = random;
    this.#tieBreaker = this.#newTieBreaker();
  }

  get role(): IceRole {
    return this.#role;
  }

  get tieBreaker(): TieBreaker {
    return this.#tieBreaker;
  }

  set(role: IceRole): void {
    this.#role = role;
  }

  /** A request claims a role. The larger tie-breaker is or becomes controlling; the receiver wins a draw. */
  judge(claim: IncomingCheck<KeyedFragment>['claim']): ClaimOutcome {
    if (claim === null || claim.role !== this.#role) return 'agreed';
    const isOursLarger = tieBreakerAtLeast(this.#tieBreaker, claim.tieBreaker);
    const wantsControl = isOursLarger ? 'controlling' : 'controlled';
    if (this.#role === wantsControl) return 'refused';
    this.#role = wantsControl;
    return 'switched';
  }

  /**
   * A check sent in `role` was refused with 487 (RFC 8445 §7.2.5.1): switch, unless another answer made us do so already.
   * @returns whether the role has changed
   */
  yield(role: IceRole): boolean {
    if (role !== this.#role) return false;
    this.#role = otherRole(role);
    this.#tieBreaker = this.#newTieBreaker(); // "MUST change the tiebreaker value"
    return true;
  }

  #newTieBreaker(): TieBreaker {
    return { high: randomUint32(this.#random), low: randomUint32(this.#random) };
  }
}
