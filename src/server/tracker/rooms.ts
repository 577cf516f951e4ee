/** All rooms of a node. A room is there while somebody is in it. */
import type { WireId } from '../../signaling/wire.ts';
import type { ClusterLink } from './cluster-link.ts';
import { type Member, Room } from './room.ts';

/** Rooms under this size are announced to more often: somebody waits for the others there. */
const LARGE_ROOM = 20;

export class Rooms {
  readonly #rooms = new Map<WireId, Room>();
  readonly #cluster: ClusterLink | null;
  members = 0;

  constructor(cluster: ClusterLink | null) {
    this.#cluster = cluster;
  }

  get size(): number {
    return this.#rooms.size;
  }

  get(key: WireId): Room | undefined {
    return this.#rooms.get(key);
  }

  values(): Iterable<Room> {
    return this.#rooms.values();
  }

  /** The room by that key, made if need be: the caller puts somebody into it at once. */
  open(key: WireId): Room {
    let room = this.#rooms.get(key);
    if (room === undefined) {
      room = new Room(key);
      this.#rooms.set(room.key, room);
    }
    return room;
  }

  add(member: Member, now: number): void {
    member.room.add(member);
    this.members += 1;
    this.#changed(member.room, now);
  }

  remove(member: Member, now: number): void {
    const { room } = member;
    room.remove(member);
    this.members -= 1;
    if (room.members.length === 0) this.#rooms.delete(room.key);
    this.#changed(room, now);
  }

  setSeeder(member: Member, seeder: boolean, now: number): void {
    if (member.seeder === seeder) return;
    member.seeder = seeder;
    member.room.seeders += seeder ? 1 : -1;
    this.#changed(member.room, now);
  }

  /** Everybody in a room, other nodes included. */
  membersOf(key: WireId): number {
    return (this.#rooms.get(key)?.members.length ?? 0) + (this.#cluster?.remoteMembers(key) ?? 0);
  }

  seedersOf(key: WireId): number {
    return (this.#rooms.get(key)?.seeders ?? 0) + (this.#cluster?.remoteSeeders(key) ?? 0);
  }

  isLarge(key: WireId): boolean {
    return this.membersOf(key) >= LARGE_ROOM;
  }

  #changed(room: Room, now: number): void {
    this.#cluster?.roomChanged(room.key, room.members.length, room.seeders, now);
  }
}
