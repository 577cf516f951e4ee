/**
 * What happens between a connection and `peer`: the channel opens, and the two rooms introduce themselves over the signal
 * channel (`security/introduction.ts`). A peer of another stack has no such channel, and stays a stranger: it is let in where
 * nobody asks who it is.
 */
import type { Link } from './link.ts';
import type { RoomKey } from './room-key.ts';
import { RoomPeer } from './room-peer.ts';
import type { Meeting, PeerIdentity } from './security/identity.ts';
import { Introduction } from './security/introduction.ts';
import { type WireId, wireIdToHex } from './wire.ts';

/** A peer whose channel has been open this long without a word of introduction has none to say. */
const STRANGER_TIMEOUT_MS = 1_000;
/** Where it has to say something it is waited for: SCTP takes a second to send again what was lost, and then two, and four. */
const SILENCE_TIMEOUT_MS = 15_000;
/** How long introductions may take in all; applications may ask somebody. */
const INTRODUCTION_TIMEOUT_MS = 120_000;
/** Bound: what may come before the channel is open, "hello" and "ready". More is ignored. */
const MAX_EARLY_MESSAGES = 2;

const NEVER = Number.POSITIVE_INFINITY;

export type AdmissionOptions = {
  readonly link: Link;
  readonly roomKey: RoomKey;
  readonly ownId: WireId;
  readonly peerId: WireId;
  readonly offerId: WireId;
  readonly identity: PeerIdentity | undefined;
  readonly authorize: ((peer: RoomPeer) => boolean | Promise<boolean>) | undefined;
  wallClock(): number;
};

export interface AdmissionSink {
  admitted(peer: RoomPeer): void;
  /** @param isFinal whether this peer is not wanted, rather than not proved to be this peer */
  refused(reason: string, isFinal: boolean): void;
  /** The application no longer wants this peer. */
  dismissed(): void;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #sink: AdmissionSink;
  #introduction: Introduction | null = null;
  #early: Record<string, unknown>[] = [];
  #openedAt: number | null = null;
  #isStranger = true;
  #isDecided = false;
  #isClosed = false;
  #peer: RoomPeer | null = null;

  constructor(options: AdmissionOptions, sink: AdmissionSink) {
    this.#options = options;
    this.#sink = sink;
  }

  /** When `handleTimeout` is next due. */
  get nextTimeout(): number {
    if (this.#isDecided || this.#openedAt === null) return NEVER;
    if (!this.#isStranger) return this.#openedAt + INTRODUCTION_TIMEOUT_MS;
    return this.#openedAt + (this.#takesStrangers ? STRANGER_TIMEOUT_MS : SILENCE_TIMEOUT_MS);
  }

  signalOpened(): void {
    if (this.#isClosed) return;
    const { link, identity, authorize, wallClock } = this.#options;
    this.#introduction = new Introduction({
      identity,
      authorize: authorize && ((publicKey) => authorize(this.#makePeer(publicKey))),
      meeting: this.#meeting(),
      side: link.initiator ? 'offerer' : 'answerer',
      wallClock,
      send: (message) => link.signal(message),
      accepted: (publicKey) => this.#admit(publicKey),
      refused: (reason, isFinal) => this.#refuse(reason, isFinal),
    });
    this.#introduction.start();
  }

  /** Even a peer that was let in as a stranger is answered: it waits for that, and its words may only have been late. */
  handleMessage(message: Record<string, unknown>): void {
    if (this.#isClosed || !('introduction' in message)) return;
    if (this.#isStranger) this.#options.link.recognized();
    this.#isStranger = false;
    if (this.#openedAt !== null) this.#introduction?.handle(message);
    else if (this.#early.length < MAX_EARLY_MESSAGES) this.#early.push(message);
  }

  /** The channel is open: there is something to be handed out. */
  handleOpen(now: number): void {
    this.#openedAt = now;
    for (const message of this.#early.splice(0)) this.#introduction?.handle(message);
  }

  handleTimeout(now: number): void {
    if (now < this.nextTimeout) return;
    if (!this.#isStranger) this.#refuse('took too long to be introduced', false);
    else if (this.#takesStrangers) this.#admit(null);
    else this.#refuse('does not introduce itself', false);
  }

  close(): void {
    this.#isDecided = true;
    this.#isClosed = true;
    this.#introduction?.close();
  }

  /** Whether anybody is let in, rooms of other kinds included. */
  get #takesStrangers(): boolean {
    const { identity, authorize } = this.#options;
    return identity === undefined && authorize === undefined;
  }

  #admit(publicKey: Uint8Array | null): void {
    if (this.#isDecided) return;
    this.#isDecided = true;
    this.#sink.admitted(this.#makePeer(publicKey));
  }

  #refuse(reason: string, isFinal: boolean): void {
    this.close();
    this.#sink.refused(reason, isFinal);
  }

  #makePeer(publicKey: Uint8Array | null): RoomPeer {
    const { link, peerId } = this.#options;
    this.#peer ??= new RoomPeer(wireIdToHex(peerId), link, link.channel!, publicKey, () => this.#sink.dismissed());
    return this.#peer;
  }

  #meeting(): Meeting {
    const { link, ownId, peerId, roomKey, offerId } = this.#options;
    const us = { peerId: ownId, sdp: link.descriptions.local };
    const them = { peerId, sdp: link.descriptions.remote };
    const [offerer, answerer] = link.initiator ? [us, them] : [them, us];
    return { roomKey, offerId, offerer, answerer };
  }
}
