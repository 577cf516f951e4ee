/**
 * The keys of a room whose members share a secret (docs/room-security.md, "Keys"). All of them follow from the secret: who
 * lacks it does not know where the room meets, let alone what is said there.
 */
import { expand, hkdf } from '@noble/hashes/hkdf.js';
import { scryptAsync } from '@noble/hashes/scrypt.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { fromBase64Url } from '../../binary/base64url.ts';
import { ByteWriter } from '../../binary/writer.ts';
import { RoomKey } from '../room-key.ts';
import { ID_BYTES } from '../wire.ts';

/** Bytes in the secret of a link, and in the shortest that is taken: 128 bits cannot be searched. */
export const SECRET_LENGTH = 16;
/** What separates applications whose users choose the same room names and passwords. */
const DEFAULT_APP_ID = 'purertc';
/** Bytes in the key of AES-256-GCM, and in the one for everything else. */
const KEY_LENGTH = 32;
/**
 * scrypt's cost, block size and parallelization (RFC 7914 §2): the first choice for scrypt in OWASP's Password Storage Cheat
 * Sheet. A guess takes 128 MiB of memory; what it takes of time is measured in docs/room-security.md.
 */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, dkLen: KEY_LENGTH };
/** How long stretching a password holds up a page at a time, in ms: half a frame. */
const SCRYPT_SLICE_MS = 8;

export type RoomKeys = {
  /** What the tracker sees. It says nothing about the secret or the room's name. */
  readonly roomKey: RoomKey;
  /** Seals session descriptions: see `RoomSeal`. */
  readonly sealKey: Uint8Array;
  /** For whatever else members want to prove to one another; nothing in PureRTC puts it to use. */
  readonly authKey: Uint8Array;
};

export type RoomKeyOptions = {
  /** Names the application; rooms of one never meet those of another. Default: `purertc`. */
  readonly appId?: string;
};

/**
 * The keys of the room called `room` among those who know `secret`.
 * @param secret the 22 characters that a secret link has, or 16 random bytes or more; what people choose is a password
 * @throws TypeError when it is no such thing
 */
export function keysFromSecret(secret: string | Uint8Array, room: string, options: RoomKeyOptions = {}): RoomKeys {
  const { appId = DEFAULT_APP_ID } = options;
  const root = hkdf(sha256, secretBytes(secret), utf8(appId), utf8(room), KEY_LENGTH);
  const derive = (label: string, length: number): Uint8Array => expand(sha256, root, utf8(label), length);
  return {
    roomKey: RoomKey.fromBytes(derive('purertc/v1/room-key', ID_BYTES)),
    sealKey: derive('purertc/v1/seal-key', KEY_LENGTH),
    authKey: derive('purertc/v1/auth-key', KEY_LENGTH),
  };
}

/**
 * The keys of the room called `room` among those who know a password. Made costly on purpose, and in slices of a few
 * milliseconds, so that a page stays responsive meanwhile.
 *
 * The cost makes guessing slow, not impossible: the tracker sees the room key that the password leads to, and can try
 * passwords against it for as long as it likes. Where that matters, use a secret link.
 * @throws TypeError when the password is empty
 */
export async function keysFromPassword(
  password: string,
  room: string,
  options: RoomKeyOptions = {},
): Promise<RoomKeys> {
  if (typeof password !== 'string' || password === '')
    throw new TypeError('a password is a string with something in it');
  const { appId = DEFAULT_APP_ID } = options;
  // RFC 8265 §4.2.2: what looks the same on two keyboards has to be the same bytes.
  const typed = utf8(password.replaceAll(/\p{Zs}/gu, ' ').normalize('NFC'));
  const salt = new ByteWriter().bytes(utf8('purertc/v1/password'));
  for (const part of [utf8(appId), utf8(room)]) salt.u32(part.length).bytes(part);
  return keysFromSecret(
    await scryptAsync(typed, salt.finish(), { ...SCRYPT, asyncTick: SCRYPT_SLICE_MS }),
    room,
    options,
  );
}

function secretBytes(secret: string | Uint8Array): Uint8Array {
  const bytes = typeof secret === 'string' ? fromBase64Url(secret) : secret;
  if (bytes instanceof Uint8Array && bytes.length >= SECRET_LENGTH) {
    // Many a passphrase would pass for base64url of some length: a text has to look like what a link has.
    if (typeof secret !== 'string' || bytes.length === SECRET_LENGTH) return bytes;
  }
  // Says nothing of what it was given: messages end up in logs.
  throw new TypeError(
    'a secret is what a secret link has, or 16 random bytes or more; what people choose is a password',
  );
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
