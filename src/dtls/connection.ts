/**
 * DTLS 1.2 (RFC 6347), client and server, as one machine: datagrams and the time go in, datagrams and events come out.
 *
 *     datagram ─► records (record-layer.ts) ─┬─► application data ─► event
 *                                            ├─► alerts
 *                                            └─► handshake, ChangeCipherSpec ─► handshake-layer.ts ─► datagrams
 */
import type { NamedGroup } from '../crypto/provider.ts';
import { EventQueue, type Machine, type Sink } from '../machine.ts';
import { ALERT_CODES, type AlertDescription, type AlertLevel, decodeAlert, encodeAlert } from './alert.ts';
import type { CipherSuiteName } from './cipher-suites.ts';
import { HandshakeLayer, type HandshakeOutcome } from './handshake-layer.ts';
import type { DtlsEvent, DtlsOptions, DtlsRole, DtlsState } from './options.ts';
import { CONTENT_TYPE, MAX_PLAINTEXT_LENGTH, recordEnd, recordEpoch, recordType } from './record.ts';
import { RecordLayer } from './record-layer.ts';
import { MAX_RECORD_HEADROOM, MAX_RECORD_TAILROOM } from './record-protection.ts';
import { checkedMtu, checkedTimeout, resolveOptions } from './settings.ts';
import type { SrtpProfile } from './srtp-profiles.ts';
import { type DtlsStats, newStats } from './stats.ts';
import { DTLS_1_2 } from './version.ts';

export class DtlsConnection implements Machine {
  readonly role: DtlsRole;
  readonly stats: DtlsStats = newStats();
  readonly #sink: Sink<DtlsEvent>;
  readonly #events: EventQueue<DtlsEvent>;
  readonly #records: RecordLayer;
  readonly #handshake: HandshakeLayer;
  #state: DtlsState = 'new';
  #peerClosed = false;

  /** @throws TypeError or RangeError that says which option is wrong */
  constructor(options: DtlsOptions, sink: Sink<DtlsEvent>) {
    const settings = resolveOptions(options);
    this.role = settings.role;
    this.#sink = sink;
    this.#events = new EventQueue((event) => sink.event(event));
    this.#records = new RecordLayer(this.stats);
    const transmit = (datagram: Uint8Array): void => this.#transmit(datagram);
    this.#handshake = new HandshakeLayer(settings, this.#records, this.stats, transmit);
  }

  get state(): DtlsState {
    return this.#state;
  }

  /** When `handleTimeout` is next due: a retransmission, or the end of the handshake's patience. */
  get nextTimeout(): number {
    return this.#handshake.nextTimeout;
  }

  /** The negotiated version as on the wire, 0xfefd; `undefined` before the hellos met. */
  get version(): number | undefined {
    return this.#handshake.core.version;
  }

  get cipherSuite(): CipherSuiteName | undefined {
    return this.#handshake.core.suite?.name;
  }

  get group(): NamedGroup | undefined {
    return this.#handshake.core.group;
  }

  /** Agreed by use_srtp; `undefined` when nothing was. */
  get srtpProfile(): SrtpProfile | undefined {
    return this.#handshake.core.srtpProfile;
  }

  get alpnProtocol(): string | undefined {
    return this.#handshake.core.alpnProtocol;
  }

  /** The peer's chain in DER, end entity first; empty when it showed none. Proved only once connected. */
  get peerCertificates(): readonly Uint8Array[] {
    return this.#handshake.core.peerCertificates;
  }

  /**
   * The datagrams of our current flight as they were last sent, until the peer's next flight answers them: for carrying
   * them another way. With a first timeout of Infinity the machine's own timer is off and the caller's is in charge.
   */
  get flight(): readonly Uint8Array[] {
    return this.#handshake.flights.datagrams;
  }

  /** The most bytes of data whose record stays within the MTU. */
  get maxDataLength(): number {
    return Math.min(
      this.#handshake.flights.mtu - this.#records.overhead(this.#records.writeEpoch),
      MAX_PLAINTEXT_LENGTH,
    );
  }

  /** Client: sends the ClientHello. Server: waits for one. */
  start(now: number): void {
    if (this.#state !== 'new') return;
    this.#state = 'connecting';
    this.#handshake.start(now);
  }

  handlePacket(packet: Uint8Array, now: number): void {
    this.stats.datagramsReceived++;
    for (let start = 0; start < packet.length; ) {
      const end = recordEnd(packet, start);
      if (end < 0) {
        this.stats.dropped.malformed++;
        break;
      }
      this.#handleRecord(packet, start, end, now);
      start = end;
    }
    this.#events.flush();
  }

  handleTimeout(now: number): void {
    const givenUp = this.#handshake.handleTimeout(now);
    if (givenUp !== null) this.#fail('timeout', undefined, givenUp);
    this.#events.flush();
  }

  /** Sends the current flight again, outside its timer, which runs on as it is. Nothing when there is none. */
  retransmit(): void {
    this.#handshake.flights.repeat();
  }

  /**
   * Sends one record of application data; `data` is copied. Staying within the MTU, `maxDataLength`, is the caller's
   * business: who probes for a larger one must not be hindered (RFC 6347 §4.1.1.1).
   * @returns whether it was sent: false unless connected
   * @throws RangeError when it is longer than 2^14 bytes
   */
  send(data: Uint8Array): boolean {
    if (this.#state !== 'connected') return false;
    const datagram = new Uint8Array(MAX_RECORD_HEADROOM + data.length + MAX_RECORD_TAILROOM);
    datagram.set(data, MAX_RECORD_HEADROOM);
    return this.sealInPlace(datagram, MAX_RECORD_HEADROOM, MAX_RECORD_HEADROOM + data.length);
  }

  /**
   * The data path: seals the payload that stands at `datagram[start, end)` where it stands, and transmits the part of
   * `datagram` that is the record. As with `send`, the MTU is the caller's business.
   * @param start at least `MAX_RECORD_HEADROOM`
   * @param end at most `datagram.length - MAX_RECORD_TAILROOM`
   * @returns whether it was sent: false unless connected
   */
  sealInPlace(datagram: Uint8Array, start: number, end: number): boolean {
    if (this.#state !== 'connected') return false;
    if (start < MAX_RECORD_HEADROOM || end < start || end > datagram.length - MAX_RECORD_TAILROOM) {
      throw new RangeError(
        `[${start}, ${end}) of ${datagram.length} bytes needs ${MAX_RECORD_HEADROOM} before it and ${MAX_RECORD_TAILROOM} behind`,
      );
    }
    if (end - start > MAX_PLAINTEXT_LENGTH) {
      throw new RangeError(`a record holds ${MAX_PLAINTEXT_LENGTH} bytes at most, not ${end - start}`);
    }
    const records = this.#records;
    const epoch = records.writeEpoch;
    if (records.isExhausted(epoch)) {
      this.#fail('local', 'internal_error', 'all 2^48 sequence numbers are used up');
      this.#events.flush();
      return false;
    }
    const recordStart = start - records.headroom(epoch);
    const recordEnds = records.seal(datagram, start, end, CONTENT_TYPE.applicationData, DTLS_1_2, epoch);
    this.#transmit(datagram.subarray(recordStart, recordEnds));
    return true;
  }

  /**
   * Keying material (RFC 5705). An absent context and an empty one give different keys.
   * @throws Error unless connected
   */
  exportKeyingMaterial(label: string, length: number, context?: Uint8Array): Uint8Array {
    if (this.#state !== 'connected') throw new Error(`nothing to export: the connection is ${this.#state}`);
    return this.#handshake.core.masterSecret!.export(label, length, context);
  }

  /** Largest datagram to send from now on; a flight sent again is cut anew. */
  setMtu(mtu: number): void {
    this.#handshake.flights.mtu = checkedMtu(mtu);
  }

  /**
   * First retransmission timeout in ms. The current flight's is what it would be had it begun with this one, doublings
   * included, so it may be due at once. Infinity switches the timer off.
   */
  setInitialTimeout(ms: number): void {
    this.#handshake.flights.initialTimeoutMs = checkedTimeout(ms);
  }

  /** Ends the connection with a close_notify. The peer's own may still come, as `closed`. */
  close(): void {
    const wasOpen = this.#isOpen;
    if (this.#state !== 'failed') this.#end('closed');
    if (wasOpen) this.#sendAlert('warning', 'close_notify');
    this.#events.flush();
  }

  /** Ends the connection with a fatal alert; there is no event. */
  abort(alert: AlertDescription): void {
    if (!Object.hasOwn(ALERT_CODES, alert)) throw new TypeError(`there is no alert named ${alert}`);
    const wasOpen = this.#isOpen;
    if (this.#state !== 'closed') this.#end('failed');
    if (wasOpen) this.#sendAlert('fatal', alert);
  }

  // Input

  #handleRecord(datagram: Uint8Array, start: number, end: number, now: number): void {
    const { dropped } = this.stats;
    // A peer in the same process answers our last flight while we still send it.
    if (this.#state === 'connecting' && this.#handshake.isComplete) this.#connect();
    if (this.#state === 'failed' || this.#peerClosed) {
      dropped.afterClose++;
      return;
    }
    const content = this.#records.open(datagram, start, end);
    if (content === null) return;
    const type = recordType(datagram, start);
    if (this.#state === 'closed' && type !== CONTENT_TYPE.alert) {
      dropped.afterClose++;
      return;
    }
    if (content.length > MAX_PLAINTEXT_LENGTH) {
      this.#fail('local', 'record_overflow', 'a record of more than 2^14 bytes');
      return;
    }
    switch (type) {
      case CONTENT_TYPE.applicationData:
        this.#handleData(content, recordEpoch(datagram, start));
        return;
      case CONTENT_TYPE.handshake:
        this.#handleHandshake(content, now);
        return;
      case CONTENT_TYPE.changeCipherSpec:
        this.#handleChangeCipherSpec(content, now);
        return;
      case CONTENT_TYPE.alert:
        this.#handleAlert(content);
        return;
      default:
        // Only a peer with the keys gets here (RFC 5246 §6: an unexpected type "MUST" be answered so).
        this.#fail('local', 'unexpected_message', `a record of unknown type ${type}`);
    }
  }

  #handleData(data: Uint8Array, epoch: number): void {
    if (this.#state === 'connected') {
      if (this.#handshake.flights.datagrams.length > 0) this.#handshake.flights.acknowledge(); // the peer has our Finished
      this.#events.push({ kind: 'data', data });
    } else if (epoch === 0 && this.#hearsPeer) {
      // RFC 5246 §7.3: it "MUST NOT be sent prior to the completion of the first handshake".
      this.#fail('local', 'unexpected_message', 'application data in the clear');
    } else {
      // RFC 6347 §4.2.4: until the peer's Finished "either discard or buffer"; a peer that overtakes itself is rare.
      this.stats.dropped.unexpected++;
    }
  }

  #handleHandshake(content: Uint8Array, now: number): void {
    if (this.#state === 'connected') {
      this.#follow(this.#handshake.handleLateContent(content, now), now);
    } else if (this.#state === 'new' && this.role === 'client') {
      this.stats.dropped.unexpected++;
    } else {
      this.#state = 'connecting';
      this.#follow(this.#handshake.handleContent(content, now), now);
    }
  }

  #handleChangeCipherSpec(content: Uint8Array, now: number): void {
    if (this.#state === 'connecting' && this.#records.readEpoch === 0) {
      this.#follow(this.#handshake.handleChangeCipherSpec(content, now), now);
    } else {
      this.stats.dropped.unexpected++;
    }
  }

  #follow(outcome: HandshakeOutcome, now: number): void {
    switch (outcome.kind) {
      case 'waiting':
        return;
      case 'keysChanged':
        for (const { datagram, start, end } of this.#records.takeHeld()) this.#handleRecord(datagram, start, end, now);
        return;
      case 'connected':
        this.#connect();
        return;
      case 'renegotiation':
        // RFC 5746 §4.5, RFC 5246 §7.2.2: refused with a warning, and the connection goes on.
        this.#sendAlert('warning', 'no_renegotiation');
        return;
      case 'failure':
        this.#fail('local', outcome.alert, outcome.reason);
        return;
      default:
        outcome satisfies never;
    }
  }

  #connect(): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'connected';
    this.#records.stopHolding();
    this.#events.push({ kind: 'connected' });
  }

  /** Of whom should a client that has not started, or a server without a ClientHello, take offence? */
  get #hearsPeer(): boolean {
    return this.#state !== 'new' && (this.role === 'client' || this.#handshake.hasPeer);
  }

  /**
   * In the clear an alert counts during the handshake only, when anyone could end that in many other ways too; after
   * it, records in the clear do not get here.
   */
  #handleAlert(content: Uint8Array): void {
    if (!this.#hearsPeer) {
      this.stats.dropped.unexpected++;
      return;
    }
    const alert = decodeAlert(content);
    if (typeof alert !== 'string' && alert.description === 'close_notify') {
      // RFC 5246 §7.2.1: answered with a close_notify, then closed "immediately".
      const wasOpen = this.#isOpen;
      this.#end('closed');
      this.#peerClosed = true;
      this.#events.push({ kind: 'closed' });
      if (wasOpen) this.#sendAlert('warning', 'close_notify');
    } else if (this.#state === 'closed') {
      this.stats.dropped.afterClose++;
    } else if (typeof alert === 'string') {
      this.#fail('local', alert, 'malformed alert');
    } else if (alert.level === 'fatal') {
      this.#fail('remote', alert.description, 'the peer sent a fatal alert');
    }
  }

  // Output

  #sendAlert(level: AlertLevel, description: AlertDescription): void {
    const records = this.#records;
    const epoch = records.writeEpoch;
    const alert = encodeAlert(level, description);
    const datagram = new Uint8Array(records.overhead(epoch) + alert.length);
    const start = records.headroom(epoch);
    datagram.set(alert, start);
    records.seal(datagram, start, start + alert.length, CONTENT_TYPE.alert, this.#handshake.clearVersion, epoch);
    this.#transmit(datagram);
  }

  #transmit(datagram: Uint8Array): void {
    this.stats.datagramsSent++;
    this.#sink.transmit(datagram);
  }

  // Ends: each first in state, then in words, since a peer in the same process answers at once.

  get #isOpen(): boolean {
    return this.#state === 'connected' || this.#state === 'connecting';
  }

  #fail(origin: 'local' | 'remote' | 'timeout', alert: AlertDescription | number | undefined, reason: string): void {
    this.#end('failed');
    if (origin === 'local' && typeof alert === 'string') this.#sendAlert('fatal', alert);
    this.#events.push({ kind: 'failed', origin, alert, reason });
  }

  #end(state: 'closed' | 'failed'): void {
    this.#state = state;
    this.#handshake.stop();
    this.#records.stopHolding();
  }
}
