/** What a tracker may be told, with its defaults and what a wrong value costs. */
import type { WireIceServer, WireId } from '../../signaling/wire.ts';
import type { TrackerLogEvent } from '../http/log.ts';
import type { AccessOptions } from './access-token.ts';

/** Bounds and rates. All are per node; in a cluster of N nodes a visitor may have N times as much. */
export type TrackerLimits = {
  /** Bytes of one message. Default 65,536. Larger ones end the connection (1009). */
  readonly maxMessageBytes: number;
  /** UTF-16 units of one session description. Default 16,384. An offer with a longer one is not dealt. */
  readonly maxDescriptionLength: number;
  /** Offers dealt from one announce; the rest is ignored. Default 10. */
  readonly maxOffersPerAnnounce: number;
  /**
   * Offers that one member has been dealt in a room and that may still be answered. Default 64: who leaves so many a minute
   * without an answer does not answer, and others get them.
   */
  readonly maxOpenOffers: number;
  /** Default 50,000. More are refused with 503. */
  readonly maxConnections: number;
  /** From one IPv4 address or one IPv6 /64. Default 50; raise it for visitors behind one NAT, or behind a proxy. */
  readonly maxConnectionsPerAddress: number;
  /** New connections a second from one address, on average. Default 5, and 100 at once. */
  readonly connectionRate: number;
  readonly connectionBurst: number;
  /** Default 100,000. */
  readonly maxRooms: number;
  /** Rooms that one connection is in. Default 100. */
  readonly maxRoomsPerConnection: number;
  /** Default 5,000. */
  readonly maxMembersPerRoom: number;
  /** Messages a second of one connection, on average; more are not read. Default 10, and 200 at once. */
  readonly messageRate: number;
  readonly messageBurst: number;
  /** Announces a second of one connection in one room, on average; more are refused. Default 0.5, and 12 at once. */
  readonly announceRate: number;
  readonly announceBurst: number;
  /** Broken or refused messages of one connection in a minute before it is closed (1008). Default 20. */
  readonly maxFaultsPerMinute: number;
  /** Room keys in one scrape. Default 64. */
  readonly maxScrapedRooms: number;
  /** Unsent bytes of one connection above which it gets no more offers. Default 262,144. */
  readonly softBufferBytes: number;
  /** Unsent bytes of one connection above which it is cut off. Default 1,048,576. */
  readonly hardBufferBytes: number;
};

export const DEFAULT_LIMITS: TrackerLimits = {
  maxMessageBytes: 64 * 1024,
  maxDescriptionLength: 16 * 1024,
  maxOffersPerAnnounce: 10,
  maxOpenOffers: 64,
  maxConnections: 50_000,
  maxConnectionsPerAddress: 50,
  connectionRate: 5,
  connectionBurst: 100,
  maxRooms: 100_000,
  maxRoomsPerConnection: 100,
  maxMembersPerRoom: 5_000,
  messageRate: 10,
  messageBurst: 200, // a client in 100 rooms announces all of them when it comes back
  announceRate: 0.5,
  announceBurst: 12, // some clients announce five times in their first two seconds
  maxFaultsPerMinute: 20,
  maxScrapedRooms: 64,
  softBufferBytes: 256 * 1024,
  hardBufferBytes: 1024 * 1024,
};

export type TrackerOptions = {
  readonly limits?: Partial<TrackerLimits>;
  /** Seconds between announces in rooms under 20 members. Default 30. A member that is silent for three of them is gone. */
  readonly interval?: number;
  /** The same in larger rooms. Default 120. */
  readonly largeRoomInterval?: number;
  /**
   * Web pages that may connect: `https://example.com`, or `https://*.example.com` for its subdomains at any depth. Default: all.
   * What is no web page sends no `Origin` and passes: a list of origins keeps other people's pages out, not other people.
   */
  readonly origins?: readonly string[];
  /** Signed tokens that connections and announces must carry. Default: none needed. */
  readonly access?: AccessOptions;
  /** Whether a room may be joined. Called when a connection joins; must not throw. Default: every room. */
  readonly allowRoom?: (room: WireId, visitor: { readonly ip: string; readonly origin: string | null }) => boolean;
  /** Whether members of a room may be counted by those who know its key. Default true. */
  readonly scrape?: boolean;
  /** TURN servers for one connection, told to clients that ask (docs/server.md). Called at each announce of theirs. */
  readonly iceServers?: (sessionId: string, now: number) => readonly WireIceServer[];
  /** A connection that was told `iceServers` is over: whoever gave it credentials may take them back. Must not throw. */
  readonly sessionEnded?: (sessionId: string) => void;
  /** Told of what is out of the ordinary: `jsonLines()` writes it down. Must not throw. Default: nobody is told. */
  readonly log?: (event: TrackerLogEvent) => void;
  /** Milliseconds since 1970, for the expiry of tokens. Default `Date.now`. */
  readonly unixTimeMs?: () => number;
};

/** @throws RangeError for a bound or a rate that is not a positive number */
export function completeLimits(limits: Partial<TrackerLimits> = {}): TrackerLimits {
  const complete: { -readonly [name in keyof TrackerLimits]: number } = { ...DEFAULT_LIMITS };
  for (const [name, value] of Object.entries(limits)) {
    if (value === undefined) continue;
    if (!(name in DEFAULT_LIMITS)) throw new RangeError(`no such limit: ${name}`);
    if (!(value > 0)) throw new RangeError(`${name} is a positive number or Infinity, got ${value}`);
    complete[name as keyof TrackerLimits] = Math.min(value, Number.MAX_SAFE_INTEGER);
  }
  return complete;
}
