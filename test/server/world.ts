/** A tracker, its visitors and a clock that the test turns. */

import {
  type TrackerConnection,
  TrackerServer,
  type TrackerServerOptions,
  type TrackerSession,
} from '../../src/server/index.ts';
import { parseServerMessage, type ServerMessage } from '../../src/signaling/wire.ts';
import { seededRandom } from '../crypto/seeded-random.ts';

/** 20 characters from a short name. */
export const id = (name: string): string => name.padEnd(20, '.');
export const ROOM: string = id('room');

export class World {
  now = 1_000_000;
  readonly tracker: TrackerServer;
  #visitors = 0;

  constructor(options: Partial<TrackerServerOptions> = {}, seed = 1) {
    this.tracker = new TrackerServer({ random: seededRandom(seed), unixTimeMs: () => 1.7e12 + this.now, ...options });
  }

  visitor(connection: Partial<Pick<TrackerConnection, 'ip' | 'origin' | 'url'>> & { name?: string } = {}): Visitor {
    this.#visitors += 1;
    const ip = `192.0.2.${this.#visitors % 250}`;
    return new Visitor(this, { ip, name: `peer${this.#visitors}`, ...connection });
  }

  /** So many that are in the room, one after the other. */
  members(count: number, announce: Record<string, unknown> = {}): Visitor[] {
    return Array.from({ length: count }, () => {
      const visitor = this.visitor();
      visitor.announce({ event: 'started', ...announce });
      this.now += 1;
      return visitor;
    });
  }

  /** Lets time pass as a driver would. */
  run(ms: number): void {
    const end = this.now + ms;
    while (this.tracker.nextTimeout <= end) {
      this.now = Math.max(this.now, this.tracker.nextTimeout);
      this.tracker.handleTimeout(this.now);
      if (this.tracker.nextTimeout <= this.now) throw new Error('what is due stays due');
    }
    this.now = end;
  }
}

export class Visitor implements TrackerConnection {
  readonly ip: string;
  readonly origin: string | null;
  readonly url: string;
  readonly peerId: string;
  readonly session: TrackerSession;
  readonly texts: string[] = [];
  /** Bytes that do not leave. */
  unsent = 0;
  closedWith: { readonly code: number; readonly reason: string } | null = null;
  terminated = false;
  pings = 0;
  /** Whether pings are answered. */
  answersPings = true;
  readonly #world: World;

  constructor(
    world: World,
    {
      ip = '192.0.2.1',
      origin = null,
      url = '/announce',
      name = 'peer',
    }: Partial<TrackerConnection> & { name?: string },
  ) {
    this.#world = world;
    this.ip = ip;
    this.origin = origin;
    this.url = url;
    this.peerId = id(name);
    this.session = world.tracker.open(this, world.now);
  }

  send(text: string): void {
    this.texts.push(text);
  }

  bufferedAmount(): number {
    return this.unsent;
  }

  close(code: number, reason: string): void {
    this.closedWith ??= { code, reason };
  }

  terminate(): void {
    this.terminated = true;
  }

  ping(): void {
    this.pings += 1;
    if (this.answersPings) this.session.heard(this.#world.now + 1);
  }

  say(message: unknown): void {
    const text = typeof message === 'string' || message instanceof Uint8Array ? message : JSON.stringify(message);
    this.session.message(text, this.#world.now);
  }

  announce(fields: Record<string, unknown> = {}): void {
    this.say({ action: 'announce', info_hash: ROOM, peer_id: this.peerId, numwant: 5, left: 1, ...fields });
  }

  /** Announces offers by these names. */
  offer(...names: string[]): void {
    this.announce({
      offers: names.map((name) => ({ offer_id: id(name), offer: { type: 'offer', sdp: `sdp ${name}` } })),
    });
  }

  answer(name: string, fields: Record<string, unknown> = {}): void {
    this.say({
      action: 'announce',
      info_hash: ROOM,
      peer_id: this.peerId,
      to_peer_id: id('whoever'),
      offer_id: id(name),
      answer: { type: 'answer', sdp: `answer ${name}` },
      ...fields,
    });
  }

  /** The connection breaks. */
  leave(): void {
    this.session.closed(this.#world.now);
  }

  /** What has come since the last look. */
  take(): Record<string, unknown>[] {
    return this.texts.splice(0).map((text) => JSON.parse(text) as Record<string, unknown>);
  }

  /** The same, as a client reads it. */
  read<Kind extends ServerMessage['kind']>(kind: Kind): Extract<ServerMessage, { kind: Kind }>[] {
    return this.texts
      .splice(0)
      .map((text) => parseServerMessage(text))
      .filter((message) => message.kind === kind) as Extract<ServerMessage, { kind: Kind }>[];
  }
}
