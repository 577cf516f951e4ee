/**
 * DTLS 1.2 (RFC 6347), client and server, as one machine: datagrams and the time go in, datagrams and events come out.
 *
 *     datagram ─► records (record-layer.ts) ─┬─► application data ─► event
 *                                            ├─► alerts
 *                                            └─► fragments ─► messages (reassembly.ts) ─► client- or server-handshake.ts
 *     datagrams ◄─ records ◄─ a flight, until it is answered (flight-sender.ts) ◄────────────────────────┘
 */
import type { NamedGroup } from '../crypto/provider.ts';
import { EventQueue, type Machine, type Sink } from '../machine.ts';
import { type AlertDescription, type AlertLevel, decodeAlert, encodeAlert } from './alert.ts';
import type { CipherSuiteName } from './cipher-suites.ts';
import { ClientHandshake } from './client-handshake.ts';
import { FlightSender } from './flight-sender.ts';
import type { Handshake, HandshakeCore, Step } from './handshake.ts';
import { decodeFragment, HANDSHAKE_HEADER_LENGTH, HANDSHAKE_TYPE } from './handshake-message.ts';
import type { DtlsEvent, DtlsOptions, DtlsRole, DtlsState } from './options.ts';
import { HandshakeReassembler } from './reassembly.ts';
import { CONTENT_TYPE, MAX_PLAINTEXT_LENGTH, recordEnd, recordEpoch, recordType } from './record.ts';
import { RecordLayer } from './record-layer.ts';
import { MAX_RECORD_HEADROOM, MAX_RECORD_TAILROOM } from './record-protection.ts';
import { ServerHandshake } from './server-handshake.ts';
import { checkedMtu, checkedTimeout, resolveOptions, type Settings } from './settings.ts';
import type { SrtpProfile } from './srtp-profiles.ts';
import { type DtlsStats, newStats } from './stats.ts';
import { DTLS_1_0, DTLS_1_2 } from './version.ts';

/**
 * Bound: application data that overtook the peer's Finished waits for it (RFC 6347 §4.2.4: "either discard or buffer").
 * A few datagrams spare the layer above a retransmission; what is more is dropped.
 */
const MAX_EARLY_DATA_RECORDS = 16;

export class DtlsConnection implements Machine {
  readonly role: DtlsRole;
  readonly stats: DtlsStats = newStats();
  readonly #settings: Settings;
  readonly #sink: Sink<DtlsEvent>;
  readonly #events: EventQueue<DtlsEvent>;
  readonly #records: RecordLayer;
  readonly #reassembler: HandshakeReassembler;
  readonly #handshake: Handshake;
  readonly #core: HandshakeCore;
  readonly #flights: FlightSender;
  #state: DtlsState = 'new';
  #peerClosed = false;
  /** When the handshake has taken too long; set by its first ClientHello. */
  #deadline = Infinity;
  /** A ChangeCipherSpec has come. It has no message_seq, so it waits here until it is due. */
  #changeCipherSpecSeen = false;
  #earlyData: Uint8Array[] = [];

  /** @throws TypeError or RangeError that says which option is wrong */
  constructor(options: DtlsOptions, sink: Sink<DtlsEvent>) {
    this.#settings = resolveOptions(options);
    this.role = options.role;
    this.#sink = sink;
    this.#events = new EventQueue((event) => sink.event(event));
    this.#records = new RecordLayer(this.stats);
    this.#reassembler = new HandshakeReassembler(() => this.stats.dropped.overflow++);
    this.#handshake =
      this.role === 'client' ? new ClientHandshake(this.#settings) : new ServerHandshake(this.#settings);
    this.#core = this.#handshake.core;
    this.#flights = new FlightSender(this.#records, this.#settings, this.stats, (datagram) => this.#transmit(datagram));
  }

  get state(): DtlsState {
    return this.#state;
  }

  /** When `handleTimeout` is next due: a retransmission, or the end of the handshake's patience. */
  get nextTimeout(): number {
    return Math.min(this.#flights.expiresAt, this.#deadline);
  }

  /** The negotiated version as on the wire, 0xfefd; `undefined` before the hellos met. */
  get version(): number | undefined {
    return this.#core.version;
  }

  get cipherSuite(): CipherSuiteName | undefined {
    return this.#core.suite?.name;
  }

  get group(): NamedGroup | undefined {
    return this.#core.group;
  }

  /** Agreed by use_srtp; `undefined` when nothing was. */
  get srtpProfile(): SrtpProfile | undefined {
    return this.#core.srtpProfile;
  }

  get alpnProtocol(): string | undefined {
    return this.#core.alpnProtocol;
  }

  /** The peer's chain in DER, end entity first; empty when it showed none. Proved only once connected. */
  get peerCertificates(): readonly Uint8Array[] {
    return this.#core.peerCertificates;
  }

  /**
   * The datagrams of our current flight as they were last sent, until the peer's next flight answers them: for carrying
   * them another way. With a first timeout of Infinity the machine's own timer is off and the caller's is in charge.
   */
  get flight(): readonly Uint8Array[] {
    return this.#flights.datagrams;
  }

  /** The most bytes `send` takes: what one record has room for within the MTU. */
  get maxDataLength(): number {
    return Math.min(this.#flights.mtu - this.#records.overhead(this.#records.writeEpoch), MAX_PLAINTEXT_LENGTH);
  }

  /** Client: sends the ClientHello. Server: waits for one. */
  start(now: number): void {
    if (this.#state !== 'new') return;
    this.#state = 'connecting';
    if (this.#handshake instanceof ClientHandshake) {
      this.#deadline = now + this.#settings.handshakeTimeoutMs;
      this.#take(this.#handshake.start(), -1, now);
    }
    this.#events.flush();
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
    if (now >= this.#deadline) {
      this.#fail('timeout', undefined, 'the handshake took too long');
    } else if (!this.#flights.handleTimeout(now)) {
      this.#fail('timeout', undefined, 'the peer does not answer');
    }
    this.#events.flush();
  }

  /** Sends the current flight again, outside its timer, which runs on as it is. Nothing when there is none. */
  retransmit(): void {
    this.#flights.repeat();
  }

  /**
   * Sends one record of application data; `data` is copied.
   * @returns whether it was sent: false unless connected
   * @throws RangeError when it is longer than `maxDataLength`
   */
  send(data: Uint8Array): boolean {
    if (this.#state !== 'connected') return false;
    if (data.length > this.maxDataLength) {
      throw new RangeError(`${data.length} bytes do not fit one datagram: at most ${this.maxDataLength} do`);
    }
    const datagram = new Uint8Array(MAX_RECORD_HEADROOM + data.length + MAX_RECORD_TAILROOM);
    datagram.set(data, MAX_RECORD_HEADROOM);
    return this.sealInPlace(datagram, MAX_RECORD_HEADROOM, MAX_RECORD_HEADROOM + data.length);
  }

  /**
   * The data path: seals the payload that stands at `datagram[start, end)` where it stands, and transmits the part of
   * `datagram` that is the record. The MTU is the caller's business here: one who probes for a larger one may pass it.
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
    if (end - start > MAX_PLAINTEXT_LENGTH)
      throw new RangeError(`a record holds ${MAX_PLAINTEXT_LENGTH} bytes at most`);
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
    return this.#core.masterSecret!.export(label, length, context);
  }

  /** Largest datagram to send from now on; a flight sent again is cut anew. */
  setMtu(mtu: number): void {
    this.#flights.mtu = checkedMtu(mtu);
  }

  /**
   * First retransmission timeout in ms. The current flight's is what it would be had it begun with this one, doublings
   * included, so it may be due at once. Infinity switches the timer off.
   */
  setInitialTimeout(ms: number): void {
    this.#flights.initialTimeoutMs = checkedTimeout(ms);
  }

  /** Ends the connection with a close_notify. The peer's own may still come, as `closed`. */
  close(): void {
    if (this.#state === 'connected' || this.#state === 'connecting') this.#sendAlert('warning', 'close_notify');
    if (this.#state !== 'failed') this.#end('closed');
    this.#events.flush();
  }

  /** Ends the connection with a fatal alert; there is no event. */
  abort(alert: AlertDescription): void {
    if (this.#state === 'connected' || this.#state === 'connecting') this.#sendAlert('fatal', alert);
    if (this.#state !== 'closed') this.#end('failed');
  }

  // Input

  #handleRecord(datagram: Uint8Array, start: number, end: number, now: number): void {
    const { dropped } = this.stats;
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
        if (this.#state === 'connected') this.#handleLateHandshake(content, now);
        else this.#handleHandshake(content, now);
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
      if (this.#flights.datagrams.length > 0) this.#flights.acknowledge(); // the peer has our Finished
      this.#events.push({ kind: 'data', data });
    } else if (epoch === 0) this.stats.dropped.unexpected++;
    else if (this.#earlyData.length < MAX_EARLY_DATA_RECORDS) this.#earlyData.push(data);
    else this.stats.dropped.overflow++;
  }

  #handleHandshake(content: Uint8Array, now: number): void {
    if (this.#state === 'new') {
      if (this.role === 'client') {
        this.stats.dropped.unexpected++;
        return;
      }
      this.#state = 'connecting';
    }
    if (this.#deadline === Infinity) this.#deadline = now + this.#settings.handshakeTimeoutMs;
    const inserted = this.#reassembler.insert(content);
    switch (inserted.kind) {
      case 'inserted':
        if (inserted.repeated >= 0) this.#flights.handleRepetition(inserted.repeated, now);
        this.#advance(now);
        return;
      case 'malformed':
        this.#fail('local', 'decode_error', 'a handshake record that holds no whole fragment');
        return;
      case 'mismatch':
        this.#fail('local', 'illegal_parameter', 'fragments of one message disagree about it');
        return;
      case 'excessive':
        this.#fail('local', 'illegal_parameter', 'a handshake message that is too long');
        return;
      default:
        inserted satisfies never;
    }
  }

  /** Hands every message that is complete to the handshake, across the change of keys if that is due. */
  #advance(now: number): void {
    while (this.#state === 'connecting') {
      const message = this.#reassembler.next();
      if (message !== null) {
        this.#take(this.#handshake.handleMessage(message), message.messageSeq, now);
      } else if (this.#changeCipherSpecSeen && this.#handshake.awaitsChangeCipherSpec) {
        this.#startReadingEncrypted(now);
      } else return;
    }
  }

  #startReadingEncrypted(now: number): void {
    if (this.#reassembler.hasPending) {
      this.#fail('local', 'unexpected_message', 'a message in the clear after the ChangeCipherSpec');
      return;
    }
    this.#changeCipherSpecSeen = false;
    this.#handshake.handleChangeCipherSpec();
    this.#records.startReading(1);
    for (const { datagram, start, end } of this.#records.takeHeld()) this.#handleRecord(datagram, start, end, now);
  }

  #take(step: Step, messageSeq: number, now: number): void {
    if (step.kind === 'failure') {
      this.#fail('local', step.alert, step.reason);
      return;
    }
    if (step.connected && this.#reassembler.hasPending) {
      this.#fail('local', 'unexpected_message', 'a handshake message after Finished');
      return;
    }
    if (step.keys) this.#records.installKeys(1, step.keys.read, step.keys.write);
    if (step.flight) {
      const { flight: items, awaitsAnswer = false } = step;
      this.#flights.send({ items, version: this.#clearVersion, answers: messageSeq, awaitsAnswer }, now);
      if (items.some(({ epoch }) => epoch === 1)) this.#records.startWriting(1);
    }
    if (step.connected) this.#connect();
  }

  #connect(): void {
    this.#state = 'connected';
    this.#deadline = Infinity;
    this.#records.stopHolding();
    // The client's last flight is answered; the server's may have to be sent again as long as the connection lives.
    if (this.role === 'client') this.#flights.drop();
    this.#events.push({ kind: 'connected' });
    for (const data of this.#earlyData) this.#events.push({ kind: 'data', data });
    this.#earlyData = [];
  }

  /** After the handshake: repetitions of its end, renegotiation, or nonsense. All of it is authenticated. */
  #handleLateHandshake(content: Uint8Array, now: number): void {
    let at = 0;
    do {
      const fragment = decodeFragment(content, at);
      if (fragment === null) {
        this.#fail('local', 'decode_error', 'a handshake record that holds no whole fragment');
        return;
      }
      at += HANDSHAKE_HEADER_LENGTH + fragment.content.length;
      const { type, messageSeq, offset, length } = fragment;
      if (type === (this.role === 'client' ? HANDSHAKE_TYPE.helloRequest : HANDSHAKE_TYPE.clientHello)) {
        // RFC 5746 §4.5 and RFC 5246 §7.2.2: refused with a warning; the connection goes on.
        if (offset === 0) this.#sendAlert('warning', 'no_renegotiation');
      } else if (messageSeq >= this.#reassembler.nextReceiveSeq) {
        this.#fail('local', 'unexpected_message', `handshake message ${type} after the handshake`);
        return;
      } else if (offset + fragment.content.length === length) {
        this.#flights.handleRepetition(messageSeq, now);
      }
    } while (at < content.length);
  }

  #handleChangeCipherSpec(content: Uint8Array, now: number): void {
    if (this.#state !== 'connecting' || this.#records.readEpoch > 0) {
      this.stats.dropped.unexpected++;
    } else if (content.length !== 1 || content[0] !== 1) {
      this.#fail('local', 'illegal_parameter', 'malformed ChangeCipherSpec');
    } else {
      this.#changeCipherSpecSeen = true;
      this.#advance(now);
    }
  }

  /**
   * In the clear an alert counts during the handshake only, when anyone could end that in many other ways too; after
   * it, records in the clear do not get here.
   */
  #handleAlert(content: Uint8Array): void {
    // Of whom should a client that has not started, or a server without a ClientHello, take an alert?
    if (this.#state === 'new' || (this.role === 'server' && this.#reassembler.nextReceiveSeq === 0)) {
      this.stats.dropped.unexpected++;
      return;
    }
    const alert = decodeAlert(content);
    if (typeof alert !== 'string' && alert.description === 'close_notify') {
      // RFC 5246 §7.2.1: answered with a close_notify, then closed "immediately".
      if (this.#state !== 'closed') this.#sendAlert('warning', 'close_notify');
      this.#end('closed');
      this.#peerClosed = true;
      this.#events.push({ kind: 'closed' });
    } else if (this.#state === 'closed') {
      this.stats.dropped.afterClose++;
    } else if (typeof alert === 'string') {
      this.#fail('local', alert, 'malformed alert');
    } else if (alert.level === 'fatal') {
      this.#fail('remote', alert.description, 'the peer sent a fatal alert');
    }
  }

  // Output

  /** Of records in the clear. RFC 6347 §4.2.1: DTLS 1.0 until a version is agreed. */
  get #clearVersion(): number {
    return this.#core.version ?? DTLS_1_0;
  }

  #sendAlert(level: AlertLevel, description: AlertDescription): void {
    const records = this.#records;
    const epoch = records.writeEpoch;
    const alert = encodeAlert(level, description);
    const datagram = new Uint8Array(records.overhead(epoch) + alert.length);
    const start = records.headroom(epoch);
    datagram.set(alert, start);
    records.seal(datagram, start, start + alert.length, CONTENT_TYPE.alert, this.#clearVersion, epoch);
    this.#transmit(datagram);
  }

  #transmit(datagram: Uint8Array): void {
    this.stats.datagramsSent++;
    this.#sink.transmit(datagram);
  }

  // Ends

  #fail(origin: 'local' | 'remote' | 'timeout', alert: AlertDescription | number | undefined, reason: string): void {
    if (origin === 'local' && typeof alert === 'string') this.#sendAlert('fatal', alert);
    this.#end('failed');
    this.#events.push({ kind: 'failed', origin, alert, reason });
  }

  #end(state: 'closed' | 'failed'): void {
    this.#state = state;
    this.#deadline = Infinity;
    this.#flights.drop();
    this.#records.stopHolding();
    this.#earlyData = [];
  }
}
