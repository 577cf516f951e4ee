/** Which streams are taken, and which is next (RFC 8832 §6): the DTLS client takes even ids, the server odd ones. */
import type { DtlsRole } from './types.ts';

/** RFC 8831 §6.2: at most 65,535 streams, so ids end at 65,534; 65,535 is never one. */
export const MAX_STREAMS = 65_535;

export class StreamIds {
  readonly #taken = new Set<number>();
  /** Ids are below this: the smaller of the two numbers of streams that the association negotiated. */
  #limit = MAX_STREAMS;
  /** No id of that parity is free below it. */
  readonly #firstFree = [0, 1];

  get limit(): number {
    return this.#limit;
  }

  set limit(streams: number) {
    this.#limit = Math.min(streams, MAX_STREAMS);
  }

  isTaken(id: number): boolean {
    return this.#taken.has(id);
  }

  take(id: number): void {
    this.#taken.add(id);
  }

  release(id: number): void {
    this.#taken.delete(id);
    const parity = id & 1;
    this.#firstFree[parity] = Math.min(this.#firstFree[parity]!, id);
  }

  /** The lowest free id of a role; `null` when there is none. */
  next(role: DtlsRole): number | null {
    const parity = ID_PARITY[role];
    let id = this.#firstFree[parity]!;
    while (this.#taken.has(id)) id += 2;
    this.#firstFree[parity] = id;
    return id < this.#limit ? id : null;
  }
}

const ID_PARITY: Readonly<Record<DtlsRole, 0 | 1>> = { client: 0, server: 1 };

/** Whether a side may open a channel in-band under this id. */
export function idBelongsTo(id: number, role: DtlsRole): boolean {
  return (id & 1) === ID_PARITY[role];
}
