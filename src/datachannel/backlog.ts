/**
 * How much of what a channel gave to SCTP is still waiting there, in bytes the application sent.
 *
 * SCTP counts every byte of the stream. The application must not see the bytes that are ours: DCEP messages, and the
 * one byte that stands for an empty message. A stream leaves in order, so it is enough to know where in the sequence
 * of all its bytes ours stand. `sent` takes time in proportion to the runs it passes, `add` none.
 */
export class Backlog {
  /** Bytes of payload not yet handed to the network. */
  payload = 0;
  /** Positions in the byte sequence of everything ever queued. */
  #queued = 0;
  #sent = 0;
  /** Runs of bytes that are ours, oldest first; only those not yet sent. Bound: SCTP's own queue holds these bytes. */
  #ours: { start: number; end: number }[] = [];

  addPayload(bytes: number): void {
    this.#queued += bytes;
    this.payload += bytes;
  }

  addOurs(bytes: number): void {
    const last = this.#ours.at(-1);
    if (last?.end === this.#queued) last.end += bytes;
    else this.#ours.push({ start: this.#queued, end: this.#queued + bytes });
    this.#queued += bytes;
  }

  /** SCTP took the next `bytes` off the stream's queue. Returns how many of them were payload. */
  sent(bytes: number): number {
    const from = this.#sent;
    const to = Math.min(from + bytes, this.#queued);
    let payload = to - from;
    let done = 0;
    for (const run of this.#ours) {
      if (run.start >= to) break;
      payload -= Math.min(run.end, to) - Math.max(run.start, from);
      if (run.end <= to) done++;
    }
    if (done > 0) this.#ours.splice(0, done);
    this.#sent = to;
    this.payload -= payload;
    return payload;
  }
}
