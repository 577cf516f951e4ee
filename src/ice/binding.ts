/**
 * Connectivity checks as STUN messages (RFC 8445 §7): writing requests and answers, and deciding whether a request that
 * came in is the peer's. Nothing here has state.
 */
import { setU32, u32 } from '../binary/bytes.ts';
import {
  BINDING,
  findAttribute,
  type IntegrityAlgorithm,
  type IntegrityKeys,
  integrityAlgorithm,
  readText,
  readUint32,
  readUint64,
  STUN_ATTRIBUTE,
  STUN_ERROR,
  type StunMessage,
  StunWriter,
  unknownRequiredAttributes,
  verifyFingerprint,
  verifyIntegrity,
} from '../stun/index.ts';
import type { SocketAddress } from './address.ts';
import type { IceRole } from './types.ts';

/** What we understand of the comprehension-required range; the optional one (GOOG's 0xC057, NOMINATION 0xC001) needs no list. */
export const KNOWN_ATTRIBUTES: ReadonlySet<number> = new Set(Object.values(STUN_ATTRIBUTE));

/** RFC 8445 §16.1: 64 bits against role conflicts, compared as an unsigned number. */
export type TieBreaker = { readonly high: number; readonly low: number };

export type CheckRequest = {
  readonly transactionId: Uint8Array;
  /** The peer's fragment, a colon, ours (RFC 8445 §7.2.2). */
  readonly username: string;
  readonly role: IceRole;
  readonly tieBreaker: TieBreaker;
  readonly priority: number;
  readonly useCandidate: boolean;
};

/** A Binding request of RFC 8445 §7.2. SHA-1, since ICE is defined over RFC 5389 and every peer knows that one (RFC 8489 §9.1.2). */
export function encodeCheck(check: CheckRequest, keys: IntegrityKeys): Uint8Array {
  const { iceControlling, iceControlled, username, priority, useCandidate } = STUN_ATTRIBUTE;
  const tieBreaker = new Uint8Array(8);
  setU32(tieBreaker, 0, check.tieBreaker.high);
  setU32(tieBreaker, 4, check.tieBreaker.low);
  const writer = new StunWriter('request', BINDING, check.transactionId)
    .text(username, check.username)
    .attribute(check.role === 'controlling' ? iceControlling : iceControlled, tieBreaker)
    .uint32(priority, check.priority);
  if (check.useCandidate) writer.flag(useCandidate);
  return writer.integrity(keys.sha1).fingerprint().finish();
}

export function encodeSuccess(
  request: StunMessage,
  mapped: SocketAddress,
  keys: IntegrityKeys,
  algorithm: IntegrityAlgorithm,
): Uint8Array {
  return new StunWriter('success', BINDING, request.transactionId)
    .xorAddress(STUN_ATTRIBUTE.xorMappedAddress, mapped)
    .integrity(keys[algorithm])
    .fingerprint()
    .finish();
}

const REASONS: Readonly<Record<number, string>> = {
  [STUN_ERROR.badRequest]: 'Bad Request',
  [STUN_ERROR.unauthenticated]: 'Unauthenticated',
  [STUN_ERROR.unknownAttribute]: 'Unknown Attribute',
  [STUN_ERROR.roleConflict]: 'Role Conflict',
};

/** An error response, proved only where the request was (RFC 8489 §9.1.3). */
export function encodeError(
  request: StunMessage,
  code: number,
  proof: { readonly keys: IntegrityKeys; readonly algorithm: IntegrityAlgorithm } | null,
  unknown: readonly number[] = [],
): Uint8Array {
  const writer = new StunWriter('error', BINDING, request.transactionId).errorCode(code, REASONS[code] ?? '');
  if (unknown.length > 0) writer.unknownAttributes(unknown);
  if (proof !== null) writer.integrity(proof.keys[proof.algorithm]);
  return writer.fingerprint().finish();
}

/** One side's fragment with the keys of its password. */
export type KeyedFragment = { readonly usernameFragment: string; readonly keys: IntegrityKeys };

/** A request that was proved to come from someone who knows our password. */
export type IncomingCheck<Owner extends KeyedFragment> = {
  readonly message: StunMessage;
  /** Whose fragment it was sent to: this generation of ours, or the one before. */
  readonly owner: Owner;
  readonly algorithm: IntegrityAlgorithm;
  /** The sender's own fragment, behind the colon. */
  readonly remoteFragment: string;
  readonly priority: number;
  readonly useCandidate: boolean;
  /** The role the sender has taken; `null` when it names none. */
  readonly claim: { readonly role: IceRole; readonly tieBreaker: TieBreaker } | null;
};

export type Verdict<Owner extends KeyedFragment> =
  | { readonly kind: 'accepted'; readonly check: IncomingCheck<Owner> }
  /** Authentic, but not a check we can act on. */
  | { readonly kind: 'refused'; readonly response: Uint8Array }
  /** Not proved: `response` tells so, as RFC 8489 §9.1.3 demands. */
  | { readonly kind: 'unauthenticated'; readonly response: Uint8Array }
  /** FINGERPRINT missing or wrong: perhaps not STUN at all, "silently discarded" (RFC 8489 §6.3). */
  | { readonly kind: 'malformed' };

/**
 * Judges a Binding request in the order of RFC 8489 §6.3 and §9.1.3: FINGERPRINT, USERNAME and MESSAGE-INTEGRITY there,
 * a fragment of ours, the right HMAC; then unknown attributes, then what ICE wants.
 */
export function judgeRequest<Owner extends KeyedFragment>(
  message: StunMessage,
  owners: readonly Owner[],
): Verdict<Owner> {
  if (verifyFingerprint(message) !== true) return { kind: 'malformed' };
  const username = readText(message, STUN_ATTRIBUTE.username);
  if (username === null || integrityAlgorithm(message) === null) return unauthenticated(message, STUN_ERROR.badRequest);
  const colon = username.indexOf(':');
  const owner = owners.find(({ usernameFragment }) => usernameFragment === username.slice(0, Math.max(colon, 0)));
  if (owner === undefined) return unauthenticated(message, STUN_ERROR.unauthenticated);
  const algorithm = verifyIntegrity(message, owner.keys);
  if (algorithm === null) return unauthenticated(message, STUN_ERROR.unauthenticated);

  const proof = { keys: owner.keys, algorithm };
  const unknown = unknownRequiredAttributes(message, KNOWN_ATTRIBUTES);
  if (unknown.length > 0) {
    return { kind: 'refused', response: encodeError(message, STUN_ERROR.unknownAttribute, proof, unknown) };
  }
  const priority = readUint32(message, STUN_ATTRIBUTE.priority); // RFC 8445 §7.1.1: "MUST be included"
  if (priority === null) return { kind: 'refused', response: encodeError(message, STUN_ERROR.badRequest, proof) };
  const useCandidate = findAttribute(message, STUN_ATTRIBUTE.useCandidate) !== undefined;
  const remoteFragment = username.slice(colon + 1);
  return {
    kind: 'accepted',
    check: { message, owner, algorithm, remoteFragment, priority, useCandidate, claim: readClaim(message) },
  };
}

/**
 * Whether a response is the peer's: the HMAC under its password, of the kind we sent (RFC 8489 §9.1.4). FINGERPRINT
 * may be left out, as some ICE-lite servers do, since the HMAC proves more; a wrong one is wrong.
 */
export function isAuthenticResponse(message: StunMessage, keys: IntegrityKeys): boolean {
  return verifyFingerprint(message) !== false && verifyIntegrity(message, keys) === 'sha1';
}

/** RFC 8445 §7.3.1.1: "larger than or equal". */
export function tieBreakerAtLeast(a: TieBreaker, b: TieBreaker): boolean {
  return a.high > b.high || (a.high === b.high && a.low >= b.low);
}

export function otherRole(role: IceRole): IceRole {
  return role === 'controlling' ? 'controlled' : 'controlling';
}

function unauthenticated(message: StunMessage, code: number): { kind: 'unauthenticated'; response: Uint8Array } {
  return { kind: 'unauthenticated', response: encodeError(message, code, null) };
}

function readClaim(message: StunMessage): IncomingCheck<KeyedFragment>['claim'] {
  const controlling = readUint64(message, STUN_ATTRIBUTE.iceControlling);
  const controlled = readUint64(message, STUN_ATTRIBUTE.iceControlled);
  const value = controlling ?? controlled;
  if (value === null) return null;
  const tieBreaker = { high: u32(value, 0), low: u32(value, 4) };
  return { role: controlling === null ? 'controlled' : 'controlling', tieBreaker };
}
