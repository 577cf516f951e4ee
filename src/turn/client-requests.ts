/**
 * A TURN client's requests: sent, authenticated with the long-term credential mechanism (RFC 8489 §9.2), challenged, sent
 * again, answered. What they ask for is the client's business.
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import type { RandomSource } from '../machine.ts';
import {
  ClientTransaction,
  findAttribute,
  type IntegrityKeys,
  integrityAlgorithm,
  newTransactionId,
  type PasswordAlgorithm,
  readErrorCode,
  readPasswordAlgorithms,
  readText,
  readUnknownAttributes,
  STUN_ATTRIBUTE,
  STUN_ERROR,
  type StunErrorCode,
  type StunMessage,
  StunWriter,
  transactionKey,
  verifyFingerprint,
  verifyIntegrity,
} from '../stun/index.ts';
import {
  integrityKeysOf,
  longTermKey,
  type PasswordAlgorithmName,
  passwordAlgorithmName,
  passwordAlgorithmOf,
  readNonceCookie,
  userhashOf,
} from './long-term.ts';
import { REASON_PHRASES, TURN_ERROR } from './registry.ts';

/**
 * Bound: one request per permission and channel, and one for the allocation, can be under way. Past it a request fails at
 * once, as if the server had not answered.
 */
const MAX_REQUESTS = 256;
/** Bound: a server that finds every nonce stale, its newest included, is asked no more often than that. */
const MAX_STALE_NONCES = 3;
/** Bound: a challenge, and one more where the server changes its realm. */
const MAX_CHALLENGES = 2;
/** Bound: what of PASSWORD-ALGORITHMS is echoed (§9.2.5); there are two algorithms. */
const MAX_PASSWORD_ALGORITHMS = 8;

/** Ti = 39.5 s (RFC 8489 §6.2.2): over a stream, a request is sent once and given as long as over UDP. */
const STREAM_TIMING = { rtoMs: 500, requests: 1, lastWait: 79 } as const;

export type TurnRequest = {
  readonly method: number;
  /** Writes the attributes of the method. Called once per attempt. */
  readonly write: (writer: StunWriter) => void;
  readonly done: (outcome: TurnOutcome, now: number) => void;
};

export type TurnOutcome =
  | { readonly kind: 'success'; readonly message: StunMessage }
  /** `message` is absent when nobody answered, or nobody whose answer could be believed. */
  | { readonly kind: 'error'; readonly code: number; readonly text: string; readonly message?: StunMessage };

export type ClientRequestsOptions = {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly username: string;
  readonly password: string;
  readonly reliable: boolean;
  readonly rtoMs: number;
  readonly software: string | undefined;
};

export type ClientRequestsStats = {
  /** Answers to nothing asked, or malformed. */
  unexpectedResponses: number;
  /** Answers whose integrity is missing or wrong. */
  unauthenticatedResponses: number;
};

/** What a challenge told us, and the keys made of it. */
type Authentication = {
  readonly realm: string;
  readonly nonce: string;
  /** As it came, to be echoed; `null`: the server offers none, and MD5 is meant. */
  readonly offered: readonly PasswordAlgorithm[] | null;
  readonly algorithm: PasswordAlgorithmName;
  readonly keys: IntegrityKeys;
  readonly userhash: Uint8Array | null;
};

type Pending = {
  readonly request: TurnRequest;
  readonly transaction: ClientTransaction;
  readonly authentication: Authentication | null;
  readonly staleNonces: number;
  readonly challenges: number;
  /** The last answer that could not be believed, for whoever wonders why there was none. */
  unbelieved: StunErrorCode | null;
};

export class ClientRequests {
  readonly stats: ClientRequestsStats = { unexpectedResponses: 0, unauthenticatedResponses: 0 };
  readonly #options: ClientRequestsOptions;
  readonly #transmit: (packet: Uint8Array) => void;
  readonly #pending = new Map<string, Pending>();
  #authentication: Authentication | null = null;

  constructor(options: ClientRequestsOptions, transmit: (packet: Uint8Array) => void) {
    this.#options = options;
    this.#transmit = transmit;
  }

  get nextTimeout(): number {
    let next = Infinity;
    for (const { transaction } of this.#pending.values()) next = Math.min(next, transaction.nextTimeout);
    return next;
  }

  send(request: TurnRequest, now: number): void {
    this.#attempt(request, { staleNonces: 0, challenges: 0 }, now);
  }

  /** Forgets all requests; none is reported any more. */
  clear(): void {
    this.#pending.clear();
  }

  handleTimeout(now: number): void {
    for (const [key, pending] of this.#pending) {
      if (!pending.transaction.handleTimeout(now)) continue;
      this.#pending.delete(key);
      pending.request.done(timedOut(pending), now);
    }
  }

  handleResponse(message: StunMessage, now: number): void {
    const key = transactionKey(message.transactionId);
    const pending = this.#pending.get(key);
    if (pending === undefined || message.method !== pending.request.method || verifyFingerprint(message) === false) {
      this.stats.unexpectedResponses++;
      return;
    }
    if (message.messageClass !== 'error') {
      if (this.#isBelieved(key, pending, message, null, now))
        this.#finish(key, pending, { kind: 'success', message }, now);
      return;
    }
    const error = readErrorCode(message);
    if (error === null) {
      this.stats.unexpectedResponses++;
      return;
    }
    if (error.code === STUN_ERROR.unauthenticated || error.code === STUN_ERROR.staleNonce) {
      this.#handleChallenge(key, pending, message, error, now);
      return;
    }
    if (!this.#isBelieved(key, pending, message, error, now)) return;
    this.#finish(key, pending, failure(error, message), now);
  }

  #attempt(request: TurnRequest, history: Pick<Pending, 'staleNonces' | 'challenges'>, now: number): void {
    if (this.#pending.size >= MAX_REQUESTS) {
      request.done({ kind: 'error', code: TURN_ERROR.timedOut, text: 'too many requests are under way' }, now);
      return;
    }
    const { random, reliable, rtoMs } = this.#options;
    const transactionId = newTransactionId(random);
    const packet = this.#encode(request, transactionId);
    const timing = reliable ? STREAM_TIMING : { rtoMs };
    this.#pending.set(transactionKey(transactionId), {
      request,
      transaction: new ClientTransaction(packet, timing, this.#transmit, now),
      authentication: this.#authentication,
      ...history,
      unbelieved: null,
    });
  }

  /** RFC 8489 §9.2.3.1, before a challenge without, and §9.2.3.2, after it with the credentials. */
  #encode(request: TurnRequest, transactionId: Uint8Array): Uint8Array {
    const { software, username } = this.#options;
    const writer = new StunWriter('request', request.method, transactionId);
    if (software !== undefined) writer.text(STUN_ATTRIBUTE.software, software);
    request.write(writer);
    const authentication = this.#authentication;
    if (authentication !== null) {
      const { realm, nonce, offered, algorithm, keys, userhash } = authentication;
      if (userhash !== null) writer.attribute(STUN_ATTRIBUTE.userhash, userhash);
      else writer.text(STUN_ATTRIBUTE.username, username);
      writer.text(STUN_ATTRIBUTE.realm, realm).text(STUN_ATTRIBUTE.nonce, nonce);
      if (offered === null) {
        writer.integrity(keys.sha1);
      } else {
        writer
          .passwordAlgorithms(STUN_ATTRIBUTE.passwordAlgorithms, offered)
          .passwordAlgorithms(STUN_ATTRIBUTE.passwordAlgorithm, [passwordAlgorithmOf(algorithm)])
          .integrity(keys.sha256); // §9.2.5: "MUST be authenticated using MESSAGE-INTEGRITY-SHA256 only"
      }
    }
    return writer.fingerprint().finish();
  }

  /** RFC 8489 §9.2.5, 401 and 438: neither is authenticated, and each can only make us ask again, a few times. */
  #handleChallenge(key: string, pending: Pending, message: StunMessage, error: StunErrorCode, now: number): void {
    const isStale = error.code === STUN_ERROR.staleNonce;
    const authentication = this.#readChallenge(message);
    const { staleNonces, challenges } = pending;
    const isRepeated = isStale
      ? staleNonces >= MAX_STALE_NONCES
      : challenges >= MAX_CHALLENGES ||
        (authentication !== null && pending.authentication?.realm === authentication.realm);
    if (authentication === null || isRepeated || (isStale && pending.authentication === null)) {
      this.#finish(key, pending, failure(error, message), now);
      return;
    }
    this.#authentication = authentication;
    this.#pending.delete(key);
    const history = {
      staleNonces: staleNonces + (isStale ? 1 : 0),
      challenges: challenges + (isStale ? 0 : 1),
    };
    this.#attempt(pending.request, history, now);
  }

  /** What the next attempt is proved with; `null` when there must be none. */
  #readChallenge(message: StunMessage): Authentication | null {
    const { crypto, username, password } = this.#options;
    const nonce = readText(message, STUN_ATTRIBUTE.nonce);
    const realm = readText(message, STUN_ATTRIBUTE.realm) ?? this.#authentication?.realm ?? null;
    if (nonce === null || realm === null || username === '') return null;
    if (!fitsAttribute(nonce) || !fitsAttribute(realm)) return null;
    const features = readNonceCookie(nonce);
    const offered = findAttribute(message, STUN_ATTRIBUTE.passwordAlgorithms)
      ? readPasswordAlgorithms(message, STUN_ATTRIBUTE.passwordAlgorithms)
      : undefined;
    if (offered === null || (offered?.length ?? 0) > MAX_PASSWORD_ALGORITHMS) return null;
    if (offered === undefined && features?.passwordAlgorithms === true) return null; // §9.2.1, a bid-down attack
    const algorithm =
      offered === undefined ? 'md5' : (offered.map(passwordAlgorithmName).find((name) => name !== null) ?? null);
    if (algorithm === null) return null;
    const known = this.#authentication;
    const keys =
      known !== null && known.realm === realm && known.algorithm === algorithm
        ? known.keys
        : integrityKeysOf(crypto, longTermKey(crypto, algorithm, username, realm, password));
    // The list is echoed when its nonce may be long gone from memory with the packet: copies, not views.
    const copies = offered?.map((entry) => ({ ...entry, parameters: entry.parameters.slice() })) ?? null;
    const userhash = features?.usernameAnonymity === true ? userhashOf(crypto, username, realm) : null;
    return { realm, nonce, offered: copies, algorithm, keys, userhash };
  }

  /** RFC 8489 §9.2.5: whether an answer other than a challenge is the server's. */
  #isBelieved(key: string, pending: Pending, message: StunMessage, error: StunErrorCode | null, now: number): boolean {
    const { authentication } = pending;
    if (authentication === null) return true; // nothing was proved, so nothing can be asked to be
    const wanted = authentication.offered === null ? null : 'sha256';
    const algorithm = verifyIntegrity(message, authentication.keys);
    if (algorithm !== null && (wanted === null || algorithm === wanted)) return true;
    this.stats.unauthenticatedResponses++;
    pending.unbelieved = error;
    // "If the request was sent over a reliable transport … MUST immediately end the transaction", a 400 excepted.
    const isBare400 = error?.code === STUN_ERROR.badRequest && integrityAlgorithm(message) === null;
    if (this.#options.reliable && !isBare400) this.#finish(key, pending, timedOut(pending), now);
    return false;
  }

  #finish(key: string, pending: Pending, outcome: TurnOutcome, now: number): void {
    this.#pending.delete(key);
    pending.request.done(outcome, now);
  }
}

function failure({ code, reason }: StunErrorCode, message: StunMessage): TurnOutcome {
  return { kind: 'error', code, text: reason || (REASON_PHRASES.get(code) ?? ''), message };
}

/** §9.2.5: after nothing but answers of the wrong integrity, "the layer MUST signal that the integrity protection was violated". */
function timedOut({ unbelieved }: Pending): TurnOutcome {
  if (unbelieved === null) return { kind: 'error', code: TURN_ERROR.timedOut, text: 'The TURN server did not answer.' };
  const { code, reason } = unbelieved;
  return {
    kind: 'error',
    code: TURN_ERROR.timedOut,
    text: `An unauthenticated answer was not believed: ${code} ${reason}`,
  };
}

/** Read texts may have up to 763 bytes, written ones 508 (RFC 8489 §14.9, §14.10). */
function fitsAttribute(text: string): boolean {
  return new TextEncoder().encode(text).length <= 508;
}

/** Whether a request refused for unknown attributes was refused for this one. */
export function isRefusedFor(outcome: TurnOutcome, type: number): boolean {
  if (outcome.kind !== 'error' || outcome.code !== STUN_ERROR.unknownAttribute || !outcome.message) return false;
  return readUnknownAttributes(outcome.message)?.includes(type) ?? false;
}
