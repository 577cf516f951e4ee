/**
 * The handshake layer: between the contents of handshake records and a handshake, in both directions.
 *
 *     contents ─► fragments ─► messages in order (reassembly.ts) ─► client-handshake.ts or server-handshake.ts
 *     datagrams ◄── records ◄── a flight until it is answered (flight-sender.ts) ◄──┘
 *
 * Here is what is between them: the change of keys, which is no message; the end; and the time all of it may take.
 */
import { ClientHandshake } from './client-handshake.ts';
import { FlightSender } from './flight-sender.ts';
import { type Failure, failure, type Handshake, type HandshakeCore, type Step } from './handshake.ts';
import { decodeFragment, HANDSHAKE_HEADER_LENGTH, HANDSHAKE_TYPE } from './handshake-message.ts';
import { HandshakeReassembler } from './reassembly.ts';
import type { RecordLayer } from './record-layer.ts';
import { ServerHandshake } from './server-handshake.ts';
import type { Settings } from './settings.ts';
import type { DtlsStats } from './stats.ts';
import { DTLS_1_0 } from './version.ts';

/** What some input led to, as far as the connection has to act on it. */
export type HandshakeOutcome =
  | Failure
  | { readonly kind: 'waiting' }
  /** The peer's records are encrypted from now on: those that came too early can be opened. */
  | { readonly kind: 'keysChanged' }
  | { readonly kind: 'connected' }
  /** The peer wants another handshake, after this one. */
  | { readonly kind: 'renegotiation' };

const WAITING: HandshakeOutcome = { kind: 'waiting' };
const CHANGE_CIPHER_SPEC = 1; // RFC 5246 §7.1

export class HandshakeLayer {
  readonly core: HandshakeCore;
  readonly flights: FlightSender;
  readonly #settings: Settings;
  readonly #records: RecordLayer;
  readonly #handshake: Handshake;
  readonly #reassembler: HandshakeReassembler;
  /** When the handshake has taken too long; set by its first ClientHello, sent or received. */
  #deadline = Infinity;
  #isComplete = false;
  /** A ChangeCipherSpec has come. It has no message_seq, so it waits here until it is due. */
  #changeCipherSpecSeen = false;

  constructor(settings: Settings, records: RecordLayer, stats: DtlsStats, transmit: (datagram: Uint8Array) => void) {
    this.#settings = settings;
    this.#records = records;
    this.#handshake = settings.role === 'client' ? new ClientHandshake(settings) : new ServerHandshake(settings);
    this.core = this.#handshake.core;
    this.#reassembler = new HandshakeReassembler(() => stats.dropped.overflow++);
    this.flights = new FlightSender(records, settings, stats, transmit);
  }

  get nextTimeout(): number {
    return Math.min(this.flights.expiresAt, this.#deadline);
  }

  /** Whether the peer has said anything yet. */
  get hasPeer(): boolean {
    return this.#reassembler.nextReceiveSeq > 0;
  }

  /** Whether the peer's Finished was right: true already while our last flight goes out. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Of records in the clear. RFC 6347 §4.2.1: DTLS 1.0 until a version is agreed. */
  get clearVersion(): number {
    return this.core.version ?? DTLS_1_0;
  }

  /** Client: sends the first flight. Server: nothing. */
  start(now: number): void {
    if (!(this.#handshake instanceof ClientHandshake)) return;
    this.#deadline = now + this.#settings.handshakeTimeoutMs;
    this.#take(this.#handshake.start(), -1, now);
  }

  /** Does what is due at `now`; the reason when that is to give up. */
  handleTimeout(now: number): string | null {
    if (now >= this.#deadline) return 'the handshake took too long';
    return this.flights.handleTimeout(now) ? null : 'the peer does not answer';
  }

  /** Takes the content of a handshake record, during the handshake. */
  handleContent(content: Uint8Array, now: number): HandshakeOutcome {
    if (this.#deadline === Infinity) this.#deadline = now + this.#settings.handshakeTimeoutMs;
    const inserted = this.#reassembler.insert(content);
    switch (inserted.kind) {
      case 'inserted':
        if (inserted.repeated >= 0) this.flights.handleRepetition(inserted.repeated, now);
        return this.#advance(now);
      case 'malformed':
        return failure('decode_error', 'a handshake record that holds no whole fragment');
      case 'mismatch':
        return failure('illegal_parameter', 'fragments of one message disagree about it');
      case 'excessive':
        return failure('illegal_parameter', 'a handshake message that is too long');
      default:
        return inserted satisfies never;
    }
  }

  /** Takes the content of a ChangeCipherSpec record, during the handshake. */
  handleChangeCipherSpec(content: Uint8Array, now: number): HandshakeOutcome {
    if (content.length !== 1 || content[0] !== CHANGE_CIPHER_SPEC) {
      return failure('illegal_parameter', 'malformed ChangeCipherSpec');
    }
    this.#changeCipherSpecSeen = true;
    return this.#advance(now);
  }

  /** Takes the content of a handshake record after the handshake: repetitions of its end, renegotiation, or nonsense. */
  handleLateContent(content: Uint8Array, now: number): HandshakeOutcome {
    const renegotiation = this.#settings.role === 'client' ? HANDSHAKE_TYPE.helloRequest : HANDSHAKE_TYPE.clientHello;
    let outcome = WAITING;
    let at = 0;
    do {
      const fragment = decodeFragment(content, at);
      if (fragment === null) return failure('decode_error', 'a handshake record that holds no whole fragment');
      const { type, messageSeq, offset, length } = fragment;
      at += HANDSHAKE_HEADER_LENGTH + fragment.content.length;
      // The hello of this handshake came in the clear, so an encrypted one asks for another, whatever its message_seq.
      if (type === renegotiation) {
        if (offset === 0) outcome = { kind: 'renegotiation' };
      } else if (messageSeq >= this.#reassembler.nextReceiveSeq) {
        return failure('unexpected_message', `handshake message ${type} after the handshake`);
      } else if (offset + fragment.content.length === length) {
        this.flights.handleRepetition(messageSeq, now);
      }
    } while (at < content.length);
    return outcome;
  }

  /** The connection is over: nothing is due any more. */
  stop(): void {
    this.#deadline = Infinity;
    this.flights.drop();
  }

  /** Hands on every message that is complete, until the keys change or the handshake ends. */
  #advance(now: number): HandshakeOutcome {
    for (let message = this.#reassembler.next(); message !== null; message = this.#reassembler.next()) {
      const outcome = this.#take(this.#handshake.handleMessage(message), message.messageSeq, now);
      if (outcome.kind !== 'waiting') return outcome;
    }
    if (!this.#changeCipherSpecSeen || !this.#handshake.awaitsChangeCipherSpec) return WAITING;
    if (this.#reassembler.hasPending) {
      return failure('unexpected_message', 'a message in the clear is left over at the ChangeCipherSpec');
    }
    this.#changeCipherSpecSeen = false;
    this.#handshake.handleChangeCipherSpec();
    this.#records.startReading(1);
    return { kind: 'keysChanged' };
  }

  #take(step: Step, messageSeq: number, now: number): HandshakeOutcome {
    if (step.kind === 'failure') return step;
    if (step.connected && this.#reassembler.hasPending) {
      return failure('unexpected_message', 'a handshake message behind Finished');
    }
    if (step.keys) this.#records.installKeys(1, step.keys.read, step.keys.write);
    if (step.connected) {
      this.#isComplete = true;
      this.#deadline = Infinity;
    }
    if (step.flight) {
      const { flight: items, awaitsAnswer = false } = step;
      // First of all: a peer in the same process may answer while we still send.
      if (items.some(({ epoch }) => epoch === 1)) this.#records.startWriting(1);
      this.flights.send({ items, version: this.clearVersion, answers: messageSeq, awaitsAnswer }, now);
    }
    if (!step.connected) return WAITING;
    // The client's last flight is answered; the server's may have to be sent again as long as the connection lives.
    if (this.#settings.role === 'client') this.flights.drop();
    return { kind: 'connected' };
  }
}
