/**
 * Packets that were sent within 5 ms count as one group, and groups are compared: how much later than the one before was
 * it sent, how much later did it arrive? (draft-ietf-rmcat-gcc-02 §5.2; burst rules as in libwebrtc.)
 */

const GROUP_LENGTH_MS = 5;
/** Packets that arrive so close together although they were sent apart were held up together: one group still. */
const BURST_ARRIVAL_GAP_MS = 5;
const MAX_BURST_DURATION_MS = 100;
/** Arrival times that run away from the clock by so much: the receiver's clock was set. */
const CLOCK_OFFSET_THRESHOLD_MS = 3000;
/** Groups in a row that arrived before the one sent before them: begin anew. */
const REORDERED_GROUPS_BEFORE_RESET = 3;

export type GroupDelta = { readonly sendDeltaMs: number; readonly arrivalDeltaMs: number };

type Group = {
  firstSentAtMs: number;
  lastSentAtMs: number;
  firstArrivedAtMs: number;
  lastArrivedAtMs: number;
  /** When we learned of its last packet. */
  seenAtMs: number;
};

export class InterArrival {
  #current: Group | null = null;
  #previous: Group | null = null;
  #reorderedGroups = 0;

  /** A packet's times. Gives the deltas of the last two groups when it begins a new one, else `null`. */
  add(sentAtMs: number, arrivedAtMs: number, nowMs: number): GroupDelta | null {
    const current = this.#current;
    if (current === null) {
      this.#current = newGroup(sentAtMs, arrivedAtMs, nowMs);
      return null;
    }
    if (sentAtMs < current.firstSentAtMs) return null; // overtaken by a whole group
    if (!this.#beginsGroup(current, sentAtMs, arrivedAtMs)) {
      current.lastSentAtMs = Math.max(current.lastSentAtMs, sentAtMs);
      current.lastArrivedAtMs = arrivedAtMs;
      current.seenAtMs = nowMs;
      return null;
    }
    const delta = this.#previous === null ? null : this.#compare(this.#previous, current);
    if (delta === 'reset') {
      this.#current = null;
      this.#previous = null;
      this.#reorderedGroups = 0;
      return null;
    }
    if (delta === 'reordered') {
      // As libwebrtc: the group stays open, and its successor is measured against the one before.
      return null;
    }
    this.#previous = current;
    this.#current = newGroup(sentAtMs, arrivedAtMs, nowMs);
    return delta;
  }

  #beginsGroup(group: Group, sentAtMs: number, arrivedAtMs: number): boolean {
    const sendDeltaMs = sentAtMs - group.lastSentAtMs;
    if (sendDeltaMs === 0) return false;
    const arrivalDeltaMs = arrivedAtMs - group.lastArrivedAtMs;
    const isBurst =
      arrivalDeltaMs - sendDeltaMs < 0 &&
      arrivalDeltaMs <= BURST_ARRIVAL_GAP_MS &&
      arrivedAtMs - group.firstArrivedAtMs < MAX_BURST_DURATION_MS;
    return !isBurst && sentAtMs - group.firstSentAtMs > GROUP_LENGTH_MS;
  }

  #compare(previous: Group, current: Group): GroupDelta | 'reset' | 'reordered' {
    const arrivalDeltaMs = current.lastArrivedAtMs - previous.lastArrivedAtMs;
    if (arrivalDeltaMs - (current.seenAtMs - previous.seenAtMs) >= CLOCK_OFFSET_THRESHOLD_MS) return 'reset';
    if (arrivalDeltaMs < 0) {
      return ++this.#reorderedGroups >= REORDERED_GROUPS_BEFORE_RESET ? 'reset' : 'reordered';
    }
    this.#reorderedGroups = 0;
    return { sendDeltaMs: current.lastSentAtMs - previous.lastSentAtMs, arrivalDeltaMs };
  }
}

function newGroup(sentAtMs: number, arrivedAtMs: number, nowMs: number): Group {
  return {
    firstSentAtMs: sentAtMs,
    lastSentAtMs: sentAtMs,
    firstArrivedAtMs: arrivedAtMs,
    lastArrivedAtMs: arrivedAtMs,
    seenAtMs: nowMs,
  };
}
