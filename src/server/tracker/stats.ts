/** What a tracker counts. Counters only grow; none of them names a room, a peer or an address. */
export type TrackerStats = {
  connectionsOpened: number;
  /** Refused at the door, by HTTP status. */
  refusedUnauthorized: number;
  refusedOrigin: number;
  refusedRate: number;
  refusedFull: number;
  /** Closed by the tracker. */
  closedForFaults: number;
  closedSilent: number;
  closedIdle: number;
  closedSlow: number;
  messages: number;
  announces: number;
  answers: number;
  scrapes: number;
  /** Messages that were malformed, or asked for what is not allowed. */
  failures: number;
  /** Messages and announces over their rate. */
  limited: number;
  offersReceived: number;
  offersDealt: number;
  offersToNodes: number;
  offersFromNodes: number;
  /** Offers nobody was there for. */
  offersUnplaced: number;
  /** Offers over a limit of size or number. */
  offersRefused: number;
  answersDelivered: number;
  /** Answers to offers that were answered, expired, or never dealt to the sender. */
  answersRefused: number;
  /** Members that did not announce again. */
  membersExpired: number;
};

export function newStats(): TrackerStats {
  return {
    connectionsOpened: 0,
    refusedUnauthorized: 0,
    refusedOrigin: 0,
    refusedRate: 0,
    refusedFull: 0,
    closedForFaults: 0,
    closedSilent: 0,
    closedIdle: 0,
    closedSlow: 0,
    messages: 0,
    announces: 0,
    answers: 0,
    scrapes: 0,
    failures: 0,
    limited: 0,
    offersReceived: 0,
    offersDealt: 0,
    offersToNodes: 0,
    offersFromNodes: 0,
    offersUnplaced: 0,
    offersRefused: 0,
    answersDelivered: 0,
    answersRefused: 0,
    membersExpired: 0,
  };
}
