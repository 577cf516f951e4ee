/**
 * One peer's transport, whole: start reading here.
 *
 * A datagram arrives, its first byte says what it is (RFC 7983), and ICE, DTLS and SCTP each take their part. What they
 * want to send leaves on the pair that ICE selected. Like every protocol here it is a machine: it has no socket, no
 * clock and no timer, so two of these and a loop are a complete call.
 *
 * ```text
 *   datagram ─► classifyDatagram ─┬─ STUN ─► ice ──────────────────► transmit
 *                                 ├─ DTLS ─► dtls ─┬─► sctp ─► channels ─► events
 *                                 │                └─► keys
 *                                 └─ SRTP ─► srtp ◄──┘  ─► media ─► packets, frames
 *
 *              transmit ◄── selected pair ◄── dtls, srtp ◄── sctp, media
 * ```
 */

import { PacketAllocator } from '../binary/packet-allocator.ts';
import { type Fingerprint, matchesFingerprint } from '../crypto/fingerprint.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { type ChannelEvent, DataChannels } from '../datachannel/index.ts';
import {
  type DtlsCertificate,
  DtlsConnection,
  type DtlsEvent,
  type DtlsOptions,
  type DtlsRole,
  MAX_RECORD_HEADROOM,
  MAX_RECORD_TAILROOM,
  type SrtpProfile,
} from '../dtls/index.ts';
import type { SocketAddress } from '../ice/address.ts';
import { IceAgent, type IceAgentOptions, type IceEvent } from '../ice/index.ts';
import { EventQueue, type RandomSource } from '../machine.ts';
import { isRtcp, type RtpEvent, RtpTransport, type RtpTransportOptions } from '../rtp/index.ts';
import { SctpAssociation, type SctpEvent, type SctpOptions } from '../sctp/index.ts';
import {
  deriveSrtpKeys,
  InboundSrtp,
  OutboundSrtp,
  SRTP_EXPORTER_LABEL,
  SRTP_MAX_OVERHEAD,
  srtpKeyingMaterialLength,
} from '../srtp/index.ts';
import { classifyDatagram } from './demultiplex.ts';

/**
 * The largest datagram we send, in bytes of UDP payload: with IPv6 and UDP headers it stays under 1280, the size every
 * IPv6 link carries (RFC 8200 §5), with room for a tunnel.
 */
export const DEFAULT_MTU = 1200;

/** RFC 8841 §6.1 lets us announce any size; 256 KiB is what browsers take. */
export const DEFAULT_MAX_MESSAGE_SIZE = 262_144;

/**
 * Bound: the peer's DTLS can overtake our knowledge of it (its answer, our own check's response). That many datagrams
 * are held until the path is proved and the fingerprint known; later ones are dropped, DTLS sends them again. A flight
 * with certificates takes two to four.
 */
const MAX_EARLY_DATAGRAMS = 8;

/**
 * The first DTLS timeout where ICE has measured the round trip: RFC 9147 §5.8.2, "implementations SHOULD use 1.5 times
 * that RTT estimate". Not less than the floor: an answer takes the peer a key agreement and a signature.
 */
const DTLS_TIMEOUT_PER_ROUND_TRIP = 1.5;
const MIN_DTLS_TIMEOUT_MS = 50;
/** Twice the time after which consent expires (RFC 7675 §5.1): by then the path itself is given up. */
const DTLS_HANDSHAKE_TIMEOUT_MS = 60_000;

/**
 * Offered also when no media is negotiated yet: RFC 8827 §6.5 wants one DTLS association for data and media, and a peer
 * may refuse a handshake without use_srtp (RFC 5764 §4.1). In our order of preference.
 */
const SRTP_PROFILES: readonly SrtpProfile[] = [
  'SRTP_AEAD_AES_128_GCM',
  'SRTP_AEAD_AES_256_GCM',
  'SRTP_AES128_CM_HMAC_SHA1_80',
  'SRTP_AES128_CM_HMAC_SHA1_32',
];

/**
 * Bound: media can overtake the last flight of the handshake that makes its keys. That many datagrams are held until then;
 * later ones are dropped, as if they had been lost.
 */
const MAX_EARLY_MEDIA = 16;

export type SessionOptions = {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly certificate: DtlsCertificate;
  readonly ice: Omit<IceAgentOptions, 'crypto' | 'random'>;
  readonly dtls?: Partial<
    Pick<DtlsOptions, 'cipherSuites' | 'groups' | 'srtpProfiles' | 'initialTimeoutMs' | 'keylog'>
  >;
  readonly sctp?: Partial<SctpOptions>;
  readonly media?: Partial<RtpTransportOptions>;
  /** Largest datagram to send, in bytes of UDP payload. Default 1200. */
  readonly mtu?: number;
  /** The largest message we take, in bytes. Default 262,144. */
  readonly maxMessageSize?: number;
};

/** What the two descriptions agreed on. */
export type SessionParameters = {
  /** Ours. */
  readonly dtlsRole: DtlsRole;
  /** Of the peer's certificate; at least one. */
  readonly fingerprints: readonly Fingerprint[];
  /** Absent: no data channels. */
  readonly sctp?: { readonly localPort: number; readonly remotePort: number; readonly maxMessageSize: number };
};

export type DtlsTransportState = 'new' | 'connecting' | 'connected' | 'closed' | 'failed';
export type SctpTransportState = 'connecting' | 'connected' | 'closed';

export type SessionEvent =
  | { readonly kind: 'ice'; readonly event: IceEvent }
  | {
      readonly kind: 'dtls';
      readonly state: DtlsTransportState;
      /** With `failed`. */
      readonly error?: Extract<DtlsEvent, { kind: 'failed' }>;
    }
  | {
      readonly kind: 'sctp';
      readonly state: SctpTransportState;
      /** With `closed`, when the association did not end in an orderly way. */
      readonly error?: Extract<SctpEvent, { kind: 'closed' }>;
    }
  | { readonly kind: 'channel'; readonly event: ChannelEvent }
  | { readonly kind: 'media'; readonly event: RtpEvent };

export type SessionSink = {
  /** Sends a datagram at once; it belongs to the receiver of this call. */
  transmit(packet: Uint8Array, socketId: number, remote: SocketAddress): void;
  /** Reports once the session's state is settled: the handler may call back in. */
  event(event: SessionEvent): void;
};

/** Datagrams and bytes of DTLS (and later SRTP) on this transport, as RTCTransportStats counts them: without STUN. */
export type SessionStats = {
  packetsSent: number;
  packetsReceived: number;
  bytesSent: number;
  bytesReceived: number;
  /** When, in ms on the caller's clock; 0 before the first. */
  lastPacketSentAt: number;
  lastPacketReceivedAt: number;
  selectedPairChanges: number;
  /** Neither STUN nor DTLS nor SRTP, or of a protocol that is not spoken here. */
  unknownDatagrams: number;
  /** DTLS from a path that no check has proved, or before its time, beyond what is held. */
  unauthorizedDatagrams: number;
  /** Wanted to be sent while there was no path. */
  unsentDatagrams: number;
};

type EarlyDatagram = { readonly packet: Uint8Array; readonly socketId: number; readonly remote: SocketAddress };

export class Session {
  readonly ice: IceAgent;
  readonly channels: DataChannels;
  readonly media: RtpTransport;
  readonly stats: SessionStats = {
    packetsSent: 0,
    packetsReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
    lastPacketSentAt: 0,
    lastPacketReceivedAt: 0,
    selectedPairChanges: 0,
    unknownDatagrams: 0,
    unauthorizedDatagrams: 0,
    unsentDatagrams: 0,
  };
  readonly #options: SessionOptions;
  readonly #sink: SessionSink;
  readonly #events: EventQueue<SessionEvent>;
  #parameters: SessionParameters | null = null;
  #dtls: DtlsConnection | null = null;
  #sctp: SctpAssociation | null = null;
  #early: EarlyDatagram[] = [];
  #inboundSrtp: InboundSrtp | null = null;
  #outboundSrtp: OutboundSrtp | null = null;
  #earlyMedia: Uint8Array[] = [];
  readonly #allocator = new PacketAllocator();
  /** Where the peer's last DTLS came from: the way back while ICE has not selected a pair yet (RFC 8445 §12.1). */
  #returnPath: { readonly socketId: number; readonly remoteAddress: SocketAddress } | null = null;
  #closed = false;
  /** The time of the call that is running. */
  #now = 0;

  constructor(options: SessionOptions, sink: SessionSink) {
    this.#options = options;
    this.#sink = sink;
    this.#events = new EventQueue((event) => sink.event(event));
    const { crypto, random } = options;
    this.ice = new IceAgent(
      { ...options.ice, crypto, random },
      {
        transmit: (packet, socketId, remote) => sink.transmit(packet, socketId, remote),
        event: (event) => this.#handleIceEvent(event),
      },
    );
    this.channels = new DataChannels({}, { event: (event) => this.#events.push({ kind: 'channel', event }) });
    this.media = new RtpTransport(
      {
        random,
        maxPacketLength: (options.mtu ?? DEFAULT_MTU) - SRTP_MAX_OVERHEAD,
        tailroom: SRTP_MAX_OVERHEAD,
        ...options.media,
      },
      {
        sendRtp: (buffer, end, keep) => this.#sendRtp(buffer, end, keep),
        sendSealed: (packet) => this.#transmit(packet),
        sendRtcp: (packet) => this.#sendRtcp(packet),
        event: (event) => this.#events.push({ kind: 'media', event }),
      },
    );
  }

  /** `null` until `start`. */
  get dtls(): DtlsConnection | null {
    return this.#dtls;
  }

  /** `null` until DTLS is connected. */
  get sctp(): SctpAssociation | null {
    return this.#sctp;
  }

  get nextTimeout(): number {
    const [dtls, sctp] = [this.#dtls?.nextTimeout ?? Infinity, this.#sctp?.nextTimeout ?? Infinity];
    return Math.min(this.ice.nextTimeout, dtls, sctp, this.media.nextTimeout);
  }

  /** Whose timer `nextTimeout` is: for whoever wonders why a connection does not sleep. */
  get nextTimeoutReason(): 'ice' | 'dtls' | 'sctp' | 'media' | 'none' {
    const due = this.nextTimeout;
    if (due === Infinity) return 'none';
    if (due === this.ice.nextTimeout) return 'ice';
    if (due === this.#dtls?.nextTimeout) return 'dtls';
    return due === this.#sctp?.nextTimeout ? 'sctp' : 'media';
  }

  /**
   * Both descriptions stand: DTLS may begin, as soon as ICE has a path. Called again (each renegotiation does), only
   * `sctp` is taken anew: the DTLS association lives on (RFC 8842 §5.3), data channels may join it.
   */
  start(parameters: SessionParameters, now: number): void {
    if (this.#closed) return;
    this.#now = now;
    if (parameters.sctp) this.channels.maxMessageSize = parameters.sctp.maxMessageSize;
    if (this.#dtls === null) {
      this.#parameters = parameters;
      if (parameters.sctp) this.channels.setRole(parameters.dtlsRole);
      this.#dtls = this.#makeDtls(parameters);
      if (this.ice.selectedPair !== null) this.#startDtls();
      this.#releaseEarly();
    } else if (parameters.sctp && !this.#parameters?.sctp) {
      this.#parameters = { ...this.#parameters!, sctp: parameters.sctp };
      this.channels.setRole(this.#parameters.dtlsRole);
      if (this.#dtls.state === 'connected') this.#startSctp();
    }
    this.#events.flush();
  }

  /** Takes one datagram that came in on socket `socketId` from `remote`. Never throws. */
  handlePacket(packet: Uint8Array, socketId: number, remote: SocketAddress, now: number): void {
    if (this.#closed) return;
    this.#now = now;
    switch (classifyDatagram(packet)) {
      case 'stun':
        this.ice.handlePacket(packet, socketId, remote, now);
        if (this.#early.length > 0) this.#releaseEarly();
        break;
      case 'dtls':
        this.#handleDtls(packet, socketId, remote);
        break;
      case 'rtp':
        this.#handleMedia(packet, socketId, remote);
        break;
      default:
        this.stats.unknownDatagrams++;
    }
    this.#events.flush();
  }

  handleTimeout(now: number): void {
    if (this.#closed) return;
    this.#now = now;
    this.ice.handleTimeout(now);
    this.#dtls?.handleTimeout(now);
    this.#sctp?.handleTimeout(now);
    this.media.handleTimeout(now);
    this.#events.flush();
  }

  /** Delivers what calls on `ice` and `channels` gave rise to. The last thing to do after using them directly. */
  settle(now: number): void {
    this.#now = now;
    if (this.#early.length > 0) this.#releaseEarly();
    this.#events.flush();
  }

  /** Ends everything at once: tells the peer (SCTP ABORT, DTLS close_notify), and forgets. No event follows. */
  close(now: number): void {
    if (this.#closed) return;
    this.#now = now;
    this.media.close(now);
    this.#sctp?.abort(now);
    this.#dtls?.close();
    this.#closed = true;
    this.#early = [];
    this.#earlyMedia = [];
    this.ice.close();
    this.channels.closeAll();
    this.#dtls = null;
    this.#sctp = null;
  }

  // ICE

  #handleIceEvent(event: IceEvent): void {
    if (event.kind === 'selectedPair') {
      this.stats.selectedPairChanges++;
      if (event.pair !== null) {
        this.#startDtls();
        this.#sctp?.handlePathChange(this.#now);
        this.media.handlePathChange(this.#now);
      }
    }
    this.#events.push({ kind: 'ice', event });
  }

  // DTLS

  #makeDtls({ dtlsRole, fingerprints }: SessionParameters): DtlsConnection {
    const { crypto, random, certificate, dtls, mtu = DEFAULT_MTU } = this.#options;
    return new DtlsConnection(
      {
        srtpProfiles: SRTP_PROFILES,
        handshakeTimeoutMs: DTLS_HANDSHAKE_TIMEOUT_MS,
        ...dtls,
        crypto,
        random,
        certificate,
        mtu,
        role: dtlsRole,
        clientCertificate: 'required',
        // RFC 8827 §6.5: the certificate must match the fingerprint that came by signalling; nothing else vouches for it.
        verifyCertificate: ([leaf]) => leaf !== undefined && matchesFingerprint(crypto, leaf, fingerprints),
      },
      {
        transmit: (packet) => this.#transmit(packet),
        event: (event) => this.#handleDtlsEvent(event),
      },
    );
  }

  #startDtls(): void {
    if (this.#dtls?.state !== 'new') return;
    this.#events.push({ kind: 'dtls', state: 'connecting' });
    const roundTripMs = this.ice.selectedPair?.stats.currentRoundTripMs;
    if (roundTripMs !== undefined && this.#options.dtls?.initialTimeoutMs === undefined) {
      this.#dtls.setInitialTimeout(Math.max(MIN_DTLS_TIMEOUT_MS, DTLS_TIMEOUT_PER_ROUND_TRIP * roundTripMs));
    }
    this.#dtls.start(this.#now);
  }

  #noteReceived(packet: Uint8Array): void {
    this.stats.packetsReceived++;
    this.stats.bytesReceived += packet.length;
    this.stats.lastPacketReceivedAt = this.#now;
  }

  #handleDtls(packet: Uint8Array, socketId: number, remote: SocketAddress): void {
    if (this.#dtls === null || !this.ice.isAuthorizedPath(socketId, remote)) {
      if (this.#early.length < MAX_EARLY_DATAGRAMS) this.#early.push({ packet, socketId, remote });
      else this.stats.unauthorizedDatagrams++;
      return;
    }
    this.#noteReceived(packet);
    if (this.ice.selectedPair === null) this.#returnPath = { socketId, remoteAddress: remote };
    if (this.#dtls.state === 'new') this.#startDtls();
    this.#dtls.handlePacket(packet, this.#now);
  }

  #releaseEarly(): void {
    if (this.#dtls === null) return;
    const waiting: EarlyDatagram[] = [];
    for (const early of this.#early) {
      if (this.ice.isAuthorizedPath(early.socketId, early.remote)) {
        this.#handleDtls(early.packet, early.socketId, early.remote);
      } else waiting.push(early);
    }
    this.#early = waiting;
  }

  #handleDtlsEvent(event: DtlsEvent): void {
    switch (event.kind) {
      case 'connected':
        this.#events.push({ kind: 'dtls', state: 'connected' });
        this.#startSctp();
        this.#startSrtp();
        return;
      case 'data':
        this.#sctp?.handlePacket(event.data, this.#now);
        return;
      case 'closed':
        this.#events.push({ kind: 'dtls', state: 'closed' });
        this.media.abandon(); // who has said close_notify takes no media either
        this.#endSctp(undefined);
        return;
      case 'failed':
        this.#events.push({ kind: 'dtls', state: 'failed', error: event });
        this.media.abandon();
        this.#endSctp(`DTLS failed: ${event.reason}`);
        return;
      default:
        event satisfies never;
    }
  }

  #transmit(packet: Uint8Array): void {
    const path = this.ice.selectedPair ?? this.#returnPath;
    if (path === null) {
      this.stats.unsentDatagrams++;
      return;
    }
    this.stats.packetsSent++;
    this.stats.bytesSent += packet.length;
    this.stats.lastPacketSentAt = this.#now;
    this.#sink.transmit(packet, path.socketId, path.remoteAddress);
  }

  // Media

  /** RFC 5764 §4.2: the keys come out of the handshake. A peer that left out use_srtp has no media. */
  #startSrtp(): void {
    const { srtpProfile: profile, role } = this.#dtls!;
    if (profile === undefined) return;
    const length = srtpKeyingMaterialLength(profile);
    const material = this.#dtls!.exportKeyingMaterial(SRTP_EXPORTER_LABEL, length);
    const { local, remote } = deriveSrtpKeys(profile, role, material);
    const { crypto } = this.#options;
    this.#outboundSrtp = new OutboundSrtp({ crypto, profile, ...local });
    this.#inboundSrtp = new InboundSrtp({ crypto, profile, ...remote });
    this.media.connect(this.#now);
    for (const packet of this.#earlyMedia) this.#openMedia(packet);
    this.#earlyMedia = [];
  }

  #handleMedia(packet: Uint8Array, socketId: number, remote: SocketAddress): void {
    if (!this.ice.isAuthorizedPath(socketId, remote)) {
      this.stats.unauthorizedDatagrams++;
      return;
    }
    this.#noteReceived(packet);
    if (this.#inboundSrtp !== null) this.#openMedia(packet);
    else if (this.#earlyMedia.length < MAX_EARLY_MEDIA) this.#earlyMedia.push(packet);
  }

  /** Counts what it drops itself: `srtp`. */
  #openMedia(packet: Uint8Array): void {
    if (isRtcp(packet)) {
      const plain = this.#inboundSrtp!.unprotectRtcp(packet);
      if (plain !== null) this.media.handleRtcp(plain, this.#now);
    } else {
      const plain = this.#inboundSrtp!.unprotectRtp(packet);
      if (plain !== null) this.media.handleRtp(plain, this.#now);
    }
  }

  #sendRtp(buffer: Uint8Array, end: number, keep: ((sealed: Uint8Array) => void) | null): void {
    const sealedEnd = this.#outboundSrtp?.protectRtp(buffer, 0, end) ?? -1;
    if (sealedEnd < 0) return;
    const sealed = sealedEnd === buffer.length ? buffer : buffer.subarray(0, sealedEnd);
    keep?.(sealed);
    this.#transmit(sealed);
  }

  #sendRtcp(packet: Uint8Array): void {
    const srtp = this.#outboundSrtp;
    if (srtp === null) return;
    const datagram = this.#allocator.allocate(packet.length + srtp.rtcpOverhead);
    datagram.set(packet);
    if (srtp.protectRtcp(datagram, 0, packet.length) >= 0) this.#transmit(datagram);
  }

  // SCTP

  #startSctp(): void {
    const parameters = this.#parameters;
    if (!parameters?.sctp || this.#sctp !== null) return;
    const { random, sctp, mtu = DEFAULT_MTU, maxMessageSize = DEFAULT_MAX_MESSAGE_SIZE } = this.#options;
    this.#sctp = new SctpAssociation(
      {
        ...sctp,
        random,
        localPort: parameters.sctp.localPort,
        remotePort: parameters.sctp.remotePort,
        mtu: mtu - MAX_RECORD_HEADROOM - MAX_RECORD_TAILROOM,
        headroom: MAX_RECORD_HEADROOM,
        tailroom: MAX_RECORD_TAILROOM,
        maxMessageSize,
      },
      {
        transmit: (packet) =>
          void this.#dtls?.sealInPlace(packet, MAX_RECORD_HEADROOM, packet.length - MAX_RECORD_TAILROOM),
        event: (event) => this.#handleSctpEvent(event),
      },
    );
    this.channels.attach(this.#sctp, parameters.dtlsRole, this.#now);
    this.#events.push({ kind: 'sctp', state: 'connecting' });
    this.#sctp.connect(this.#now);
  }

  #handleSctpEvent(event: SctpEvent): void {
    if (event.kind === 'connected') this.#events.push({ kind: 'sctp', state: 'connected' });
    this.channels.handleSctpEvent(event, this.#now);
    if (event.kind === 'closed') {
      this.#events.push({ kind: 'sctp', state: 'closed', ...(event.reason === 'shutdown' ? {} : { error: event }) });
      this.#sctp = null;
    }
  }

  /** The ground under the association is gone. */
  #endSctp(error: string | undefined): void {
    const had = this.#sctp !== null;
    this.#sctp = null;
    this.channels.closeAll(error);
    if (had) this.#events.push({ kind: 'sctp', state: 'closed' });
  }
}
