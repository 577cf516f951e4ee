/**
 * The ICE agent (RFC 8445, 8838, 7675): finds a path to the peer and keeps asking whether it still holds.
 *
 * This is the public face; what it does is split by the RFC's chapters: gathering, checklist, nomination, consent.
 */
import type { SocketAddress } from './address.ts';
import type { IceCandidate } from './candidate.ts';
import type {
  CandidatePair,
  IceAgentOptions,
  IceAgentSink,
  IceAgentStats,
  IceCredentials,
  IceGatheringState,
  IceRole,
  IceState,
  LocalCandidate,
  LocalSocket,
  RemoteCandidate,
  StunServer,
} from './types.ts';

/** The signatures other layers are written against; the body is being filled in. */
export class IceAgent {
  constructor(options: IceAgentOptions, sink: IceAgentSink) {
    void [options, sink];
  }

  readonly stats!: Readonly<IceAgentStats>;
  readonly lite!: boolean;
  get role(): IceRole {
    throw new Error('being built');
  }
  get state(): IceState {
    throw new Error('being built');
  }
  get gatheringState(): IceGatheringState {
    throw new Error('being built');
  }
  /** The current generation's; `restart` changes them. */
  get localCredentials(): IceCredentials {
    throw new Error('being built');
  }
  get remoteCredentials(): IceCredentials | null {
    throw new Error('being built');
  }
  /** Where to send data now; `null` while there is no such path. */
  get selectedPair(): CandidatePair | null {
    throw new Error('being built');
  }
  /** Of the current generation, in order of discovery. */
  get localCandidates(): readonly LocalCandidate[] {
    throw new Error('being built');
  }
  get remoteCandidates(): readonly RemoteCandidate[] {
    throw new Error('being built');
  }
  /** Every pair of the current generation and, during a restart, the one still carrying data. */
  get pairs(): readonly CandidatePair[] {
    throw new Error('being built');
  }
  get nextTimeout(): number {
    throw new Error('being built');
  }

  // Our side: sockets and servers, in any order, also while checks run.
  /** Starts gathering: candidates of the sockets there are, and of those still to come. Again after `restart`. */
  gather(_now: number): void {
    throw new Error('being built');
  }
  addSocket(_socket: LocalSocket, _now: number): void {
    throw new Error('being built');
  }
  /** The socket is gone, or can no longer send: its candidates and pairs end. */
  removeSocket(_socketId: number, _now: number): void {
    throw new Error('being built');
  }
  addServer(_server: StunServer, _now: number): void {
    throw new Error('being built');
  }
  /** No more sockets or servers will come: gathering completes when the servers have answered or given up. */
  endOfLocalSockets(_now: number): void {
    throw new Error('being built');
  }

  // The peer's side, from signalling.
  setRole(_role: IceRole): void {
    throw new Error('being built');
  }
  setRemoteLite(_lite: boolean): void {
    throw new Error('being built');
  }
  /** New remote credentials after the first ones mean the peer restarted (RFC 8445 §9): call `restart` first. */
  setRemoteCredentials(_credentials: IceCredentials, _now: number): void {
    throw new Error('being built');
  }
  /**
   * @param resolvedAddress the IP literal behind `candidate.address` where that is a name
   * @returns whether the candidate was taken
   */
  addRemoteCandidate(_candidate: IceCandidate, _now: number, _resolvedAddress?: string): boolean {
    throw new Error('being built');
  }
  endOfRemoteCandidates(_now: number): void {
    throw new Error('being built');
  }

  // The network.
  /** STUN packets only (`isStun`). */
  handlePacket(_packet: Uint8Array, _socketId: number, _remote: SocketAddress, _now: number): void {
    throw new Error('being built');
  }
  /** Whether a datagram from there may be given to DTLS: the path was validated by a check and consent holds. */
  isAuthorizedPath(_socketId: number, _remote: SocketAddress): boolean {
    throw new Error('being built');
  }
  handleTimeout(_now: number): void {
    throw new Error('being built');
  }

  /** RFC 8445 §9. The selected pair keeps carrying data until the new generation has one. */
  restart(_credentials: IceCredentials | undefined, _now: number): void {
    throw new Error('being built');
  }
  /** Forgets everything; state `closed`. No event follows the state change. */
  close(): void {
    throw new Error('being built');
  }
}
