/**
 * Outgoing flights (RFC 6347 §4.2.4): messages that are sent, lost and sent again together. What is kept is messages,
 * not datagrams: each transmission cuts them anew, to the MTU of the moment, into new records.
 */

import { HANDSHAKE_HEADER_LENGTH, type HandshakeMessage, writeFragment } from './handshake-message.ts';
import { CONTENT_TYPE, MAX_PLAINTEXT_LENGTH } from './record.ts';
import type { RecordLayer } from './record-layer.ts';
import { MAX_RECORD_HEADROOM, MAX_RECORD_TAILROOM } from './record-protection.ts';

/** One line of a flight, with the epoch it belongs to for good. */
export type FlightItem =
  | { readonly kind: 'message'; readonly epoch: number; readonly message: HandshakeMessage }
  | { readonly kind: 'changeCipherSpec'; readonly epoch: number };

export type Flight = {
  readonly items: readonly FlightItem[];
  /** Of its records in the clear (RFC 6347 §4.2.1: 1.0 until a version is agreed). */
  readonly version: number;
  /** The message_seq that completed the peer's flight which this one answers; -1 for the first. */
  readonly answers: number;
  /** Whether the peer has to answer. If not, no timer runs: it is sent again only when the peer repeats its own. */
  readonly awaitsAnswer: boolean;
};

const CHANGE_CIPHER_SPEC = 1; // RFC 5246 §7.1: "a single byte of value 1"

/** Seals a flight into datagrams of at most `mtu` bytes. Each call takes new sequence numbers. */
export function packFlight(flight: Flight, records: RecordLayer, mtu: number): Uint8Array[] {
  const packer = new Packer(records, mtu, flight.version);
  for (const item of flight.items) {
    if (item.kind === 'message') packer.addMessage(item.message, item.epoch);
    else packer.addChangeCipherSpec(item.epoch);
  }
  return packer.finish();
}

/** Bound: the smallest MTU at which an encrypted record still carries a useful piece of a message: 32 bytes. */
export const MIN_MTU: number = MAX_RECORD_HEADROOM + MAX_RECORD_TAILROOM + HANDSHAKE_HEADER_LENGTH + 32;

class Packer {
  readonly #records: RecordLayer;
  readonly #mtu: number;
  readonly #version: number;
  readonly #datagrams: Uint8Array[] = [];
  #datagram: Uint8Array;
  #used = 0;

  constructor(records: RecordLayer, mtu: number, version: number) {
    this.#records = records;
    this.#mtu = mtu;
    this.#version = version;
    this.#datagram = new Uint8Array(mtu);
  }

  addChangeCipherSpec(epoch: number): void {
    if (this.#room(epoch) < 1) this.#nextDatagram();
    this.#datagram[this.#payload(epoch)] = CHANGE_CIPHER_SPEC;
    this.#seal(epoch, CONTENT_TYPE.changeCipherSpec, 1);
  }

  /** One fragment to a record, each datagram filled to its last byte; a message without a body still is one fragment. */
  addMessage(message: HandshakeMessage, epoch: number): void {
    let offset = 0;
    do {
      const rest = message.body.length - offset;
      const wanted = HANDSHAKE_HEADER_LENGTH + Math.min(rest, 1);
      if (this.#used > 0 && this.#room(epoch) < wanted) this.#nextDatagram();
      const length = Math.min(rest, this.#room(epoch) - HANDSHAKE_HEADER_LENGTH);
      writeFragment(this.#datagram, this.#payload(epoch), message, offset, length);
      this.#seal(epoch, CONTENT_TYPE.handshake, HANDSHAKE_HEADER_LENGTH + length);
      offset += length;
    } while (offset < message.body.length);
  }

  finish(): Uint8Array[] {
    this.#nextDatagram();
    return this.#datagrams;
  }

  /** Bytes of payload that another record could have. */
  #room(epoch: number): number {
    return Math.min(this.#mtu - this.#used - this.#records.overhead(epoch), MAX_PLAINTEXT_LENGTH);
  }

  /** Where the payload of the next record begins. */
  #payload(epoch: number): number {
    return this.#used + this.#records.headroom(epoch);
  }

  #seal(epoch: number, type: number, length: number): void {
    const start = this.#payload(epoch);
    this.#used = this.#records.seal(this.#datagram, start, start + length, type, this.#version, epoch);
  }

  #nextDatagram(): void {
    if (this.#used > 0) this.#datagrams.push(this.#datagram.subarray(0, this.#used));
    this.#datagram = new Uint8Array(this.#mtu);
    this.#used = 0;
  }
}
