/** Who sent a request (RFC 8489 §9.2.4): the checks in the RFC's order, and nonces that the server need not remember. */
import { concatBytes, equalBytes, fromHex, setU48, toHex, u48 } from '../binary/bytes.ts';
import type { CryptoProvider, HmacKey } from '../crypto/provider.ts';
import { type RandomSource, randomBytes } from '../machine.ts';
import {
  findAttribute,
  integrityAlgorithm,
  readPasswordAlgorithms,
  readText,
  readUserhash,
  STUN_ATTRIBUTE,
  STUN_ERROR,
  type StunMessage,
  type StunWriter,
  verifyIntegrity,
} from '../stun/index.ts';
import {
  integrityKeysOf,
  longTermKey,
  NONCE_COOKIE_LENGTH,
  nonceCookie,
  type PasswordAlgorithmName,
  passwordAlgorithmName,
  passwordAlgorithmOf,
} from './long-term.ts';
import type { CredentialRequest, TurnCredential } from './server-types.ts';

const DEFAULT_NONCE_LIFETIME_SECONDS = 600;
const MAX_NONCE_LIFETIME_SECONDS = 3600; // RFC 8656 §5: "SHOULD expire the nonce at least once every hour"
const TIME_LENGTH = 6; // ms, 48 bits
const TAG_LENGTH = 16; // 128 of HMAC-SHA-256's bits: nobody guesses one in the nonce's lifetime
const NONCE_TEXT = new RegExp(`^[0-9a-f]{${2 * (TIME_LENGTH + TAG_LENGTH)}}$`);
/** Bound: the caller gives the passwords, each of which costs two hashes per request. */
const MAX_PASSWORDS = 8;

export type ServerAuthOptions = {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly realm: string;
  readonly credentials: (username: string, request: CredentialRequest) => TurnCredential | null;
  readonly usernameOf: ((userhash: Uint8Array) => string | null) | undefined;
  readonly passwordAlgorithms: readonly PasswordAlgorithmName[];
  readonly nonceLifetimeSeconds: number | undefined;
};

export type Authentication =
  | {
      readonly kind: 'user';
      readonly username: string;
      readonly quotaKey: string;
      /** What the answer is proved with. */
      readonly key: HmacKey;
    }
  | { readonly kind: 'challenge'; readonly code: 401 | 438; readonly username: string | null }
  | { readonly kind: 'badRequest' };

export class ServerAuth {
  readonly #options: ServerAuthOptions;
  readonly #nonceKey: HmacKey;
  readonly #nonceLifetimeMs: number;
  readonly #cookie: string;
  /** PASSWORD-ALGORITHMS as we send it, to compare with what comes back. */
  readonly #offered: readonly PasswordAlgorithmName[];

  constructor(options: ServerAuthOptions) {
    const lifetime = options.nonceLifetimeSeconds ?? DEFAULT_NONCE_LIFETIME_SECONDS;
    if (!(lifetime > 0 && lifetime <= MAX_NONCE_LIFETIME_SECONDS)) {
      throw new RangeError(`nonceLifetimeSeconds must be 1 to ${MAX_NONCE_LIFETIME_SECONDS}, got ${lifetime}`);
    }
    if (new TextEncoder().encode(options.realm).length > 508 || options.realm === '') {
      throw new RangeError('a realm has 1 to 508 bytes');
    }
    this.#options = options;
    this.#offered = options.passwordAlgorithms;
    this.#nonceLifetimeMs = 1000 * lifetime;
    this.#nonceKey = options.crypto.hmac('sha256', randomBytes(options.random, 32));
    this.#cookie = nonceCookie({
      passwordAlgorithms: this.#offered.length > 0,
      usernameAnonymity: options.usernameOf !== undefined,
    });
  }

  /** The checks of RFC 8489 §9.2.4, in its order. */
  authenticate(
    message: StunMessage,
    request: Omit<CredentialRequest, 'realm'>,
    now: number,
    owner: string | null,
  ): Authentication {
    if (integrityAlgorithm(message) === null)
      return { kind: 'challenge', code: STUN_ERROR.unauthenticated, username: null };
    const realm = readText(message, STUN_ATTRIBUTE.realm);
    const nonce = readText(message, STUN_ATTRIBUTE.nonce);
    const claimed = readText(message, STUN_ATTRIBUTE.username);
    const userhash = readUserhash(message);
    if (realm === null || nonce === null || (claimed === null && userhash === null)) return { kind: 'badRequest' };
    const algorithm = this.#algorithmOf(message, nonce);
    if (algorithm === null) return { kind: 'badRequest' };
    const username = claimed ?? this.#options.usernameOf?.(userhash!) ?? null;
    const unauthenticated = { kind: 'challenge', code: STUN_ERROR.unauthenticated, username } as const;
    if (username === null || realm !== this.#options.realm) return unauthenticated;
    const credential = this.#options.credentials(username, {
      ...request,
      hasAllocation: owner === username,
      realm: this.#options.realm,
    });
    if (credential === null) return unauthenticated;
    const key = this.#provenKey(message, username, credential, algorithm);
    if (key === null) return unauthenticated;
    if (!this.#isFresh(nonce, request.flow.id, now)) {
      return { kind: 'challenge', code: STUN_ERROR.staleNonce, username };
    }
    return { kind: 'user', username, quotaKey: credential.quotaKey ?? username, key };
  }

  /** REALM, NONCE and PASSWORD-ALGORITHMS of a 401 or 438. */
  writeChallenge(writer: StunWriter, flowId: string, now: number): void {
    writer.text(STUN_ATTRIBUTE.realm, this.#options.realm).text(STUN_ATTRIBUTE.nonce, this.#nonceAt(now, flowId));
    if (this.#offered.length === 0) return;
    writer.passwordAlgorithms(STUN_ATTRIBUTE.passwordAlgorithms, this.#offered.map(passwordAlgorithmOf));
  }

  /** `null`: PASSWORD-ALGORITHMS is not the one we sent, or PASSWORD-ALGORITHM none of it (the bid-down attack, §9.2.1). */
  #algorithmOf(
    message: StunMessage,
    nonce: string,
  ): { readonly name: PasswordAlgorithmName; readonly explicit: boolean } | null {
    const { passwordAlgorithms, passwordAlgorithm } = STUN_ATTRIBUTE;
    const hasList = findAttribute(message, passwordAlgorithms) !== undefined;
    const hasOne = findAttribute(message, passwordAlgorithm) !== undefined;
    const isOffered = this.#offered.length > 0 && nonce.startsWith(this.#cookie);
    if (!isOffered || (!hasList && !hasOne)) return { name: 'md5', explicit: false };
    const list = readPasswordAlgorithms(message, passwordAlgorithms)?.map(passwordAlgorithmName);
    const chosen = readPasswordAlgorithms(message, passwordAlgorithm)?.map(passwordAlgorithmName)[0];
    if (list?.join() !== this.#offered.join() || !chosen || !list.includes(chosen)) return null;
    return { name: chosen, explicit: true };
  }

  #provenKey(
    message: StunMessage,
    username: string,
    credential: TurnCredential,
    { name, explicit }: { readonly name: PasswordAlgorithmName; readonly explicit: boolean },
  ): HmacKey | null {
    const { crypto, realm } = this.#options;
    for (const key of this.#keysOf(username, realm, credential, name)) {
      const keys = integrityKeysOf(crypto, key);
      if (verifyIntegrity(message, keys) !== null) return explicit ? keys.sha256 : keys.sha1;
    }
    return null;
  }

  #keysOf(username: string, realm: string, credential: TurnCredential, name: PasswordAlgorithmName): Uint8Array[] {
    if ('keys' in credential) {
      const key = credential.keys[name];
      return key === undefined ? [] : [key];
    }
    const passwords = 'password' in credential ? [credential.password] : credential.passwords.slice(0, MAX_PASSWORDS);
    return passwords.map((password) => longTermKey(this.#options.crypto, name, username, realm, password));
  }

  // Nonces: the time they were made at, and a tag that only we can have made for that flow.

  #nonceAt(time: number, flowId: string): string {
    const stamp = new Uint8Array(TIME_LENGTH);
    setU48(stamp, 0, Math.floor(time));
    return this.#cookie + toHex(concatBytes(stamp, this.#tag(stamp, flowId)));
  }

  #isFresh(nonce: string, flowId: string, now: number): boolean {
    const text = nonce.slice(NONCE_COOKIE_LENGTH);
    if (nonce.slice(0, NONCE_COOKIE_LENGTH) !== this.#cookie || !NONCE_TEXT.test(text)) return false;
    const bytes = fromHex(text);
    const stamp = bytes.subarray(0, TIME_LENGTH);
    if (!equalBytes(bytes.subarray(TIME_LENGTH), this.#tag(stamp, flowId))) return false;
    return now - u48(stamp, 0) < this.#nonceLifetimeMs;
  }

  /** "The server MUST NOT choose the same NONCE for two requests unless they have the same source IP address and port." */
  #tag(stamp: Uint8Array, flowId: string): Uint8Array {
    const data = new TextEncoder().encode(`${this.#cookie}\0${flowId}\0`);
    return this.#nonceKey.sign(data, stamp).subarray(0, TAG_LENGTH);
  }
}
