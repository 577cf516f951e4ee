/**
 * DTLS 1.2 (RFC 6347), client and server, as one machine: datagrams and the time go in, datagrams and events come out.
 */
import type { NamedGroup } from '../crypto/provider.ts';
import type { Machine, Sink } from '../machine.ts';
import type { AlertDescription } from './alert.ts';
import type { CipherSuiteName } from './cipher-suites.ts';
import type { DtlsEvent, DtlsOptions, DtlsRole, DtlsState, DtlsStats } from './options.ts';
import type { SrtpProfile } from './srtp-profiles.ts';

/** Bytes `sealInPlace` may need before the payload: record header (13) and the explicit nonce of AES-GCM (8). */
export const MAX_RECORD_HEADROOM = 21;
/** Bytes `sealInPlace` needs after the payload: the AEAD tag. */
export const MAX_RECORD_TAILROOM = 16;

export class DtlsConnection implements Machine {
  readonly role: DtlsRole;
  readonly stats: DtlsStats;

  constructor(options: DtlsOptions, sink: Sink<DtlsEvent>, now: number) {
    throw new Error('not built yet');
  }

  get state(): DtlsState {
    throw new Error('not built yet');
  }

  /** When `handleTimeout` is next due: a retransmission or the end of the handshake's patience. */
  get nextTimeout(): number {
    throw new Error('not built yet');
  }

  /** The negotiated version as on the wire, 0xfefd; `undefined` before the hellos met. */
  get version(): number | undefined {
    throw new Error('not built yet');
  }

  get cipherSuite(): CipherSuiteName | undefined {
    throw new Error('not built yet');
  }

  get group(): NamedGroup | undefined {
    throw new Error('not built yet');
  }

  /** Agreed by use_srtp; `undefined` when nothing was. */
  get srtpProfile(): SrtpProfile | undefined {
    throw new Error('not built yet');
  }

  get alpnProtocol(): string | undefined {
    throw new Error('not built yet');
  }

  /** The peer's chain in DER, end entity first; empty when it showed none. Proved only once connected. */
  get peerCertificates(): readonly Uint8Array[] {
    throw new Error('not built yet');
  }

  /**
   * The datagrams of our current flight as they were last sent, until the peer's next flight answers them: for carrying
   * them another way. With `setInitialTimeout(Infinity)` the machine's own timer is off and the caller's is in charge.
   */
  get flight(): readonly Uint8Array[] {
    throw new Error('not built yet');
  }

  /** Client: sends the ClientHello. Server: nothing, it waits for one. */
  start(now: number): void {
    throw new Error('not built yet');
  }

  handlePacket(packet: Uint8Array, now: number): void {
    throw new Error('not built yet');
  }

  handleTimeout(now: number): void {
    throw new Error('not built yet');
  }

  /** Sends the current flight again, outside its timer, which is left as it is. Nothing when there is none. */
  retransmit(now: number): void {
    throw new Error('not built yet');
  }

  /**
   * Sends one record of application data; `data` is copied.
   * @returns whether it was sent: false unless connected
   * @throws RangeError when it does not fit the MTU's record
   */
  send(data: Uint8Array): boolean {
    throw new Error('not built yet');
  }

  /**
   * The data path: seals the payload that stands at `datagram[start, end)` where it stands, and transmits the part of
   * `datagram` that is the record.
   * @param start at least `MAX_RECORD_HEADROOM`
   * @param end at most `datagram.length - MAX_RECORD_TAILROOM`
   * @returns whether it was sent: false unless connected
   */
  sealInPlace(datagram: Uint8Array, start: number, end: number): boolean {
    throw new Error('not built yet');
  }

  /** Keying material (RFC 5705). Throws when not connected. An absent context and an empty one differ. */
  exportKeyingMaterial(label: string, length: number, context?: Uint8Array): Uint8Array {
    throw new Error('not built yet');
  }

  /** Largest datagram to send from now on; a flight sent again is cut anew. */
  setMtu(mtu: number): void {
    throw new Error('not built yet');
  }

  /** First retransmission timeout for the flights to come; also restarts the timer of the current one with it. */
  setInitialTimeout(ms: number, now: number): void {
    throw new Error('not built yet');
  }

  /** Ends the connection with a close_notify. The peer's own is still awaited: it comes as `closed`. */
  close(now: number): void {
    throw new Error('not built yet');
  }

  /** Ends the connection with a fatal alert, without an event. */
  abort(alert: AlertDescription, now: number): void {
    throw new Error('not built yet');
  }
}
