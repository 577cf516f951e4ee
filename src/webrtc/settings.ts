/**
 * What can be set beyond the W3C configuration: the second argument of `new RTCPeerConnection(configuration, settings)`,
 * which browsers ignore. The one place where PureRTC's surface is larger than the specification's.
 */
import type { CryptoProvider } from '../crypto/provider.ts';
import type { CandidateFilter, IceTiming } from '../ice/index.ts';
import type { RtpTransportOptions } from '../rtp/index.ts';
import type { NetworkInterface, Runtime } from '../runtime/runtime.ts';
import type { SctpOptions } from '../sctp/index.ts';
import type { SharedTcpListener } from './shared-tcp-listener.ts';
import type { SharedUdpSocket } from './shared-udp-socket.ts';

export type PeerConnectionSettings = {
  /** Sockets, timers, interfaces. Default: the runtime this code runs on. Tests give a host of the in-memory network. */
  readonly runtime?: Runtime;
  /** Default: the fastest the runtime has. `nobleCrypto` is plain TypeScript and runs anywhere. */
  readonly crypto?: CryptoProvider;
  /**
   * Whether loopback addresses become host candidates. Default `'auto'`: only on a machine that has no other address,
   * since a loopback candidate is of no use to a peer elsewhere and tells it nothing.
   */
  readonly loopback?: boolean | 'auto';
  /** Which interface addresses are used. Default: all that are not link-local. */
  readonly interfaceFilter?: (candidate: NetworkInterface) => boolean;
  /** Which candidates, ours and the peer's, are used. Default: all. */
  readonly candidateFilter?: CandidateFilter;
  /** UDP ports to bind, and TCP ports to listen at, both included, 1–65535. Default: any. Too narrow a range limits the number of connections. */
  readonly portRange?: { readonly min: number; readonly max: number };
  /**
   * `'resolve'` (default) looks up the peer's `.local` names (RFC 6762), which browsers use in place of addresses;
   * `'offer'` gives such names to the peer in place of our own addresses as well; `'off'` ignores such candidates and
   * never multicasts.
   */
  readonly mdns?: 'off' | 'resolve' | 'offer';
  /**
   * ICE over TCP (RFC 6544), which ICE prefers less than UDP. `'active'` (default) connects to the passive candidates that a
   * peer tells, as servers do, and tells no candidates of its own; `'all'` listens at each of our addresses besides, and tells
   * both kinds; `'off'` ignores the peer's TCP candidates.
   */
  readonly iceTcp?: 'off' | 'active' | 'all';
  /** One UDP socket for many connections (`SharedUdpSocket.bind`), in place of sockets of this connection's own. */
  readonly udpSocket?: SharedUdpSocket;
  /** One TCP port for many connections (`SharedTcpListener.listen`), in place of those that `iceTcp: 'all'` listens at. */
  readonly tcpListener?: SharedTcpListener;
  /**
   * Certificates in PEM of authorities to trust besides the runtime's own, for `turns:` servers of private deployments. The
   * certificates of such servers are always verified.
   */
  readonly trustedCertificates?: readonly string[];
  /** RFC 8445 §2.5: only answer checks. For servers on public addresses. Default false. */
  readonly iceLite?: boolean;
  /** ICE's clocks, in ms. The defaults are the RFCs'. */
  readonly iceTiming?: Partial<IceTiming>;
  /** Largest datagram to send, in bytes of UDP payload, 576 … 65,507. Default 1200; larger ones are lost on paths that cannot carry them. */
  readonly mtu?: number;
  /** The largest message we take, in bytes; announced in SDP. Default 262,144. */
  readonly maxMessageSize?: number;
  /** SCTP's own knobs, for measurements and unusual paths. */
  readonly sctp?: Partial<SctpOptions>;
  /** Bounds of congestion control for media, in bits per second; and what is sent against loss, where codecs for it were negotiated. */
  readonly media?: Pick<
    RtpTransportOptions,
    'startBitrate' | 'minBitrate' | 'maxBitrate' | 'fecProtection' | 'redundancy'
  >;
  /** Receives the DTLS secrets as NSS key log lines: whoever reads them can decrypt the connection. */
  readonly keylog?: (line: string) => void;
};
