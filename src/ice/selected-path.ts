/** The path in use: the selected pair (RFC 8445 §8.1.1), the generation it belongs to, and the consent to send on it. */
import type { EventQueue, RandomSource } from '../machine.ts';
import type { CheckPurpose, Checks } from './checks.ts';
import { Consent } from './consent.ts';
import type { Generation } from './generation.ts';
import type { Generations } from './generations.ts';
import { bestValidPair } from './nomination.ts';
import type { Pair } from './pair.ts';
import type { IceTiming } from './timing.ts';
import type { TransportFacts } from './transport-state.ts';
import type { IceEvent } from './types.ts';

type Path = { readonly pair: Pair; readonly generation: Generation };

export type SelectedPathDeps = {
  readonly lite: boolean;
  readonly timing: IceTiming;
  readonly random: RandomSource;
  readonly generations: Generations;
  readonly checks: Checks;
  readonly events: EventQueue<IceEvent>;
  readonly startCheck: (generation: Generation, pair: Pair, purpose: CheckPurpose, now: number) => void;
};

export class SelectedPath {
  readonly #deps: SelectedPathDeps;
  #path: Path | null = null;
  /** `null` without a path, and between two lite agents, who send no STUN at all. */
  #consent: Consent | null = null;

  constructor(deps: SelectedPathDeps) {
    this.#deps = deps;
  }

  get pair(): Pair | null {
    return this.#path?.pair ?? null;
  }

  get generation(): Generation | null {
    return this.#path?.generation ?? null;
  }

  /** When something is due: a check, the end of consent, or the moment the path counts as silent. */
  nextTimeout(now: number): number {
    if (this.#consent === null) return Infinity;
    const { nextTimeout, silentAt } = this.#consent;
    return silentAt > now ? Math.min(nextTimeout, silentAt) : nextTimeout;
  }

  health(now: number): TransportFacts['path'] {
    if (this.#path === null) return 'none';
    return this.isSilent(now) ? 'silent' : 'answering';
  }

  isSilent(now: number): boolean {
    return this.#consent?.isSilent(now) ?? false;
  }

  /** Whether data may be sent on a valid pair: consent begins with its check and lasts 30 s (RFC 7675 §5.1). */
  isFresh(pair: Pair, now: number): boolean {
    return now - pair.lastSignAt < this.#deps.timing.consentExpiryMs;
  }

  /** The peer proved over that pair that it is there. */
  renew(pair: Pair, now: number): void {
    pair.lastSignAt = now;
    if (pair === this.pair) this.#consent?.renew(now);
  }

  handleTimeout(now: number): void {
    const path = this.#path;
    const consent = this.#consent;
    if (path === null || consent === null) return;
    const { startCheck, checks } = this.#deps;
    for (;;) {
      const action = consent.handleTimeout(now);
      switch (action) {
        case 'none':
          return;
        case 'expired':
          this.loseConsent();
          return;
        case 'ask':
          startCheck(path.generation, path.pair, 'consent', now);
          consent.asked(now);
          break;
        case 'probe':
          if (!checks.has(path.pair, 'connectivity')) startCheck(path.generation, path.pair, 'connectivity', now);
          break;
        default:
          action satisfies never;
      }
    }
  }

  /** Consent ran out, or was withdrawn (RFC 7675 §5.2): "the endpoint MUST cease transmission on that 5-tuple". */
  loseConsent(): void {
    if (this.#path === null) return;
    const { pair, generation } = this.#path;
    pair.consentLost = true;
    generation.checklist.fail(pair);
    this.#deps.checks.forget((check) => check.pair === pair); // "… MUST be discarded when consent expires"
  }

  /** Settles which pair is in use now. */
  select(now: number): void {
    const { generations, events } = this.#deps;
    const wanted = this.#choose(now);
    if ((wanted?.pair ?? null) === this.pair) return;
    this.#path = wanted;
    this.#consent = wanted === null ? null : this.#makeConsent(wanted.pair, now);
    if (wanted?.generation === generations.current) generations.retirePrevious(now);
    events.push({ kind: 'selectedPair', pair: this.pair });
  }

  close(): void {
    this.#path = null;
    this.#consent = null;
  }

  /**
   * The nominated pair. Until there is one: through a restart the old path while it answers (RFC 8445 §9), else the best
   * valid pair, for "data can always be sent on any valid pair" (§8.1.1). A lite agent waits to be told (§8.2).
   */
  #choose(now: number): Path | null {
    const { lite, generations } = this.#deps;
    const { current } = generations;
    const { nominated } = current;
    if (nominated !== null) return nominated.valid ? { pair: nominated, generation: current } : null;
    const old = this.#path?.pair.valid && this.#path.generation === generations.previous ? this.#path : null;
    if (old !== null && !this.isSilent(now)) return old;
    const best = lite ? null : bestValidPair(current.checklist.pairs, (pair) => this.isFresh(pair, now));
    return best === null ? old : { pair: best, generation: current };
  }

  #makeConsent(pair: Pair, now: number): Consent | null {
    const { lite, timing, random } = this.#deps;
    if (pair.lastSignAt === -Infinity) return null; // nominated without a check: both are lite
    return new Consent(pair, timing, random, !lite, pair.lastSignAt, now);
  }
}
