/**
 * The record layer (RFC 6347 §4.1): epochs, sequence numbers, protection, replays. It knows nothing of what records
 * carry. Records that are not in order with all that are dropped and counted; none of them can end a connection.
 */

import {
  MAX_CIPHERTEXT_LENGTH,
  MAX_PLAINTEXT_LENGTH,
  MAX_SEQUENCE_NUMBER,
  RECORD_HEADER_LENGTH,
  recordEpoch,
  recordSequenceNumber,
  recordType,
  recordVersion,
  writeRecordHeader,
} from './record.ts';
import type { RecordProtection } from './record-protection.ts';
import { ReplayWindow } from './replay-window.ts';
import type { DtlsStats } from './stats.ts';
import { DTLS_1_2, DTLS_MAJOR_VERSION } from './version.ts';

/**
 * Bounds: records of the next epoch wait for their keys when they overtake what brings those: the peer's Finished, and
 * what it sends behind that. They are not authenticated yet, so anyone can fill this; what is more is dropped, and
 * sent again by the peer.
 */
const MAX_HELD_RECORDS = 32;
const MAX_HELD_BYTES = 65_536;

/** One line of the table of epochs: 0 is in the clear, each further one has its keys. */
type WriteEpoch = {
  readonly epoch: number;
  readonly protection: RecordProtection | null;
  nextSequenceNumber: number;
};
type ReadEpoch = { readonly protection: RecordProtection | null; readonly replays: ReplayWindow };

/** A record of the next epoch that came before its keys could be used: a view of its datagram. */
type HeldRecord = { readonly datagram: Uint8Array; readonly start: number; readonly end: number };

export class RecordLayer {
  readonly #stats: DtlsStats;
  readonly #writeEpochs = new Map<number, WriteEpoch>([[0, { epoch: 0, protection: null, nextSequenceNumber: 0 }]]);
  readonly #readEpochs = new Map<number, ReadEpoch>([[0, { protection: null, replays: new ReplayWindow() }]]);
  #writeEpoch = 0;
  #readEpoch = 0;
  #held: HeldRecord[] = [];
  #heldBytes = 0;
  /** Whether records of the next epoch are worth keeping. */
  #holding = true;

  constructor(stats: DtlsStats) {
    this.#stats = stats;
  }

  /** The epoch we read now; what belongs to an earlier one is dropped. */
  get readEpoch(): number {
    return this.#readEpoch;
  }

  /** The epoch new records of ours belong to. */
  get writeEpoch(): number {
    return this.#writeEpoch;
  }

  /**
   * Adds the keys of an epoch to the table; neither side uses them yet.
   * @param nextSequenceNumber of our first record; only tests have a reason to begin elsewhere than at 0
   */
  installKeys(epoch: number, read: RecordProtection, write: RecordProtection, nextSequenceNumber = 0): void {
    this.#readEpochs.set(epoch, { protection: read, replays: new ReplayWindow() });
    this.#writeEpochs.set(epoch, { epoch, protection: write, nextSequenceNumber });
  }

  /** From now on only `epoch` is read: a repeated flight of an older one has nothing that could still matter. */
  startReading(epoch: number): void {
    this.#readEpochs.delete(this.#readEpoch);
    this.#readEpoch = epoch;
  }

  /** New records go out in `epoch`. The older one stays in the table: a flight may be sent again across the change. */
  startWriting(epoch: number): void {
    this.#writeEpoch = epoch;
  }

  /** After the handshake there is no next epoch to wait for. */
  stopHolding(): void {
    this.#holding = false;
    this.#held = [];
    this.#heldBytes = 0;
  }

  /** Takes out the records that were held for the epoch we read now. */
  takeHeld(): readonly HeldRecord[] {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return held;
  }

  /**
   * The content of the record that fills `datagram[start, end)`; a view or an array of its own. `null` when it is
   * dropped, and counted, or held for later.
   */
  open(datagram: Uint8Array, start: number, end: number): Uint8Array | null {
    const { dropped } = this.#stats;
    const epoch = recordEpoch(datagram, start);
    if (!isVersionRight(recordVersion(datagram, start), epoch)) {
      dropped.wrongVersion++;
      return null;
    }
    const length = end - start - RECORD_HEADER_LENGTH;
    if (length > (epoch === 0 ? MAX_PLAINTEXT_LENGTH : MAX_CIPHERTEXT_LENGTH)) {
      dropped.malformed++;
      return null;
    }
    const state = epoch === this.#readEpoch ? this.#readEpochs.get(epoch) : undefined;
    if (state === undefined) {
      this.#hold(datagram, start, end, epoch);
      return null;
    }
    const { protection, replays } = state;
    if (protection === null) {
      // No replay window in the clear: anyone could move it. Duplicates are found by their message_seq.
      if (!isKnownType(recordType(datagram, start))) {
        dropped.unknownType++;
        return null;
      }
      this.#stats.recordsReceived++;
      return datagram.subarray(start + RECORD_HEADER_LENGTH, end);
    }
    const sequenceNumber = recordSequenceNumber(datagram, start);
    if (!replays.mayBeNew(sequenceNumber)) {
      dropped.replayed++;
      return null;
    }
    const content = protection.open(datagram, start, end);
    if (content === null) {
      dropped.badMac++;
      return null;
    }
    replays.add(sequenceNumber);
    this.#stats.recordsReceived++;
    return content;
  }

  /** Bytes before the payload of a record of `epoch`. */
  headroom(epoch: number): number {
    return this.#writeEpochs.get(epoch)?.protection?.headroom ?? RECORD_HEADER_LENGTH;
  }

  /** Bytes a record of `epoch` is longer than its payload. */
  overhead(epoch: number): number {
    return this.#writeEpochs.get(epoch)?.protection?.overhead ?? RECORD_HEADER_LENGTH;
  }

  /** Whether `epoch` has so few sequence numbers left that only an alert should still be sent. */
  isExhausted(epoch: number): boolean {
    return this.#writeEpochs.get(epoch)!.nextSequenceNumber >= MAX_SEQUENCE_NUMBER;
  }

  /**
   * Makes `buffer[start, end)` the payload of a record of `epoch`; `headroom(epoch)` bytes before it are overwritten.
   * @returns where the record ends
   */
  seal(buffer: Uint8Array, start: number, end: number, type: number, version: number, epoch: number): number {
    const state = this.#writeEpochs.get(epoch)!;
    const sequenceNumber = state.nextSequenceNumber++;
    this.#stats.recordsSent++;
    if (state.protection !== null) {
      return state.protection.seal(buffer, start, end, type, version, epoch, sequenceNumber);
    }
    writeRecordHeader(buffer, start - RECORD_HEADER_LENGTH, type, version, epoch, sequenceNumber, end - start);
    return end;
  }

  #hold(datagram: Uint8Array, start: number, end: number, epoch: number): void {
    const { dropped } = this.#stats;
    if (!this.#holding || epoch !== this.#readEpoch + 1) {
      dropped.wrongEpoch++;
    } else if (this.#held.length >= MAX_HELD_RECORDS || this.#heldBytes + (end - start) > MAX_HELD_BYTES) {
      dropped.overflow++;
    } else {
      this.#held.push({ datagram, start, end });
      this.#heldBytes += end - start;
    }
  }
}

/**
 * Under keys it is the version that was agreed. In the clear any version of DTLS passes: first hellos carry 1.0
 * whatever comes of them (RFC 6347 §4.2.1), and may be repeated at any time.
 */
function isVersionRight(version: number, epoch: number): boolean {
  return epoch > 0 ? version === DTLS_1_2 : version >>> 8 === DTLS_MAJOR_VERSION;
}

function isKnownType(type: number): boolean {
  return type >= 20 && type <= 23;
}
