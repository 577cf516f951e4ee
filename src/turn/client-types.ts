/** What a TURN client takes and tells. */
import type { CryptoProvider } from '../crypto/provider.ts';
import type { RandomSource } from '../machine.ts';
import type { SocketAddress } from '../stun/index.ts';
import type { AddressFamily, TurnTransport } from './registry.ts';
import type { IcmpError } from './values.ts';

export type TurnClientOptions = {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  /** RFC 8489 §14.3: at most 508 bytes. */
  readonly username: string;
  readonly password: string;
  /** How the server is reached; decides about retransmissions and framing. Default `udp`. */
  readonly transport?: TurnTransport;
  /**
   * The family of the relayed address. Default: the server's choice, which is IPv4. `both` asks for one of each
   * (ADDITIONAL-ADDRESS-FAMILY) and takes what the server has.
   */
  readonly family?: AddressFamily | 'both';
  /** Asked for; the server decides. Default: none is asked for, and servers give 600 s. */
  readonly lifetimeSeconds?: number;
  /** Ask the server to set DF towards the peers. Where it cannot, it is not asked again. Default false. */
  readonly dontFragment?: boolean;
  /** Bind a channel to each peer that anything but STUN is sent to. Default true. */
  readonly channels?: boolean;
  /** Told to the server; default none. */
  readonly software?: string;
  /** The first retransmission timeout over UDP, in ms. Default 500. */
  readonly rtoMs?: number;
};

export type TurnClientEvent =
  | {
      readonly kind: 'allocated';
      /** Where peers reach us. */
      readonly relayed: SocketAddress;
      /** The one of the other family, where `both` were asked for and given. */
      readonly alsoRelayed?: SocketAddress;
      /** Where the server sees us: what a Binding request would have told. */
      readonly mapped: SocketAddress;
      readonly lifetimeMs: number;
    }
  /** From the relay: a datagram of a peer. `packet` is a view of what was given to `handlePacket`. */
  | { readonly kind: 'data'; readonly packet: Uint8Array; readonly peer: SocketAddress }
  /** The server does not let packets to this address through; what waited is lost. */
  | { readonly kind: 'peerRefused'; readonly address: string; readonly code: number; readonly text: string }
  /** An ICMP error came back from the way to a peer (RFC 8656 §11.6). Anyone on that way can forge one. */
  | { readonly kind: 'peerUnreachable'; readonly peer: SocketAddress; readonly icmp: IcmpError }
  /**
   * There is no allocation (any more). `code` is the server's; 408 when nobody answered, 0 when the stream broke. After
   * 300, `alternateServer` says whom to ask instead, in our address family if the server follows RFC 8489 §10.
   * After 437 another local port may do; after 486 or 508, wait a minute (RFC 8656 §7.4).
   */
  | {
      readonly kind: 'failed';
      readonly code: number;
      readonly text: string;
      readonly alternateServer?: SocketAddress;
      readonly alternateDomain?: string;
    }
  /** `close` is done: the server has freed the relayed address, or cannot be asked any more. */
  | { readonly kind: 'closed' };

export type TurnClientStats = {
  /** Not STUN and not ChannelData, or malformed. */
  malformedPackets: number;
  /** Data from an address without a permission, or on a channel without a peer. */
  unexpectedData: number;
  /** Not sent: no allocation, another family, refused, no room for another permission, too long. */
  packetsNotSent: number;
};
