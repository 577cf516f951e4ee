/**
 * What the nodes of a cluster say to each other, as bytes on the bus:
 *
 *     | version 1 | type 1 | body: JSON, UTF-8 | tag 16 |
 *
 * The tag is HMAC-SHA-256 under a key that is derived from the cluster's, cut to 16 bytes, over the subject and all before
 * it: who can only reach the bus can neither make a frame nor move one to another subject. Versions that a node does not
 * know it ignores, so that a cluster can be upgraded node by node.
 */
import { equalBytes } from '../../binary/bytes.ts';
import type { HmacKey } from '../../crypto/provider.ts';
import { isWireId, type WireId } from '../../signaling/wire.ts';
import type { PlacedOffer } from '../tracker/cluster-link.ts';

export const FRAME_VERSION = 1;
const HEADER_BYTES = 2;
const TAG_BYTES = 16;
/** Bound: larger frames are dropped unread. Ten offers of 16 KiB, escaped as JSON, have room. NATS takes 1 MB. */
export const MAX_FRAME_BYTES: number = 512 * 1024;
/** Bound: rooms in one frame, and offers in one; what is longer is malformed. */
const MAX_ROOMS = 1024;
const MAX_OFFERS = 64;

/** How many members a node has in a room. `room` is the name of the room on the bus, not its key. */
export type RoomCount = { readonly room: string; readonly members: number; readonly seeders: number };

/** `node` is the sender; `sequence` grows with every frame that it sends, whatever the subject. */
type Sent = { readonly node: string; readonly sequence: number };
export type Frame = Sent &
  (
    | { readonly kind: 'heartbeat' }
    /** The sender is about to go: no more offers for it. */
    | { readonly kind: 'bye' }
    /** The sender has members in these rooms and asks others for theirs. */
    | { readonly kind: 'hello'; readonly rooms: readonly RoomCount[] }
    | { readonly kind: 'digest'; readonly rooms: readonly RoomCount[] }
    /** Offers of the sender's member `peerId`, each for another member of the receiver; those of `met` last. */
    | {
        readonly kind: 'deliver';
        readonly room: string;
        readonly peerId: WireId;
        readonly connection: number;
        readonly met: readonly number[];
        readonly offers: readonly PlacedOffer[];
      }
    /** What the sender's member `peerId`, on its connection `from`, answers to an offer of the receiver's `connection`. */
    | {
        readonly kind: 'answer';
        readonly room: string;
        readonly peerId: WireId;
        readonly from: number;
        readonly connection: number;
        readonly offerId: WireId;
        readonly sdp: string;
      }
  );

/** Frame types on the wire; numbers are never used again for something else. */
const TYPES = ['heartbeat', 'bye', 'hello', 'digest', 'deliver', 'answer'] as const;

/** Why a frame was not read. */
export type FrameFault = 'oversized' | 'version' | 'tag' | 'malformed';

const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder('utf-8', { fatal: true }) };

export function encodeFrame(key: HmacKey, subject: string, frame: Frame): Uint8Array {
  const body = utf8.encoder.encode(JSON.stringify(bodyOf(frame)));
  const bytes = new Uint8Array(HEADER_BYTES + body.length + TAG_BYTES);
  bytes[0] = FRAME_VERSION;
  bytes[1] = TYPES.indexOf(frame.kind);
  bytes.set(body, HEADER_BYTES);
  bytes.set(tagOf(key, subject, bytes), bytes.length - TAG_BYTES);
  return bytes;
}

/** The frame, or what is wrong with it. Never throws. */
export function decodeFrame(key: HmacKey, subject: string, bytes: Uint8Array): Frame | FrameFault {
  if (bytes.length > MAX_FRAME_BYTES) return 'oversized';
  if (bytes.length < HEADER_BYTES + TAG_BYTES) return 'malformed';
  if (bytes[0] !== FRAME_VERSION) return 'version';
  if (!equalBytes(tagOf(key, subject, bytes), bytes.subarray(bytes.length - TAG_BYTES))) return 'tag';
  try {
    const body: unknown = JSON.parse(utf8.decoder.decode(bytes.subarray(HEADER_BYTES, bytes.length - TAG_BYTES)));
    return (Array.isArray(body) && readBody(TYPES[bytes[1]!], body)) || 'malformed';
  } catch {
    return 'malformed';
  }
}

function tagOf(key: HmacKey, subject: string, frame: Uint8Array): Uint8Array {
  // A subject has no NUL in it, so that no two pairs of subject and frame are the same bytes.
  const context = utf8.encoder.encode(`${subject}\0`);
  return key.sign(context, frame.subarray(0, frame.length - TAG_BYTES)).subarray(0, TAG_BYTES);
}

/** The body is an array, not an object: its field names would be most of a heartbeat. */
function bodyOf(frame: Frame): unknown[] {
  const sent = [frame.node, frame.sequence];
  switch (frame.kind) {
    case 'heartbeat':
    case 'bye':
      return sent;
    case 'hello':
    case 'digest':
      return [...sent, frame.rooms.map(({ room, members, seeders }) => [room, members, seeders])];
    case 'deliver':
      return [
        ...sent,
        frame.room,
        frame.peerId,
        frame.connection,
        frame.offers.map(({ offerId, sdp }) => [offerId, sdp]),
        frame.met,
      ];
    case 'answer':
      return [...sent, frame.room, frame.peerId, frame.connection, frame.offerId, frame.sdp, frame.from];
    default:
      return frame satisfies never;
  }
}

function readBody(kind: (typeof TYPES)[number] | undefined, body: readonly unknown[]): Frame | null {
  const [node, sequence, first, peerId, connection, ...rest] = body;
  if (typeof node !== 'string' || !isCount(sequence)) return null;
  switch (kind) {
    case 'heartbeat':
    case 'bye':
      return { kind, node, sequence };
    case 'hello':
    case 'digest': {
      const rooms = listOf(first, MAX_ROOMS, readRoomCount);
      return rooms === null ? null : { kind, node, sequence, rooms };
    }
    case 'deliver': {
      const offers = listOf(rest[0], MAX_OFFERS, readOffer);
      const met = rest[1];
      if (typeof first !== 'string' || !isWireId(peerId) || !isCount(connection) || offers === null) return null;
      if (!Array.isArray(met) || !met.every(isCount)) return null;
      return { kind, node, sequence, room: first, peerId, connection, met, offers };
    }
    case 'answer': {
      const [offerId, sdp, from] = rest;
      if (typeof first !== 'string' || !isWireId(peerId) || !isCount(connection)) return null;
      if (!isWireId(offerId) || typeof sdp !== 'string' || !isCount(from)) return null;
      return { kind, node, sequence, room: first, peerId, connection, offerId, sdp, from };
    }
    case undefined: // a type of a later minor change of this version
      return null;
    default:
      return kind satisfies never;
  }
}

function listOf<Item>(value: unknown, most: number, read: (item: readonly unknown[]) => Item | null): Item[] | null {
  if (!Array.isArray(value) || value.length > most) return null;
  const items: Item[] = [];
  for (const entry of value) {
    const item = Array.isArray(entry) ? read(entry) : null;
    if (item === null) return null;
    items.push(item);
  }
  return items;
}

function readRoomCount([room, members, seeders]: readonly unknown[]): RoomCount | null {
  if (typeof room !== 'string' || !isCount(members) || !isCount(seeders) || seeders > members) return null;
  return { room, members, seeders };
}

function readOffer([offerId, sdp]: readonly unknown[]): PlacedOffer | null {
  return isWireId(offerId) && typeof sdp === 'string' ? { offerId, sdp } : null;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
