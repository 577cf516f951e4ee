/** What names a room on a tracker: 20 bytes, called `info_hash` on the wire. */
import { sha1 } from '@noble/hashes/legacy.js';
import { ID_BYTES, type WireId, wireIdFromBytes, wireIdFromHex, wireIdToBytes, wireIdToHex } from './wire.ts';

const GUID = /^\{?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\}?$/i;
/** How the first three groups of a GUID lie in memory: .NET and COM keep them as little-endian integers. */
const GUID_BYTE_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;

/** An immutable room key. Two of them are compared with `equals`. */
export class RoomKey {
  readonly #wire: WireId;

  private constructor(wire: WireId) {
    this.#wire = wire;
  }

  /**
   * The SHA-1 of a name's UTF-8, taken as it is: `Lobby`, `lobby` and `lobby ` are three rooms. Anyone can do this, so on a
   * public tracker a guessable name is a public room; put your application's name in front, or use a secret.
   */
  static fromString(name: string): RoomKey {
    if (typeof name !== 'string') throw new TypeError('a room name is a string');
    return RoomKey.fromBytes(sha1(new TextEncoder().encode(name)));
  }

  /** @throws RangeError unless there are 20 bytes */
  static fromBytes(bytes: Uint8Array): RoomKey {
    return new RoomKey(wireIdFromBytes(bytes));
  }

  /** @throws RangeError unless there are 40 hexadecimal digits, in either case */
  static fromHex(hex: string): RoomKey {
    return new RoomKey(wireIdFromHex(hex));
  }

  /** From a binary string of 20 characters. @throws RangeError on any other */
  static fromWire(wire: WireId): RoomKey {
    return RoomKey.fromBytes(wireIdToBytes(wire));
  }

  /**
   * The 16 bytes of a GUID in .NET's order, then four zeros: the room that SpawnDev.RTC means by it.
   * @throws RangeError unless it looks like `00112233-4455-6677-8899-aabbccddeeff`
   */
  static fromGuid(guid: string): RoomKey {
    const groups = GUID.exec(guid);
    if (groups === null) throw new RangeError('expected a GUID: 8-4-4-4-12 hexadecimal digits');
    const written = groups.slice(1).join('');
    const bytes = GUID_BYTE_ORDER.map((index) => written.slice(2 * index, 2 * index + 2)).join('');
    return RoomKey.fromHex(bytes.padEnd(2 * ID_BYTES, '0'));
  }

  /** A room that nobody can guess. */
  static random(): RoomKey {
    return RoomKey.fromBytes(globalThis.crypto.getRandomValues(new Uint8Array(ID_BYTES)));
  }

  /** 40 lower-case digits. */
  toHex(): string {
    return wireIdToHex(this.#wire);
  }

  toWire(): WireId {
    return this.#wire;
  }

  toBytes(): Uint8Array {
    return wireIdToBytes(this.#wire);
  }

  toString(): string {
    return this.toHex();
  }

  equals(other: RoomKey): boolean {
    return this.#wire === other.#wire;
  }
}
