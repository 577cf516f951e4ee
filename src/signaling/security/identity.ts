/**
 * Peers that can prove who they are (docs/room-security.md, "Identities"). A peer id is the hash of an Ed25519 key, and once
 * two peers are connected, each signs what it sees of that connection. So one member cannot pass for another, and nobody
 * can stand between two of them, not even with the room's secret.
 *
 * A room knows this class by its type only: without an identity, none of this is in a page's bundle.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { fromBase64Url, toBase64Url } from '../../binary/base64url.ts';
import { equalBytes, setU48, toHex } from '../../binary/bytes.ts';
import { ByteWriter } from '../../binary/writer.ts';
import { randomBytes } from '../../machine.ts';
import type { RoomKey } from '../room-key.ts';
import { ID_BYTES, type WireId, wireIdToBytes } from '../wire.ts';
import { systemRandom } from './system-random.ts';

/** Bytes; RFC 8032 §5.1.5, §5.1.6. */
const SEED_LENGTH = 32;
const PUBLIC_KEY_LENGTH = 32;
const SIGNATURE_LENGTH = 64;
/** How far a proof's time may be off, in ms, either way. */
const PROOF_LIFETIME_MS = 5 * 60 * 1000;
const SIDE = { offerer: 1, answerer: 2 } as const;

/** The same connection as both of its peers see it, unless somebody is in between. */
export type Meeting = {
  readonly roomKey: RoomKey;
  readonly offerId: WireId;
  readonly offerer: MeetingPeer;
  readonly answerer: MeetingPeer;
};

export type MeetingPeer = {
  readonly peerId: WireId;
  /** The description that holds its certificate's fingerprint: its own, or the one that DTLS was held to. */
  readonly sdp: string;
};

export type MeetingSide = 'offerer' | 'answerer';

/** As it is written in JSON: bytes are base64url. */
export type IdentityProof = {
  readonly publicKey: string;
  /** Wall clock, in ms since 1970. */
  readonly time: number;
  readonly signature: string;
};

export class PeerIdentity {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The first 20 bytes of the public key's SHA-256, as 40 hexadecimal digits. */
  readonly peerId: string;
  readonly #seed: Uint8Array;

  private constructor(seed: Uint8Array) {
    this.#seed = seed;
    this.publicKey = ed25519.getPublicKey(seed);
    this.peerId = toHex(peerIdOf(this.publicKey));
  }

  static generate(): PeerIdentity {
    return new PeerIdentity(randomBytes(systemRandom, SEED_LENGTH));
  }

  /**
   * The identity kept as `seed`.
   * @throws RangeError unless it has 32 bytes
   */
  static fromSeed(seed: Uint8Array): PeerIdentity {
    if (seed.length !== SEED_LENGTH)
      throw new RangeError(`an identity's seed has ${SEED_LENGTH} bytes, not ${seed.length}`);
    return new PeerIdentity(seed.slice());
  }

  /** The private key, to be kept for next time. Whoever has it is this peer. */
  toSeed(): Uint8Array {
    return this.#seed.slice();
  }

  /**
   * Proof that this identity is on that side of the meeting.
   * @param nowMs wall clock, in ms since 1970
   * @throws TypeError when a description has no fingerprint
   */
  prove(side: MeetingSide, meeting: Meeting, nowMs: number): IdentityProof {
    const time = Math.floor(nowMs);
    const statement = statementOf(side, meeting, time);
    if (statement === null) throw new TypeError('a session description without a fingerprint has nothing to prove');
    return {
      publicKey: toBase64Url(this.publicKey),
      time,
      signature: toBase64Url(ed25519.sign(statement, this.#seed)),
    };
  }

  /** {@link verifyIdentity}, for those who have the object and not the module. */
  verify(proof: unknown, side: MeetingSide, meeting: Meeting, nowMs: number): Uint8Array | null {
    return verifyIdentity(proof, side, meeting, nowMs);
  }
}

/**
 * The public key of the peer on that side, if the proof is one: made by the owner of its peer id, for this meeting, within
 * five minutes. `null` for anything else; never throws.
 */
export function verifyIdentity(proof: unknown, side: MeetingSide, meeting: Meeting, nowMs: number): Uint8Array | null {
  const { publicKey, time, signature } = (proof ?? {}) as { readonly [field in keyof IdentityProof]?: unknown };
  if (typeof time !== 'number' || !Number.isInteger(time) || Math.abs(nowMs - time) > PROOF_LIFETIME_MS) return null;
  const key = bytesOf(publicKey, PUBLIC_KEY_LENGTH);
  const signed = bytesOf(signature, SIGNATURE_LENGTH);
  if (key === null || signed === null) return null;
  if (!equalBytes(peerIdOf(key), wireIdToBytes(meeting[side].peerId))) return null;
  const statement = statementOf(side, meeting, time);
  // RFC 8032 to the letter; noble's default (ZIP 215) would also take encodings that it forbids.
  return statement !== null && ed25519.verify(signed, statement, key, { zip215: false }) ? key : null;
}

function peerIdOf(publicKey: Uint8Array): Uint8Array {
  return sha256(publicKey).subarray(0, ID_BYTES);
}

/** What is signed: fields of fixed length, so no two meetings read the same. */
function statementOf(
  side: MeetingSide,
  { roomKey, offerId, offerer, answerer }: Meeting,
  time: number,
): Uint8Array | null {
  const offererPrints = fingerprintsHash(offerer.sdp);
  const answererPrints = fingerprintsHash(answerer.sdp);
  if (offererPrints === null || answererPrints === null) return null;
  const timeBytes = new Uint8Array(6);
  setU48(timeBytes, 0, time);
  return new ByteWriter(256)
    .bytes(utf8('purertc/v1/identity'))
    .u8(SIDE[side])
    .bytes(roomKey.toBytes())
    .bytes(wireIdToBytes(offerId))
    .bytes(wireIdToBytes(offerer.peerId))
    .bytes(wireIdToBytes(answerer.peerId))
    .bytes(offererPrints)
    .bytes(answererPrints)
    .bytes(timeBytes)
    .finish();
}

/**
 * The SHA-256 of all fingerprints (RFC 8122 §5) in a description, in lower case, sorted, each once. All of them count: a
 * peer takes a certificate that fits any (RFC 8827 §5), so one that somebody added must not go unnoticed.
 */
function fingerprintsHash(sdp: string): Uint8Array | null {
  const lines = sdp.matchAll(/^a=fingerprint:[ \t]*(\S+)[ \t]+(\S+)/gim);
  const prints = new Set(Array.from(lines, ([, algorithm, value]) => `${algorithm} ${value}`.toLowerCase()));
  return prints.size === 0 ? null : sha256(utf8([...prints].sort().join('\n')));
}

function bytesOf(text: unknown, length: number): Uint8Array | null {
  const bytes = typeof text === 'string' ? fromBase64Url(text) : null;
  return bytes?.length === length ? bytes : null;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
