/**
 * Signed access: a JSON Web Token (RFC 7519, RFC 7515 compact form) says which rooms its bearer may be in, and until when.
 * Your application's server signs it; the tracker holds keys that verify. Two algorithms, and each key has exactly one, so
 * that no token chooses how it is checked (RFC 8725 §3.1).
 */
import { createHmac, createPublicKey, type KeyObject, sign, timingSafeEqual, verify } from 'node:crypto';
import { type WireId, wireIdFromHex, wireIdToHex } from '../../signaling/wire.ts';

/** HMAC-SHA256 with a shared secret, or Ed25519 (RFC 8037). `id` is the token's `kid`: taking a key away revokes its tokens. */
export type AccessKey =
  | { readonly id: string; readonly algorithm: 'HS256'; readonly secret: Uint8Array }
  | { readonly id: string; readonly algorithm: 'EdDSA'; readonly publicKey: Uint8Array };

export type AccessOptions = {
  readonly keys: readonly AccessKey[];
  /**
   * `upgrade` (default): no connection without a good token in its URL (`?token=`); refused with 401. `announce`: anybody may
   * connect, and each announce needs one, in its `token` field or in the URL.
   */
  readonly at?: 'upgrade' | 'announce';
};

/** What a token allows. Ids are 40 hexadecimal digits. */
export type AccessClaims = {
  /** Seconds since 1970 after which it is worth nothing. Required. */
  readonly exp: number;
  /** The rooms that may be joined: one key, or several. */
  readonly room?: string | readonly string[];
  /** Rooms whose keys start with these digits. With neither `room` nor `prefix`, all rooms. */
  readonly prefix?: string;
  /** The only peer id to be used. */
  readonly peer?: string;
  /** How many rooms at a time. */
  readonly maxRooms?: number;
};

/** What to sign with: the private half of an `AccessKey`. */
export type SigningKey =
  | { readonly id: string; readonly algorithm: 'HS256'; readonly secret: Uint8Array }
  | { readonly id: string; readonly algorithm: 'EdDSA'; readonly privateKey: KeyObject };

/** RFC 7518 §3.2: "A key of the same size as the hash output […] or larger MUST be used". */
const MIN_SECRET_BYTES = 32;
/** Bound: characters of a token; it is read before anything about its bearer is known. */
const MAX_TOKEN_LENGTH = 4096;
/** Bound: rooms in one token. */
const MAX_ROOMS_IN_TOKEN = 100;
/** Before an Ed25519 public key in a SubjectPublicKeyInfo (RFC 8410 §4). */
const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const ED25519_KEY_BYTES = 32;

/** A token that was verified. */
export type Access = {
  readonly token: string;
  readonly keyId: string;
  readonly expiresAtMs: number;
  readonly maxRooms: number;
  allowsRoom(room: WireId): boolean;
  allowsPeer(peerId: WireId): boolean;
};

/** Verifies tokens. */
export class AccessControl {
  readonly at: 'upgrade' | 'announce';
  #keys: ReadonlyMap<string, { readonly algorithm: string; verify(data: string, signature: Uint8Array): boolean }>;

  /** @throws RangeError for a secret under 32 bytes or a public key of other than 32 */
  constructor({ keys, at = 'upgrade' }: AccessOptions) {
    this.at = at;
    this.#keys = importKeys(keys);
  }

  /** From now on these keys count and no others; connections notice at their next announce. */
  replaceKeys(keys: readonly AccessKey[]): void {
    this.#keys = importKeys(keys);
  }

  /** `null` for what is malformed, forged, expired, or signed with a key that is not (or no longer) ours. */
  verify(token: string, unixMs: number): Access | null {
    if (token.length > MAX_TOKEN_LENGTH) return null;
    const [header = '', payload = '', signature = '', ...rest] = token.split('.');
    if (rest.length > 0) return null;
    const { alg, kid, crit } = parsePart(header) ?? {};
    const key = typeof kid === 'string' ? this.#keys.get(kid) : undefined;
    if (key === undefined || alg !== key.algorithm || crit !== undefined) return null; // RFC 7515 §4.1.11
    if (!key.verify(`${header}.${payload}`, Buffer.from(signature, 'base64url'))) return null;
    const claims = parsePart(payload);
    const access = claims === null ? null : readClaims(claims, token, kid as string);
    return access !== null && this.isValid(access, unixMs) ? access : null;
  }

  /** Whether a token that was good still is. */
  isValid(access: Access, unixMs: number): boolean {
    return access.expiresAtMs > unixMs && this.#keys.has(access.keyId);
  }
}

/**
 * Signs a token, for servers that use this package; any library for JSON Web Tokens does as well.
 * @throws RangeError for ids that are not 40 hexadecimal digits
 */
export function signAccessToken(claims: AccessClaims, key: SigningKey): string {
  if (readClaims(claims, '', key.id) === null) {
    throw new RangeError('expected exp in seconds, room and peer of 40 hexadecimal digits, prefix of at most 40');
  }
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const data = `${encode({ typ: 'JWT', alg: key.algorithm, kid: key.id })}.${encode(claims)}`;
  const signature = key.algorithm === 'HS256' ? hmac(key.secret, data) : sign(null, Buffer.from(data), key.privateKey);
  return `${data}.${signature.toString('base64url')}`;
}

function importKeys(keys: readonly AccessKey[]): Map<string, { algorithm: string; verify: VerifySignature }> {
  return new Map(keys.map((key) => [key.id, { algorithm: key.algorithm, verify: verifierOf(key) }]));
}

type VerifySignature = (data: string, signature: Uint8Array) => boolean;

function verifierOf(key: AccessKey): VerifySignature {
  if (key.algorithm === 'HS256') {
    const { secret } = key;
    if (secret.length < MIN_SECRET_BYTES) throw new RangeError(`a secret has at least ${MIN_SECRET_BYTES} bytes`);
    return (data, signature) => {
      const expected = hmac(secret, data);
      return signature.length === expected.length && timingSafeEqual(signature, expected);
    };
  }
  if (key.publicKey.length !== ED25519_KEY_BYTES) throw new RangeError('an Ed25519 public key has 32 bytes');
  const spki = Buffer.concat([ED25519_SPKI_PREFIX, key.publicKey]);
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  return (data, signature) => verify(null, Buffer.from(data), publicKey, signature);
}

function hmac(secret: Uint8Array, data: string): Buffer {
  return createHmac('sha256', secret).update(data).digest();
}

function parsePart(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

/** `null` unless every claim we know is what it should be: one we misread might have been a restriction. */
function readClaims(claims: Record<string, unknown> | AccessClaims, token: string, keyId: string): Access | null {
  const { exp, room, prefix = '', peer, maxRooms = Number.MAX_SAFE_INTEGER } = claims;
  const rooms = room === undefined ? null : readIds(room);
  const peers = peer === undefined ? null : readIds(peer);
  if (typeof exp !== 'number' || typeof maxRooms !== 'number' || !(maxRooms >= 1)) return null;
  if (typeof prefix !== 'string' || !/^[0-9a-f]{0,40}$/i.test(prefix)) return null;
  if ((room !== undefined && rooms === null) || (peer !== undefined && peers === null)) return null;
  const start = prefix.toLowerCase();
  return {
    token,
    keyId,
    expiresAtMs: exp * 1000,
    maxRooms,
    allowsRoom: (key) =>
      rooms?.has(key) === true ||
      (start !== '' && wireIdToHex(key).startsWith(start)) ||
      (rooms === null && start === ''),
    allowsPeer: (peerId) => peers?.has(peerId) ?? true,
  };
}

function readIds(value: unknown): Set<WireId> | null {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > MAX_ROOMS_IN_TOKEN) return null;
  const ids = new Set<WireId>();
  for (const hex of list) {
    if (typeof hex !== 'string' || !/^[0-9a-f]{40}$/i.test(hex)) return null;
    ids.add(wireIdFromHex(hex));
  }
  return ids;
}
