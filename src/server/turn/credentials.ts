/** Where a server knows its users from. Several of these stand side by side in one service. */
import type { CryptoProvider } from '../../crypto/provider.ts';
import {
  type CredentialRequest,
  type EphemeralCredential,
  ephemeralCredential,
  ephemeralCredentials,
  type TurnCredential,
} from '../../turn/index.ts';

/** What a username must be proved with, or `null` for a stranger. Asked for every request; must not throw. */
export type CredentialResolver = (username: string, request: CredentialRequest) => TurnCredential | null;

/** Names and passwords that do not change. */
export function staticUsers(users: Readonly<Record<string, string>>): CredentialResolver {
  const passwords = new Map(Object.entries(users));
  return (username) => {
    const password = passwords.get(username);
    return password === undefined ? null : { password };
  };
}

export type PeriodSecretsOptions = {
  readonly crypto: CryptoProvider;
  /** Known to whoever hands out credentials and to every server, and to nobody else. */
  readonly masterSecret: string;
  /** How long one secret serves, in seconds. The same everywhere. */
  readonly periodSeconds: number;
  /** Default: the system's clock. */
  readonly unixSeconds?: () => number;
};

/**
 * Ephemeral credentials whose secret follows from a master secret and the period in which they end: base64 of
 * HMAC-SHA-256(master secret, number of the period since 1970). So secrets change by themselves, on all servers at once, and
 * one that is found out is of no use after its period.
 */
export class PeriodSecrets {
  readonly #options: PeriodSecretsOptions;

  /** @throws RangeError for a period that is not a positive number of seconds, or no secret */
  constructor(options: PeriodSecretsOptions) {
    const { periodSeconds, masterSecret } = options;
    if (!(periodSeconds > 0)) throw new RangeError(`periodSeconds: more than 0 expected, got ${periodSeconds}`);
    if (masterSecret === '') throw new RangeError('masterSecret: a secret expected, got none');
    this.#options = options;
  }

  /** A credential for `name` that allocations can be made with for that long. */
  issue(name: string, lifetimeSeconds: number): EphemeralCredential {
    const expiresAt = Math.floor(this.#now() + lifetimeSeconds);
    return ephemeralCredential(this.#options.crypto, this.#secretOf(expiresAt), name, expiresAt);
  }

  readonly resolve: CredentialResolver = (username, request) => {
    const expiresAt = Number.parseInt(username, 10);
    if (!Number.isSafeInteger(expiresAt)) return null;
    const { crypto } = this.#options;
    const secrets = (): string[] => [this.#secretOf(expiresAt)];
    return ephemeralCredentials({ crypto, secrets, unixSeconds: () => this.#now() })(username, request);
  };

  #now(): number {
    return this.#options.unixSeconds?.() ?? Date.now() / 1000;
  }

  #secretOf(expiresAt: number): string {
    const { crypto, masterSecret, periodSeconds } = this.#options;
    const encoder = new TextEncoder();
    const period = String(Math.floor(expiresAt / periodSeconds));
    const tag = crypto.hmac('sha256', encoder.encode(masterSecret)).sign(encoder.encode(period));
    return btoa(String.fromCharCode(...tag));
  }
}
