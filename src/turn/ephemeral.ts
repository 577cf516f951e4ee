/**
 * Credentials that a server can check without knowing its users (draft-uberti-behave-turn-rest): whoever shares the secret
 * signs the time at which a user's name ends, and the signature is the password.
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import type { CredentialRequest, TurnCredential } from './server-types.ts';

/** Bound: every secret is tried by none but the one that made the credential, and a rotation needs two or three. */
const MAX_SECRETS = 8;

export type EphemeralCredential = { readonly username: string; readonly password: string };

export type EphemeralCredentialsOptions = {
  readonly crypto: CryptoProvider;
  /** Newest last; all but the last are being rotated out. Called per request, so that they may change. */
  readonly secrets: () => readonly string[];
  /** Seconds since 1970-01-01, UTC: the clock that the names are stamped by. */
  readonly unixSeconds: () => number;
  /**
   * Whether a client whose credential has ended may keep the allocation that it made in time, as WebRTC's clients never
   * change theirs during a call. Default true.
   */
  readonly keepAllocations?: boolean;
};

/** A credential for `name` that can be used until `expiresAt`, in seconds since 1970-01-01. */
export function ephemeralCredential(
  crypto: CryptoProvider,
  secret: string,
  name: string,
  expiresAt: number,
): EphemeralCredential {
  const username = `${Math.floor(expiresAt)}:${name}`;
  return { username, password: passwordOf(crypto, secret, username) };
}

/**
 * The `credentials` callback of a server that takes such credentials. Quotas count by name, whatever the stamp before it.
 * A user whose name was signed with an older secret of several is recognised by which one fits, so the callback gives all.
 */
export function ephemeralCredentials(
  options: EphemeralCredentialsOptions,
): (username: string, request: CredentialRequest) => TurnCredential | null {
  const { crypto, secrets, unixSeconds, keepAllocations = true } = options;
  return (username, { hasAllocation }) => {
    const match = /^(\d{1,12})(?::(.*))?$/s.exec(username);
    if (match === null) return null;
    const isOver = Number(match[1]) <= unixSeconds();
    if (isOver && !(keepAllocations && hasAllocation)) return null;
    const passwords = secrets()
      .slice(-MAX_SECRETS)
      .reverse()
      .map((secret) => passwordOf(crypto, secret, username));
    return passwords.length === 0 ? null : { passwords, quotaKey: match[2] ?? username };
  };
}

function passwordOf(crypto: CryptoProvider, secret: string, username: string): string {
  const encoder = new TextEncoder();
  const tag = crypto.hmac('sha1', encoder.encode(secret)).sign(encoder.encode(username));
  return btoa(String.fromCharCode(...tag));
}
