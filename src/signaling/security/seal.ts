/**
 * Sealed session descriptions (docs/room-security.md, "Sealed descriptions"): what goes through a tracker can be read and
 * written by members of the room only, and is good for one use, at one time, in one place. Since a description holds the
 * fingerprint of a certificate, this makes the whole connection safe from the tracker.
 *
 * Synchronous, and without Web Crypto's `subtle`, which pages on plain http do not have.
 */
import { deflateSync, Inflate } from 'fflate';
import { fromBase64Url, toBase64Url } from '../../binary/base64url.ts';
import { concatBytes, setU16, setU48, u16, u48 } from '../../binary/bytes.ts';
import { ByteWriter } from '../../binary/writer.ts';
import { AesGcmKey } from '../../crypto/aes-gcm.ts';
import { AEAD_TAG_LENGTH } from '../../crypto/provider.ts';
import type { RandomSource } from '../../machine.ts';
import type { RoomKey } from '../room-key.ts';
import { isWireId, type WireId, wireIdToBytes } from '../wire.ts';
import { systemRandom } from './system-random.ts';

/** Where a description belongs. Opened in any other place, it is a forgery. */
export type SealContext = {
  readonly kind: 'offer' | 'answer';
  readonly roomKey: RoomKey;
  readonly offerId: WireId;
  /** The sender's peer id. */
  readonly from: WireId;
  /** Whose offer is answered; of answers only. */
  readonly to?: WireId;
};

export interface DescriptionSeal {
  /** @param nowMs wall clock, in ms since 1970 */
  seal(sdp: string, context: SealContext, nowMs: number): string;
  /** The description; `null` when it was not sealed by a member, for this place, lately, and is seen for the first time. */
  open(text: string, context: SealContext, nowMs: number): string | null;
  /** Why the last one was not opened. */
  readonly refusal: SealRefusal | null;
}

/**
 * `forged`: altered, out of place, or by somebody who is no member. `stale`: by a member, too long ago or in the future; the
 * tracker held it back, or a clock is wrong. `replayed`: opened before, or so old that this cannot be told.
 */
export type SealRefusal = 'forged' | 'stale' | 'replayed';

const PREFIX = 'v1.';
const LABEL = new TextEncoder().encode('purertc/v1/seal');
const KIND = { offer: 1, answer: 2 } as const;
const NONCE_LENGTH = 12;
/** In base64url, which twelve bytes fill to the last bit. */
const NONCE_CHARACTERS = 16;
/** Time (48 bits) and length of what follows without the padding (16 bits). */
const HEADER_LENGTH = 8;
/** Bytes in what is sealed with nothing in it; less than this is a forgery without trying. */
const SHORTEST = NONCE_LENGTH + HEADER_LENGTH + AEAD_TAG_LENGTH;
/** What is sealed is a multiple of this many bytes long, so that its length tells little about what is in it. */
const PADDING_STEP = 512;
/**
 * Bound on a compressed description, in bytes. Sealed it fits an announce of 15 KiB, which every tracker takes, with a
 * kilobyte to spare; a longer one cannot be sealed. Those of browsers are a sixth of that.
 */
const MAX_COMPRESSED_BYTES: number = 20 * PADDING_STEP - HEADER_LENGTH;
/** Bound on a description, in bytes of UTF-8. */
export const MAX_SDP_BYTES: number = 64 * 1024;
/** Compressed bytes that are looked at before the bound is checked again: a few hundred may stand for half a megabyte. */
const INFLATE_STEP = 512;
/** Characters in the longest sealed description. What is longer is a forgery without trying. */
const LONGEST_TEXT: number = PREFIX.length + Math.ceil(((SHORTEST + MAX_COMPRESSED_BYTES) * 4) / 3);
/** How far a description's time may be off, in ms, either way. */
export const SEAL_LIFETIME_MS: number = 5 * 60 * 1000;
/**
 * Bound on nonces that are remembered. Only members add to them. At the bound the oldest is forgotten, and what was sealed
 * at its time or before is refused from then on: nothing is ever opened twice.
 */
export const MAX_SEEN_NONCES = 4096;

export class RoomSeal implements DescriptionSeal {
  /** What was done, and why descriptions were refused. */
  readonly stats: { sealed: number; opened: number } & Record<SealRefusal, number> = {
    sealed: 0,
    opened: 0,
    forged: 0,
    stale: 0,
    replayed: 0,
  };
  readonly #key: AesGcmKey;
  readonly #random: RandomSource;
  /** The times of descriptions that were opened, by nonce. */
  readonly #seen = new Map<string, number>();
  /** Nothing sealed at this time or earlier is opened. */
  #floor = Number.NEGATIVE_INFINITY;
  #refusal: SealRefusal | null = null;

  /** One seal for each room that is joined: it remembers what it opened. */
  constructor(sealKey: Uint8Array, random: RandomSource = systemRandom) {
    if (sealKey.length !== 32) throw new RangeError(`a seal key has 32 bytes, not ${sealKey.length}`);
    this.#key = new AesGcmKey(sealKey);
    this.#random = random;
  }

  /**
   * `v1.` and the base64url of nonce, ciphertext and tag.
   * @throws RangeError for a description of more than 64 KiB, or of 10,232 bytes when compressed; TypeError when the context
   *   is incomplete
   */
  seal(sdp: string, context: SealContext, nowMs: number): string {
    const place = additionalData(context);
    if (place === null) throw new TypeError('sealing needs a room key, an offer id, and both peer ids of an answer');
    const description = deflate(new TextEncoder().encode(sdp));
    const length = Math.ceil((HEADER_LENGTH + description.length) / PADDING_STEP) * PADDING_STEP;
    const bytes = new Uint8Array(NONCE_LENGTH + length + AEAD_TAG_LENGTH);
    const nonce = bytes.subarray(0, NONCE_LENGTH);
    this.#random.fill(nonce);
    setU48(bytes, NONCE_LENGTH, Math.floor(nowMs));
    setU16(bytes, NONCE_LENGTH + 6, description.length);
    bytes.set(description, NONCE_LENGTH + HEADER_LENGTH);
    this.#key.seal(nonce, place, bytes, NONCE_LENGTH, NONCE_LENGTH + length);
    this.stats.sealed++;
    return PREFIX + toBase64Url(bytes);
  }

  open(text: string, context: SealContext, nowMs: number): string | null {
    const content = this.#decrypt(text, context);
    if (content === null) return this.#refuse('forged');
    const { time, sdp } = content;
    if (Math.abs(nowMs - time) > SEAL_LIFETIME_MS) return this.#refuse('stale');
    const nonce = text.slice(PREFIX.length, PREFIX.length + NONCE_CHARACTERS);
    if (time <= this.#floor || this.#seen.has(nonce)) return this.#refuse('replayed');
    this.#remember(nonce, time);
    this.stats.opened++;
    this.#refusal = null;
    return sdp;
  }

  get refusal(): SealRefusal | null {
    return this.#refusal;
  }

  #refuse(refusal: SealRefusal): null {
    this.#refusal = refusal;
    this.stats[refusal]++;
    return null;
  }

  #decrypt(text: string, context: SealContext): { readonly time: number; readonly sdp: string } | null {
    const place = additionalData(context);
    const isOne = text.length <= LONGEST_TEXT && text.startsWith(PREFIX);
    const bytes = isOne ? fromBase64Url(text.slice(PREFIX.length)) : null;
    if (place === null || bytes === null || bytes.length < SHORTEST) return null;
    const content = this.#key.open(bytes.subarray(0, NONCE_LENGTH), place, bytes, NONCE_LENGTH, bytes.length);
    if (content === null) return null;
    const end = HEADER_LENGTH + u16(content, 6);
    const description = end > content.length ? null : inflate(content.subarray(HEADER_LENGTH, end));
    return description && { time: u48(content, 0), sdp: decoder.decode(description) };
  }

  #remember(nonce: string, time: number): void {
    if (this.#seen.size >= MAX_SEEN_NONCES) {
      this.#floor = Math.min(...this.#seen.values());
      for (const [seen, at] of this.#seen) if (at <= this.#floor) this.#seen.delete(seen);
    }
    this.#seen.set(nonce, time);
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** RFC 1951: descriptions are repetitive, and trackers narrow. */
function deflate(description: Uint8Array): Uint8Array {
  const { length } = description;
  if (length > MAX_SDP_BYTES)
    throw new RangeError(`a description of ${length} bytes: at most ${MAX_SDP_BYTES} are sealed`);
  const compressed = deflateSync(description, { level: 9 });
  if (compressed.length <= MAX_COMPRESSED_BYTES) return compressed;
  throw new RangeError(
    `a description of ${compressed.length} bytes, compressed: at most ${MAX_COMPRESSED_BYTES} are sealed`,
  );
}

/** `null` for what is malformed, or longer than a description may be. */
function inflate(compressed: Uint8Array): Uint8Array | null {
  const parts: Uint8Array[] = [];
  let length = 0;
  const stream = new Inflate((part) => {
    parts.push(part);
    length += part.length;
  });
  try {
    for (let at = 0; at < compressed.length && length <= MAX_SDP_BYTES; at += INFLATE_STEP) {
      stream.push(compressed.subarray(at, at + INFLATE_STEP), at + INFLATE_STEP >= compressed.length);
    }
  } catch {
    return null;
  }
  return parts.length > 0 && length <= MAX_SDP_BYTES ? concatBytes(...parts) : null;
}

/** All that a description is bound to, every field of a fixed length; `null` when something is missing. */
function additionalData({ kind, roomKey, offerId, from, to }: SealContext): Uint8Array | null {
  const ids = kind === 'answer' ? [offerId, from, to] : [offerId, from];
  const writer = new ByteWriter(128).bytes(LABEL).u8(KIND[kind]).bytes(roomKey.toBytes());
  for (const id of ids) {
    if (!isWireId(id)) return null;
    writer.bytes(wireIdToBytes(id));
  }
  return writer.finish();
}
