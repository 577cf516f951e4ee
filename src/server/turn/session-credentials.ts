/**
 * Credentials that are good for as long as a signaling session lives: `<end>:<session>`, signed as ephemeral ones are. The
 * end is for those who took a credential and never came; the session's end is what counts.
 */
import type { CryptoProvider } from '../../crypto/provider.ts';
import { type RandomSource, randomBytes } from '../../machine.ts';
import { type EphemeralCredential, ephemeralCredential, ephemeralCredentials } from '../../turn/index.ts';
import type { CredentialResolver } from './credentials.ts';

const DEFAULT_LIFETIME_SECONDS = 3600;
const SECRET_BYTES = 32;
/** RFC 8489 §14.3: a USERNAME has at most 508 bytes; the stamp and its colon need 13. */
const MAX_SESSION_ID_BYTES = 256;

export type SessionCredentialsOptions = {
  /** Asked whenever a session's credential is used: on Allocate, on Refresh, and for each permission and channel. Must not throw. */
  readonly isLive: (sessionId: string) => boolean;
  /** How long a credential may wait for its first use, in seconds. Default 3600. */
  readonly lifetimeSeconds?: number;
  /** Where several servers share sessions, the same in all. Default: a random one, which is forgotten at the end. */
  readonly secret?: string;
};

export type SessionCredentialsContext = {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly unixSeconds: () => number;
  /** A session that is over has an allocation, and came to keep it. */
  readonly onDead: (sessionId: string) => void;
};

export class SessionCredentials {
  readonly resolve: CredentialResolver;
  readonly #context: SessionCredentialsContext;
  readonly #secret: string;
  readonly #lifetimeSeconds: number;

  constructor({ isLive, lifetimeSeconds, secret }: SessionCredentialsOptions, context: SessionCredentialsContext) {
    const { crypto, random, unixSeconds, onDead } = context;
    const ownSecret = secret ?? btoa(String.fromCharCode(...randomBytes(random, SECRET_BYTES)));
    if (ownSecret === '') throw new RangeError('sessions.secret: a secret expected, got none');
    this.#context = context;
    this.#secret = ownSecret;
    this.#lifetimeSeconds = lifetimeSeconds ?? DEFAULT_LIFETIME_SECONDS;
    if (!(this.#lifetimeSeconds > 0)) {
      throw new RangeError(`sessions.lifetimeSeconds: more than 0 expected, got ${lifetimeSeconds}`);
    }
    const signed = ephemeralCredentials({ crypto, secrets: () => [ownSecret], unixSeconds });
    this.resolve = (username, request) => {
      const colon = username.indexOf(':');
      const credential = colon < 0 ? null : signed(username, request);
      if (credential === null) return null;
      const sessionId = username.slice(colon + 1);
      if (isLive(sessionId)) return credential;
      // Of strangers nothing follows: they can name any session, and looking for its allocations costs something.
      if (request.hasAllocation) onDead(sessionId);
      return null;
    };
  }

  /** @throws RangeError for a name that no username could hold */
  issue(sessionId: string): EphemeralCredential {
    const length = new TextEncoder().encode(sessionId).length;
    if (length < 1 || length > MAX_SESSION_ID_BYTES) {
      throw new RangeError(`a session's name has 1 to ${MAX_SESSION_ID_BYTES} bytes, got ${length}`);
    }
    const { crypto, unixSeconds } = this.#context;
    return ephemeralCredential(crypto, this.#secret, sessionId, unixSeconds() + this.#lifetimeSeconds);
  }
}
