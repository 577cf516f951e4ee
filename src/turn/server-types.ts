/** What a TURN server takes and tells. */
import type { CryptoProvider } from '../crypto/provider.ts';
import type { RandomSource } from '../machine.ts';
import type { SocketAddress } from '../stun/index.ts';
import type { PasswordAlgorithmName } from './long-term.ts';
import type { AddressFamily, TurnTransport } from './registry.ts';

/** A client's way to the server: RFC 8656's 5-tuple. The caller makes one per UDP remote and listening socket, or per connection. */
export type TurnFlow = {
  /** Names the 5-tuple: the same for the same, never the same for two. */
  readonly id: string;
  readonly transport: TurnTransport;
  /** Where the client's packets really come from. */
  readonly remote: SocketAddress;
};

/** How a user proves itself: a password, several of which any will do (secrets being rotated), or keys made of one. */
export type TurnCredential = {
  /** Allocations are counted by this; default: the username. */
  readonly quotaKey?: string;
} & (
  | { readonly password: string }
  | { readonly passwords: readonly string[] }
  /** RFC 8489 §9.2.2, §18.5.1: MD5 or SHA-256 of "username:realm:password". */
  | { readonly keys: { readonly md5: Uint8Array; readonly sha256?: Uint8Array } }
);

export type CredentialRequest = {
  readonly realm: string;
  readonly flow: TurnFlow;
  /** Whether this user has an allocation on this flow already: it is being kept, not made. */
  readonly hasAllocation: boolean;
};

export type TurnServerOptions = {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  /** RFC 8489 §9.2.4: "RECOMMENDED that the REALM value be the domain name of the provider". */
  readonly realm: string;
  /** Who that is, or `null` for nobody. Asked for every request, so that a user can be revoked. Must not throw. */
  readonly credentials: (username: string, request: CredentialRequest) => TurnCredential | null;
  /** Whose USERHASH that is: with it, clients are told to hide their names (RFC 8489 §9.2.4). */
  readonly usernameOf?: (userhash: Uint8Array) => string | null;
  /**
   * Offered in that order. Clients older than RFC 8489, browsers among them, go on with MD5. Default SHA-256, MD5. Where
   * `credentials` gives keys and no SHA-256 one, say `['md5']`.
   */
  readonly passwordAlgorithms?: readonly PasswordAlgorithmName[];
  /** Families of relayed addresses. Default IPv4 and IPv6; what the caller cannot open it refuses. */
  readonly families?: readonly AddressFamily[];
  /** Peers in these ranges are refused, in CIDR notation. Default `DEFAULT_DENIED_PEERS`. */
  readonly deniedPeers?: readonly string[];
  /** Exceptions from `deniedPeers`. */
  readonly allowedPeers?: readonly string[];
  /** Our own listening addresses, as peers see them: never relayed to (RFC 8656 §21.1.7, the loop attack). */
  readonly ownAddresses?: readonly SocketAddress[];
  /** Of a nonce, in seconds. RFC 8656 §5: at most an hour. Default 600. */
  readonly nonceLifetimeSeconds?: number;
  /** What an allocation gets unless it asks for more. Default 600 (RFC 8656 §3.2). */
  readonly defaultLifetimeSeconds?: number;
  /** Default 3600 (RFC 8656 §7.2). */
  readonly maxLifetimeSeconds?: number;
  /** In all. Past it: 508. Default 4096. */
  readonly maxAllocations?: number;
  /** Past it: 486. Default 16. */
  readonly maxAllocationsPerUser?: number;
  /** Of one allocation. Past it: 508. Default 256. */
  readonly maxPermissions?: number;
  /** Of one allocation. Past it: 508. Default 128. */
  readonly maxChannels?: number;
  /** Relayed for one allocation, both ways together. What is over is dropped. Default: no limit. */
  readonly maxBytesPerSecond?: number;
  /** Told to clients; default none. */
  readonly software?: string;
};

export type RelayRequest = {
  /** Names the relay in every later call. */
  readonly relayId: number;
  readonly family: AddressFamily;
  /** The client wants an even port (RFC 8656 §7.2). */
  readonly evenPort: boolean;
  readonly username: string;
  readonly flow: TurnFlow;
};

export type TurnServerSink = {
  /** Sends to a client; over a stream, the next bytes of it. The packet belongs to the receiver of this call. */
  transmit(packet: Uint8Array, flow: TurnFlow): void;
  /**
   * Asks for a UDP socket. Answer with `relayOpened` or `relayFailed`, at once or within ten seconds. The port should be
   * random (RFC 6056), from a range that firewalls know.
   */
  openRelay(request: RelayRequest): void;
  /** The relay's socket is no longer needed. May come before it is there, and then again when it is. */
  closeRelay(relayId: number): void;
  /** Sends from a relay to a peer. The packet belongs to the receiver of this call. */
  relay(packet: Uint8Array, relayId: number, peer: SocketAddress): void;
  event(event: TurnServerEvent): void;
};

export type TurnServerEvent =
  | {
      readonly kind: 'allocated';
      readonly flow: TurnFlow;
      readonly username: string;
      readonly relayed: readonly SocketAddress[];
    }
  | {
      readonly kind: 'released';
      readonly flow: TurnFlow;
      readonly username: string;
      readonly reason: 'refreshed' | 'expired' | 'disconnected' | 'revoked' | 'closed';
      readonly bytesFromClient: number;
      readonly bytesToClient: number;
    }
  /** A request was refused; 401 without credentials and 438 are everyday and not told. */
  | {
      readonly kind: 'refused';
      readonly flow: TurnFlow;
      readonly method: number;
      readonly code: number;
      /** As claimed; proved unless the code is 401. */
      readonly username: string | null;
    };

export type TurnServerStats = {
  /** Not STUN and not ChannelData, malformed, a wrong FINGERPRINT, or a method that is none of ours. */
  malformedPackets: number;
  /** Binding requests answered. */
  bindings: number;
  /** 401 and 438 answers. */
  challenges: number;
  /** Requests that claimed a user and could not prove it. */
  unauthenticatedRequests: number;
  /** Error answers of all other codes. */
  refusedRequests: number;
  /** From clients: no allocation, no permission, no channel, or DONT-FRAGMENT, which we cannot do. */
  droppedFromClients: number;
  /** From peers: no allocation or no permission. */
  droppedFromPeers: number;
  /** Over `maxBytesPerSecond`. */
  droppedOverRate: number;
  bytesFromClients: number;
  bytesToClients: number;
};
