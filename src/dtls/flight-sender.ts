/**
 * Our current flight and its timer (RFC 6347 §4.2.4): sent, and sent again when time runs out or when the peer repeats
 * the flight that this one answers, until the peer's next flight makes us send another.
 *
 *            send(flight)                 due(now): false = given up
 *     ──────────────────────► WAITING ────────────────────────────────┐
 *                              ▲   │  timeout, or the peer's           │
 *                              └───┘  repetition: the flight again     ▼
 */
import { type Flight, packFlight } from './flight.ts';
import type { RecordLayer } from './record-layer.ts';
import { RetransmissionTimer } from './retransmission-timer.ts';
import type { DtlsStats } from './stats.ts';

export type FlightSenderOptions = {
  readonly mtu: number;
  readonly initialTimeoutMs: number;
  readonly maxRetransmissions: number;
};

export class FlightSender {
  readonly #records: RecordLayer;
  readonly #stats: DtlsStats;
  readonly #transmit: (datagram: Uint8Array) => void;
  readonly #timer: RetransmissionTimer;
  readonly #maxRetransmissions: number;
  /** Bytes; read anew for each transmission. */
  mtu: number;
  #flight: Flight | null = null;
  #datagrams: readonly Uint8Array[] = [];

  constructor(
    records: RecordLayer,
    options: FlightSenderOptions,
    stats: DtlsStats,
    transmit: (datagram: Uint8Array) => void,
  ) {
    this.#records = records;
    this.#stats = stats;
    this.#transmit = transmit;
    this.#timer = new RetransmissionTimer(options.initialTimeoutMs);
    this.#maxRetransmissions = options.maxRetransmissions;
    this.mtu = options.mtu;
  }

  /** When the flight is to be sent again; Infinity when no answer is awaited. */
  get expiresAt(): number {
    return this.#timer.expiresAt;
  }

  /** The flight as it was last sent, until it is answered. */
  get datagrams(): readonly Uint8Array[] {
    return this.#datagrams;
  }

  set initialTimeoutMs(ms: number) {
    this.#timer.initialMs = ms;
  }

  /** Sends a new flight; the one before it is answered. */
  send(flight: Flight, now: number): void {
    this.#flight = flight;
    if (flight.awaitsAnswer) this.#timer.start(now);
    else this.#timer.stop();
    this.#sendOnce();
  }

  /** Sends it again, if there is one, and leaves the timer alone. */
  repeat(): void {
    if (this.#flight === null) return;
    this.#stats.retransmissions++;
    this.#sendOnce();
  }

  /** Sends it again when its time has run out. False: that was once too often, the peer is gone. */
  handleTimeout(now: number): boolean {
    if (now < this.#timer.expiresAt) return true;
    if (this.#timer.expiries >= this.#maxRetransmissions) return false;
    this.#timer.backOff(now);
    this.repeat();
    return true;
  }

  /** The peer repeats the message `messageSeq`: if our flight answers it, the peer has not had our flight. */
  handleRepetition(messageSeq: number, now: number): void {
    if (this.#flight?.answers !== messageSeq) return;
    // A duplicate made by the network, or one thing said in two datagrams, is not a repetition: that takes time.
    if (this.#flight.awaitsAnswer && !this.#timer.isHalfOver(now)) return;
    this.#timer.restart(now);
    this.repeat();
  }

  /** What the peer sends shows that it has the flight. */
  acknowledge(): void {
    this.#datagrams = [];
  }

  /** Nothing is ever to be sent again. */
  drop(): void {
    this.#timer.stop();
    this.#flight = null;
    this.#datagrams = [];
  }

  #sendOnce(): void {
    const datagrams = packFlight(this.#flight!, this.#records, this.mtu);
    this.#datagrams = datagrams.map((datagram) => datagram.slice()); // what is transmitted is given away
    for (const datagram of datagrams) this.#transmit(datagram);
  }
}
