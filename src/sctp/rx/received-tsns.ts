/**
 * Which TSNs have arrived: all up to one, and blocks beyond it (RFC 9260 §6.7). This is what a SACK says.
 *
 * The blocks are sorted ranges in one typed array. In practice there are few, and a TSN extends or follows the last.
 */
import { setU16, setU32 } from '../../binary/bytes.ts';
import { serial32Less } from '../../binary/serial.ts';
import { SACK } from '../packet/sack-chunk.ts';

/** Bound: further ahead of the cumulative TSN, a gap ack block could not name it (16-bit offsets, RFC 9260 §3.3.4). */
export const MAX_TSN_AHEAD = 65_535;

/**
 * Bound: separate blocks beyond the cumulative TSN, which the peer makes. About 300 fit into a SACK, and a window of
 * 1 MiB with every fifth packet lost has 200. A TSN that would begin one more is dropped; it is sent again.
 */
const MAX_BLOCKS = 1024;

/** Bound: duplicates reported in one SACK. Nothing depends on them; what is more is not reported. */
const MAX_DUPLICATES_REPORTED = 16;

const INITIAL_BLOCKS = 8;

export type TsnArrival = 'new' | 'duplicate' | 'tooFar';

export class ReceivedTsns {
  #cumulativeTsn: number;
  /** First and last TSN of each block, in order. */
  #blocks = new Uint32Array(2 * INITIAL_BLOCKS);
  #count = 0;
  readonly #duplicates = new Uint32Array(MAX_DUPLICATES_REPORTED);
  #duplicateCount = 0;

  constructor(peerInitialTsn: number) {
    this.#cumulativeTsn = (peerInitialTsn - 1) >>> 0;
  }

  /** All TSNs up to this one have arrived, or are not waited for any more. */
  get cumulativeTsn(): number {
    return this.#cumulativeTsn;
  }

  get hasGaps(): boolean {
    return this.#count > 0;
  }

  /** Whether this SACK has duplicates to report. */
  get hasDuplicates(): boolean {
    return this.#duplicateCount > 0;
  }

  add(tsn: number): TsnArrival {
    const ahead = (tsn - this.#cumulativeTsn) >>> 0;
    if (ahead === 1) {
      this.#cumulativeTsn = tsn;
      if (this.#count > 0) this.#absorbFirstBlock();
      return 'new';
    }
    if (ahead === 0 || ahead >= 0x8000_0000) return this.#duplicate(tsn);
    if (ahead > MAX_TSN_AHEAD) return 'tooFar';
    const at = this.#blockAtOrAfter(ahead);
    const blocks = this.#blocks;
    if (at < this.#count && this.#ahead(blocks[2 * at]!) <= ahead) return this.#duplicate(tsn);
    const joinsBefore = at > 0 && this.#ahead(blocks[2 * at - 1]!) + 1 === ahead;
    const joinsAfter = at < this.#count && this.#ahead(blocks[2 * at]!) - 1 === ahead;
    if (joinsBefore && joinsAfter) {
      blocks[2 * at - 1] = blocks[2 * at + 1]!;
      this.#removeBlocks(at, 1);
    } else if (joinsBefore) {
      blocks[2 * at - 1] = tsn;
    } else if (joinsAfter) {
      blocks[2 * at] = tsn;
    } else {
      if (this.#count === MAX_BLOCKS) return 'tooFar';
      this.#insertBlock(at, tsn);
    }
    return 'new';
  }

  /** A FORWARD TSN, whose TSN must be ahead of the cumulative one: nothing up to it is waited for (RFC 3758 §3.6). */
  forwardTo(tsn: number): void {
    const ahead = this.#ahead(tsn);
    let passed = 0;
    while (passed < this.#count && this.#ahead(this.#blocks[2 * passed + 1]!) <= ahead) passed++;
    this.#cumulativeTsn = tsn;
    this.#removeBlocks(0, passed);
    if (this.#count > 0) this.#absorbFirstBlock();
  }

  /**
   * Writes gap ack blocks and duplicates at `at`, as many as `room` bytes hold: the lowest blocks first (RFC 9260 §6.7).
   * Returns how many of each as blocks * 65,536 + duplicates. Duplicates are then forgotten (§3.3.4).
   */
  write(bytes: Uint8Array, at: number, room: number): number {
    const blockCount = Math.min(this.#count, Math.floor(room / SACK.bytesPerGapBlock));
    const rest = room - blockCount * SACK.bytesPerGapBlock;
    const duplicateCount = Math.min(this.#duplicateCount, Math.floor(rest / SACK.bytesPerDuplicate));
    let to = at;
    for (let i = 0; i < blockCount; i++, to += SACK.bytesPerGapBlock) {
      setU16(bytes, to, this.#ahead(this.#blocks[2 * i]!));
      setU16(bytes, to + 2, this.#ahead(this.#blocks[2 * i + 1]!));
    }
    for (let i = 0; i < duplicateCount; i++, to += SACK.bytesPerDuplicate) setU32(bytes, to, this.#duplicates[i]!);
    this.#duplicateCount = 0;
    return blockCount * 0x1_0000 + duplicateCount;
  }

  #ahead(tsn: number): number {
    return (tsn - this.#cumulativeTsn) >>> 0;
  }

  #duplicate(tsn: number): TsnArrival {
    if (this.#duplicateCount < MAX_DUPLICATES_REPORTED) this.#duplicates[this.#duplicateCount++] = tsn;
    return 'duplicate';
  }

  /** The first block that does not end before `ahead`; the number of blocks when all do. */
  #blockAtOrAfter(ahead: number): number {
    let low = 0;
    let high = this.#count;
    if (high > 0 && this.#ahead(this.#blocks[2 * high - 1]!) < ahead) return high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ahead(this.#blocks[2 * middle + 1]!) < ahead) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The cumulative TSN moves to the end of the first block if that begins next, or (after a forward) before. */
  #absorbFirstBlock(): void {
    if (serial32Less((this.#cumulativeTsn + 1) >>> 0, this.#blocks[0]!)) return;
    this.#cumulativeTsn = this.#blocks[1]!;
    this.#removeBlocks(0, 1);
  }

  #removeBlocks(at: number, count: number): void {
    if (count === 0) return;
    this.#blocks.copyWithin(2 * at, 2 * (at + count), 2 * this.#count);
    this.#count -= count;
  }

  #insertBlock(at: number, tsn: number): void {
    if (2 * this.#count === this.#blocks.length) {
      const larger = new Uint32Array(2 * this.#blocks.length);
      larger.set(this.#blocks);
      this.#blocks = larger;
    }
    this.#blocks.copyWithin(2 * at + 2, 2 * at, 2 * this.#count);
    this.#blocks[2 * at] = tsn;
    this.#blocks[2 * at + 1] = tsn;
    this.#count++;
  }
}
