/** What a connection counts. */

/** Why a record or a piece of one was dropped. */
export type DropReason =
  /** Shorter than its header says, longer than allowed, or not a record at all. */
  | 'malformed'
  /** A content type other than 20 … 23, in the clear. */
  | 'unknownType'
  /** Of another protocol, or not of the version agreed. */
  | 'wrongVersion'
  /** An epoch that is over, or further on than the next one. */
  | 'wrongEpoch'
  /** Failed authentication. */
  | 'badMac'
  /** A sequence number seen before, or too old to tell. */
  | 'replayed'
  /** Well-formed, but must not have an effect now: application data before the peer's Finished, say. */
  | 'unexpected'
  /** One more than a buffer may hold. */
  | 'overflow'
  /** Came when the connection was over. */
  | 'afterClose';

export type DtlsStats = {
  datagramsSent: number;
  datagramsReceived: number;
  recordsSent: number;
  /** Records that were authentic, or in the clear while that was allowed. */
  recordsReceived: number;
  /** Flights sent again, by the timer or because the peer repeated its own. */
  retransmissions: number;
  readonly dropped: Record<DropReason, number>;
};

export function newStats(): DtlsStats {
  return {
    datagramsSent: 0,
    datagramsReceived: 0,
    recordsSent: 0,
    recordsReceived: 0,
    retransmissions: 0,
    dropped: {
      malformed: 0,
      unknownType: 0,
      wrongVersion: 0,
      wrongEpoch: 0,
      badMac: 0,
      replayed: 0,
      unexpected: 0,
      overflow: 0,
      afterClose: 0,
    },
  };
}
