/** What a node counts: everything that was dropped, and what for. */
import type { FrameFault } from './frame.ts';

export type ClusterStatistics = {
  framesSent: number;
  framesReceived: number;
  /** Frames that the bus did not take: it is down, or too much waits to be sent. */
  framesNotSent: number;
  /** Frames dropped unread: why they could not be read, or a second time, or of too many nodes. */
  readonly framesDropped: Record<FrameFault | 'duplicate' | 'tooManyNodes', number>;
  offersSent: number;
  offersReceived: number;
  /** Offers of other nodes that found a member here. */
  offersPlaced: number;
  readonly offersDropped: {
    /** The bus did not take them, or the nodes they were for had gone. */
    notSent: number;
    /** The inbox was full. */
    inbox: number;
    /** No member here could get them. */
    notPlaced: number;
    /** Nobody appeared for them in time. */
    parked: number;
  };
  answersSent: number;
  answersReceived: number;
  readonly answersDropped: {
    notSent: number;
    /** Nobody here waits for such an answer: its connection has gone, or it is the second one. */
    unexpected: number;
  };
  nodesDied: number;
};

/** Flat, for metrics: `offersDropped.inbox` is `offersDroppedInbox`. */
export function flattenStatistics(statistics: ClusterStatistics): Record<string, number> {
  const flat: Record<string, number> = {};
  for (const [name, value] of Object.entries(statistics)) {
    if (typeof value === 'number') flat[name] = value;
    else
      for (const [why, count] of Object.entries(value)) flat[`${name}${why[0]!.toUpperCase()}${why.slice(1)}`] = count;
  }
  return flat;
}

export function newClusterStatistics(): ClusterStatistics {
  return {
    framesSent: 0,
    framesReceived: 0,
    framesNotSent: 0,
    framesDropped: { oversized: 0, version: 0, tag: 0, malformed: 0, duplicate: 0, tooManyNodes: 0 },
    offersSent: 0,
    offersReceived: 0,
    offersPlaced: 0,
    offersDropped: { notSent: 0, inbox: 0, notPlaced: 0, parked: 0 },
    answersSent: 0,
    answersReceived: 0,
    answersDropped: { notSent: 0, unexpected: 0 },
    nodesDied: 0,
  };
}
