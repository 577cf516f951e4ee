/** What a session needs of the tracker it belongs to. */
import type { WireIceServer, WireId } from '../../signaling/wire.ts';
import type { TrackerLogEvent } from '../http/log.ts';
import type { AccessControl } from './access-token.ts';
import type { ClusterLink } from './cluster-link.ts';
import type { Dice } from './dice.ts';
import type { TrackerLimits } from './options.ts';
import type { Rooms } from './rooms.ts';
import type { TrackerSession } from './session.ts';
import type { TrackerStats } from './stats.ts';

export interface TrackerCore {
  readonly limits: TrackerLimits;
  readonly stats: TrackerStats;
  readonly rooms: Rooms;
  readonly dice: Dice;
  readonly cluster: ClusterLink | null;
  readonly access: AccessControl | null;
  /** Seconds between announces, in small rooms and in large ones. */
  readonly interval: number;
  readonly largeRoomInterval: number;
  readonly scrape: boolean;
  readonly iceServers: ((sessionId: string, now: number) => readonly WireIceServer[]) | null;
  allowRoom(room: WireId, visitor: { readonly ip: string; readonly origin: string | null }): boolean;
  log(event: TrackerLogEvent): void;
  /** Milliseconds since 1970. */
  unixTimeMs(): number;
  /** Gives a session a name that nobody guesses, by which `isLive` knows it until it closes. */
  nameSession(session: TrackerSession): string;
  /** Comes once for each session. `id` is its name, if it has one. */
  sessionClosed(session: TrackerSession, id: string | null): void;
}
