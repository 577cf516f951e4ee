/** The clocks of ICE and where their values come from. Everything in milliseconds. */

export type IceTiming = {
  /** Ta: the least time between two new transactions of this agent, 5 or more. Less floods NATs; more slows every call. */
  readonly taMs: number;
  /** The floor of the retransmission timeout of checks and of gathering, 500 or more. */
  readonly minRtoMs: number;
  /** How long a STUN server is asked. More delays `complete` when one is dead; less loses candidates of slow ones. */
  readonly gatheringMs: number;
  /** How long the controlling side waits for a better pair once one works. Data flows meanwhile. */
  readonly nominationSettleMs: number;
  /** How long the peer's checks are waited for before `failed`. */
  readonly pacMs: number;
  /** How long requests on the selected pair may stay unanswered before `disconnected`. */
  readonly disconnectedMs: number;
  /** How long after the last answer sending stops. */
  readonly consentExpiryMs: number;
  /** The least and the most time between two consent checks; the least is 4000 or more. */
  readonly consentIntervalMs: readonly [least: number, most: number];
};

export const DEFAULT_TIMING: IceTiming = {
  taMs: 50, // RFC 8445 §14.2
  minRtoMs: 500, // RFC 8445 §14.3
  gatheringMs: 9_500, // five requests at 0, 500, 1500, 3500, 7500 ms and two seconds for the last: what browsers allow
  nominationSettleMs: 200, // RFC 8445 §8.1.1 leaves it open; four Ta
  pacMs: 39_500, // RFC 8863 §4
  disconnectedMs: 5_000, // W3C webrtc §5.6.4 leaves it open; see consent.ts
  consentExpiryMs: 30_000, // RFC 7675 §5.1
  consentIntervalMs: [4_000, 6_000], // RFC 7675 §5.1: 5 s "randomized from between 0.8 and 1.2 times"
};

const LEAST_TA_MS = 5; // RFC 8445 §14.2
const LEAST_RTO_MS = 500; // RFC 8445 §14.3: "MUST NOT use an RTO value smaller than 500 ms"
const LEAST_CONSENT_INTERVAL_MS = 4_000; // RFC 7675 §5.1: "MUST NOT set the period … to less than 4 seconds"

/** The defaults with `given` over them. Throws `RangeError` for what the RFCs forbid. */
export function completeTiming(given: Partial<IceTiming> = {}): IceTiming {
  const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const timing: IceTiming = { ...DEFAULT_TIMING, ...defined };
  const [least, most] = timing.consentIntervalMs;
  requireAtLeast('taMs', timing.taMs, LEAST_TA_MS);
  requireAtLeast('minRtoMs', timing.minRtoMs, LEAST_RTO_MS);
  requireAtLeast('consentIntervalMs[0]', least, LEAST_CONSENT_INTERVAL_MS);
  requireAtLeast('consentIntervalMs[1]', most, least);
  for (const name of ['gatheringMs', 'nominationSettleMs', 'pacMs', 'disconnectedMs', 'consentExpiryMs'] as const) {
    requireAtLeast(name, timing[name], 0);
  }
  return timing;
}

function requireAtLeast(name: string, value: number, least: number): void {
  if (!(value >= least)) throw new RangeError(`timing.${name} must be ${least} ms or more, got ${value}`);
}
