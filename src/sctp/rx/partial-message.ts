/** A run of fragments with TSNs in sequence, of one message whose beginning or end has not arrived. */

/** A fragment's user data: a view of the packet it came in. */
type Fragment = { readonly data: Uint8Array; next: Fragment | null };

export class PartialMessage {
  readonly streamId: number;
  readonly ssn: number;
  readonly ppid: number;
  readonly unordered: boolean;
  firstTsn: number;
  lastTsn: number;
  /** Its first fragment begins the message. */
  begins: boolean;
  /** Its last fragment ends the message. */
  ends: boolean;
  bytes: number;
  fragments = 1;
  #head: Fragment;
  #tail: Fragment;

  constructor(
    tsn: number,
    begins: boolean,
    ends: boolean,
    streamId: number,
    ssn: number,
    ppid: number,
    unordered: boolean,
    data: Uint8Array,
  ) {
    this.streamId = streamId;
    this.ssn = ssn;
    this.ppid = ppid;
    this.unordered = unordered;
    this.firstTsn = tsn;
    this.lastTsn = tsn;
    this.begins = begins;
    this.ends = ends;
    this.bytes = data.length;
    this.#head = { data, next: null };
    this.#tail = this.#head;
  }

  /** Whether a fragment with these fields can be of the same message. Unordered messages have no valid SSN. */
  matches(streamId: number, ssn: number, unordered: boolean): boolean {
    return streamId === this.streamId && unordered === this.unordered && (unordered || ssn === this.ssn);
  }

  append(data: Uint8Array, ends: boolean): void {
    const fragment: Fragment = { data, next: null };
    this.#tail.next = fragment;
    this.#tail = fragment;
    this.lastTsn = (this.lastTsn + 1) >>> 0;
    this.ends = ends;
    this.bytes += data.length;
    this.fragments++;
  }

  /** Takes over the fragments of the run that follows this one. */
  join(after: PartialMessage): void {
    this.#tail.next = after.#head;
    this.#tail = after.#tail;
    this.lastTsn = after.lastTsn;
    this.ends = after.ends;
    this.bytes += after.bytes;
    this.fragments += after.fragments;
  }

  /** All fragments in one array: the one copy of a message that came in several. */
  concatenate(): Uint8Array {
    const whole = new Uint8Array(this.bytes);
    let offset = 0;
    for (let fragment: Fragment | null = this.#head; fragment !== null; fragment = fragment.next) {
      whole.set(fragment.data, offset);
      offset += fragment.data.length;
    }
    return whole;
  }
}
