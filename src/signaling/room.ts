/**
 * A room: everyone in it is connected to everyone. Here the parts come together: trackers bring offers and answers
 * (`room-tracker.ts`), the pool has offers for strangers (`offer-pool.ts`), pairings decide which of them become
 * connections (`pairing.ts`), links are those connections (`link.ts`), and admission lets them in (`admission.ts`).
 */
/// <reference lib="esnext.disposable" preserve="true" />
import type { RTCIceServer } from 'purertc';
import { defineEventHandlers } from '../webidl/event-handlers.ts';
import { Admission } from './admission.ts';
import { Link, type LinkOptions } from './link.ts';
import { MAX_OFFERS, OfferPool } from './offer-pool.ts';
import { Pairings } from './pairing.ts';
import { Alarm, type RTCConfigurationLike, type SignalingPlatform } from './platform.ts';
import { RoomPeerEvent, RoomStatsEvent, RoomTarget, RoomWarningEvent } from './room-events.ts';
import type { RoomKey } from './room-key.ts';
import { type Meeting, meetingOf, refusalOf } from './room-keys.ts';
import { DEFAULT_MAX_PEERS, type RoomOptions } from './room-options.ts';
import type { ChannelData, RoomPeer } from './room-peer.ts';
import { RoomTracker, type RoomTrackerHost, type RoomTrackerInfo } from './room-tracker.ts';
import { SignalPool } from './signal-pool.ts';
import { normalizeTrackerUrl, randomWireId } from './tracker-client.ts';
import {
  type RelayedAnswer,
  type RelayedOffer,
  type WireIceServer,
  type WireId,
  wireIdFromHex,
  wireIdToHex,
} from './wire.ts';

/** Offers made before a tracker has said how many members there are. */
const INITIAL_OFFERS = 3;
/** Offers kept for a tracker that never says. */
const BLIND_OFFERS = 2;
/** How long offers wait for the TURN servers of a tracker that may have none. */
const ICE_SERVERS_TIMEOUT_MS = 1_000;
/** Something makes offers impossible: the application's hook, or the configuration. */
const OFFER_RETRY_MS = 5_000;
/** Bound: offers of one peer that are remembered while it is being connected to. Others come back to it by themselves. */
const MAX_SUPERFLUOUS = 8;
/** The same warning is not told more often. */
const WARNING_INTERVAL_MS = 60_000;
/** Bound: different warnings that are remembered. Past it they may be told more often. */
const MAX_REMEMBERED_WARNINGS = 64;

const NEVER = Number.POSITIVE_INFINITY;

/** A link and what the room knows of it. Whom it leads to is known when somebody answers, or from the start. */
type Connection = {
  readonly link: Link;
  readonly offerId: WireId;
  peerId: WireId | null;
  admission: Admission | null;
  /** Once it was announced. */
  peer: RoomPeer | null;
  /** Offers of its peer that came meanwhile, to be declined. */
  readonly superfluous: WireId[];
};

export class Room extends RoomTarget {
  readonly #options: RoomOptions;
  readonly #platform: SignalingPlatform;
  readonly #ownId: WireId;
  readonly #pool: SignalPool;
  readonly #trackers: readonly RoomTracker[];
  readonly #offers = new OfferPool<Connection>();
  readonly #pairings: Pairings<Connection>;
  readonly #connections = new Set<Connection>();
  readonly #peers = new Map<string, RoomPeer>();
  readonly #warned = new Map<string, number>();
  readonly #alarm: Alarm;
  readonly #trackerIceServers = new Map<RoomTracker, readonly WireIceServer[]>();
  #meeting: Meeting | null = null;
  /** How long a tracker's ICE servers are waited for: Infinity until one is reached, `null` when that is over. */
  #iceServersDueAt: number | null;
  /** After an offer could not be made, none is for a while: it would be made again and again. */
  #retryOffersAt = 0;
  #isClosed = false;
  #left: Promise<void> | null = null;
  readonly #onAbort = (): void => void this.leave();

  static {
    defineEventHandlers(Room, ['peer', 'leave', 'warning', 'stats']);
  }

  /** @internal Use `joinRoom`. */
  constructor(room: string | RoomKey, options: RoomOptions, platform: SignalingPlatform) {
    super();
    options.signal?.throwIfAborted();
    const urls = new Set(options.trackers.map(normalizeTrackerUrl));
    if (urls.size === 0) throw new TypeError('a room needs a tracker to meet at');
    const maxPeers = options.maxPeers ?? DEFAULT_MAX_PEERS;
    if (!Number.isInteger(maxPeers) || maxPeers < 0) throw new RangeError('maxPeers is a whole number, 0 or more');
    const meeting = meetingOf(room, options);
    this.#options = options;
    this.#platform = platform;
    this.#pool = options.pool ?? new SignalPool({ lingerMs: 0 }, platform);
    const peerId = options.identity?.peerId ?? this.#pool.peerId;
    this.#ownId = wireIdFromHex(peerId);
    this.#pairings = new Pairings(this.#ownId, maxPeers);
    this.#iceServersDueAt = options.iceServersFromTracker === true ? NEVER : null;
    this.#alarm = new Alarm(platform, (now) => this.#handleTimeout(now));
    const host = this.#trackerHost();
    this.#trackers = Array.from(urls, (url) => {
      return new RoomTracker(this.#pool.acquire(url, peerId, options.token), host, platform);
    });
    options.signal?.addEventListener('abort', this.#onAbort);
    if (meeting instanceof Promise)
      meeting.then((known) => this.#join(known)).catch((error: unknown) => this.#cannotJoin(error));
    else this.#join(meeting);
  }

  /** `null` while a password is being stretched. */
  get key(): RoomKey | null {
    return this.#meeting?.key ?? null;
  }

  /** Ours: 40 lower-case hexadecimal digits. */
  get peerId(): string {
    return wireIdToHex(this.#ownId);
  }

  /** Who is here, by peer id. */
  get peers(): ReadonlyMap<string, RoomPeer> {
    return this.#peers;
  }

  get trackers(): readonly RoomTrackerInfo[] {
    return this.#trackers.map(({ info }) => info);
  }

  /** Whether it was left. */
  get closed(): boolean {
    return this.#isClosed;
  }

  /**
   * To everyone who is here now. Returns to how many it could be given: not to those whose channel is full, or just closed.
   * @throws TypeError when it is nothing that a channel takes
   */
  broadcast(data: ChannelData): number {
    let count = 0;
    for (const peer of this.#peers.values()) {
      try {
        if (peer.send(data)) count++;
      } catch (error) {
        if (error instanceof TypeError) throw error;
      }
    }
    return count;
  }

  /** Whether that peer is here, and it could be given to its channel. */
  send(peerId: string, data: ChannelData): boolean {
    return this.#peers.get(peerId)?.send(data) ?? false;
  }

  /** Says goodbye to trackers and peers. Nothing is left running when it settles, a second later at most. No events follow. */
  leave(): Promise<void> {
    this.#isClosed = true;
    this.#left ??= this.#leave();
    return this.#left;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave();
  }

  // ------------------------------------------------------------------------------------------------ joining and leaving

  #join(meeting: Meeting): void {
    if (this.#isClosed) return;
    this.#meeting = meeting;
    try {
      for (const tracker of this.#trackers) tracker.join(meeting.key);
    } catch (error) {
      void this.leave();
      throw error;
    }
    this.#settle(this.#platform.now());
  }

  #cannotJoin(error: unknown): void {
    this.dispatchEvent(new RoomWarningEvent(String(error), null));
    void this.leave();
  }

  async #leave(): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#alarm.clear();
    this.#offers.clear();
    this.#pairings.clear();
    this.#peers.clear();
    for (const { link, admission } of this.#connections) {
      admission?.close();
      link.close();
    }
    this.#connections.clear();
    await Promise.all(this.#trackers.map((tracker) => tracker.leave()));
    if (this.#options.pool === undefined) await this.#pool.close();
  }

  // ------------------------------------------------------------------------------------------------ what trackers bring

  #trackerHost(): RoomTrackerHost {
    return {
      wantsOffers: () => this.#pairings.room > 0 && this.#iceServersDueAt === null,
      isPaired: (peerId) => this.#pairings.includes(peerId),
      takeOffers: (maxCount, maxBytes, now) => {
        this.#pairings.announced();
        return this.#offers.take(Math.min(maxCount, this.#pairings.room), maxBytes, now);
      },
      giveBack: (offerIds) => this.#offers.giveBack(offerIds),
      offered: (offer, tracker, now) => this.#handleOffer(offer, tracker, now),
      answered: (answer, tracker, now) => this.#handleAnswer(answer, tracker, now),
      responded: ({ complete, incomplete, iceServers }, tracker, now) => {
        if (iceServers !== null) this.#trackerIceServers.set(tracker, iceServers);
        this.#iceServersDueAt = null;
        this.#settle(now);
        if (complete === null && incomplete === null) return;
        this.#dispatch(new RoomStatsEvent(tracker.url, complete ?? 0, incomplete ?? 0));
      },
      stateChanged: (tracker, now) => {
        if (tracker.isOpen && this.#iceServersDueAt !== null) {
          this.#iceServersDueAt = Math.min(this.#iceServersDueAt, now + ICE_SERVERS_TIMEOUT_MS);
        }
        this.#settle(now);
      },
      warn: (message, tracker) => this.#warn(message, tracker.url),
    };
  }

  #handleOffer({ peerId, offerId, sdp }: RelayedOffer, tracker: RoomTracker, now: number): void {
    const meeting = this.#meeting;
    if (this.#isClosed || meeting === null) return;
    const refusal = this.#pairings.consider(peerId, offerId, now);
    if (refusal === 'duplicate') this.#decline(peerId, offerId);
    if (refusal !== null) return;
    const context = { kind: 'offer', roomKey: meeting.key, offerId, from: peerId } as const;
    const offer = meeting.seal.open(sdp, context, this.#platform.wallClock());
    if (offer === null) return void this.#warn(refusalOf('an offer', meeting.seal), tracker.url);
    const connection = this.#connect(false, offerId, peerId);
    if (connection === null) return;
    this.#drop(this.#pairings.beginAnswer(peerId, offerId, connection, now));
    this.#answer(connection, peerId, offer, tracker, meeting).catch((error: unknown) => this.#fail(connection, error));
    this.#settle(now);
  }

  /** Whoever is connected to us, or will be, can have their offer back, for somebody else. */
  #decline(peerId: WireId, offerId: WireId): void {
    const connection = this.#pairings.link(peerId);
    if (connection === null || connection.offerId === offerId) return;
    if (connection.peer !== null) connection.link.signal({ declined: wireIdToHex(offerId) });
    else if (connection.superfluous.length < MAX_SUPERFLUOUS) connection.superfluous.push(offerId);
  }

  async #answer(
    connection: Connection,
    peerId: WireId,
    offer: string,
    tracker: RoomTracker,
    { key, seal }: Meeting,
  ): Promise<void> {
    const { offerId } = connection;
    const answer = await connection.link.answer(offer);
    if (answer === null || !this.#pairings.has(peerId, connection)) return this.#drop(connection);
    const context = { kind: 'answer', roomKey: key, offerId, from: this.#ownId, to: peerId } as const;
    const sdp = seal.seal(answer, context, this.#platform.wallClock());
    if (!tracker.answer({ toPeerId: peerId, offerId, sdp })) return this.#drop(connection);
    const now = this.#platform.now();
    this.#pairings.answerSent(peerId, connection, now);
    this.#settle(now);
  }

  #handleAnswer({ peerId, offerId, sdp }: RelayedAnswer, tracker: RoomTracker, now: number): void {
    const meeting = this.#meeting;
    const connection = this.#offers.find(offerId);
    if (this.#isClosed || meeting === null || connection === undefined) return; // expired, or somebody was faster
    const context = { kind: 'answer', roomKey: meeting.key, offerId, from: peerId, to: this.#ownId } as const;
    const answer = meeting.seal.open(sdp, context, this.#platform.wallClock());
    if (answer === null) return void this.#warn(refusalOf('an answer', meeting.seal), tracker.url);
    const { taken, loser } = this.#pairings.takeAnswer(peerId, offerId, connection, now);
    if (!taken) return;
    this.#offers.delete(offerId);
    this.#drop(loser);
    this.#expectPeer(connection, peerId);
    connection.link.accept(answer).catch((error: unknown) => this.#fail(connection, error));
    this.#settle(now);
  }

  // ------------------------------------------------------------------------------------------------ connections

  /** `null` when there cannot be one, which is told as a warning. */
  #connect(initiator: boolean, offerId: WireId, peerId: WireId | null): Connection | null {
    const { channel = {}, onPeerConnection } = this.#options;
    const options: LinkOptions = { initiator, channel, onPeerConnection, configuration: this.#configuration() };
    let connection: Connection;
    try {
      const link = new Link(options, this.#platform, {
        opened: () => this.#opened(connection),
        signalOpened: () => connection.admission?.signalOpened(),
        signalled: (message) => this.#signalled(connection, message),
        ailing: (isAiling) => {
          if (connection.peerId !== null) this.#pairings.ailing(connection.peerId, connection, isAiling);
          this.#settle(this.#platform.now());
        },
        deadlineChanged: () => this.#settle(this.#platform.now()),
        ended: () => this.#drop(connection),
        failed: (error) => this.#warn(String(error), null),
      });
      connection = { link, offerId, peerId: null, admission: null, peer: null, superfluous: [] };
    } catch (error) {
      this.#warn(String(error), null);
      return null;
    }
    this.#connections.add(connection);
    if (peerId !== null) this.#expectPeer(connection, peerId);
    return connection;
  }

  #configuration(): RTCConfigurationLike {
    const { rtc = {}, iceServersFromTracker } = this.#options;
    if (iceServersFromTracker !== true || this.#trackerIceServers.size === 0) return rtc;
    const handedOut = [...this.#trackerIceServers.values()].flat() as unknown as RTCIceServer[];
    return { ...rtc, iceServers: [...(rtc.iceServers ?? []), ...handedOut] };
  }

  #expectPeer(connection: Connection, peerId: WireId): void {
    const { identity, authorize } = this.#options;
    const { link, offerId } = connection;
    const roomKey = this.#meeting!.key;
    connection.peerId = peerId;
    const wallClock = (): number => this.#platform.wallClock();
    connection.admission = new Admission(
      { link, roomKey, ownId: this.#ownId, peerId, offerId, identity, authorize, wallClock },
      {
        admitted: (peer) => this.#admit(connection, peer),
        refused: (reason, isFinal) => {
          this.#warn(`peer ${wireIdToHex(peerId)} ${reason}`, null);
          if (isFinal) this.#dismiss(connection);
          else this.#drop(connection);
        },
        dismissed: () => this.#dismiss(connection),
      },
    );
  }

  #signalled({ admission }: Connection, message: Record<string, unknown>): void {
    const { declined } = message;
    if (typeof declined === 'string' && /^[0-9a-f]{40}$/.test(declined))
      this.#offers.giveBack([wireIdFromHex(declined)]);
    else admission?.handleMessage(message);
  }

  #opened(connection: Connection): void {
    if (connection.peerId !== null) this.#pairings.connected(connection.peerId, connection);
    connection.admission?.handleOpen(this.#platform.now());
    this.#settle(this.#platform.now());
  }

  #admit(connection: Connection, peer: RoomPeer): void {
    if (this.#isClosed || connection.link.isClosed || !this.#pairings.has(connection.peerId!, connection)) return;
    connection.peer = peer;
    this.#peers.set(peer.id, peer);
    this.#dispatch(new RoomPeerEvent('peer', peer));
    connection.link.held.release();
    for (const offerId of connection.superfluous.splice(0)) this.#decline(connection.peerId!, offerId);
    this.#settle(this.#platform.now());
  }

  /** Not this peer, and not again. */
  #dismiss(connection: Connection): void {
    if (connection.peerId !== null) this.#pairings.refuse(connection.peerId);
    this.#drop(connection);
  }

  #fail(connection: Connection, error: unknown): void {
    if (!connection.link.isClosed) this.#warn(String(error), null);
    this.#drop(connection);
  }

  /** Ends a connection, wherever it stands. */
  #drop(connection: Connection | null): void {
    if (connection === null || !this.#connections.delete(connection)) return;
    const { link, offerId, peerId, peer } = connection;
    connection.admission?.close();
    link.close();
    if (this.#offers.find(offerId) === connection) this.#offers.delete(offerId);
    if (peerId !== null) this.#pairings.delete(peerId, connection);
    if (peer !== null && this.#peers.get(peer.id) === peer) {
      this.#peers.delete(peer.id);
      this.#dispatch(new RoomPeerEvent('leave', peer));
    }
    this.#settle(this.#platform.now());
  }

  // ------------------------------------------------------------------------------------------------ offers

  /** When there may be offers. */
  get #offersFrom(): number {
    return Math.max(this.#iceServersDueAt ?? 0, this.#retryOffersAt);
  }

  /** How many offers it is worth having. */
  #demand(): number {
    let demand = 0;
    for (const tracker of this.#trackers) {
      if (tracker.demand !== null) demand = Math.max(demand, tracker.demand);
      else if (tracker.isPromising) demand = Math.max(demand, INITIAL_OFFERS);
      else if (tracker.isOpen) demand = Math.max(demand, BLIND_OFFERS);
    }
    return Math.min(demand, this.#pairings.room, MAX_OFFERS);
  }

  #refill(now: number): void {
    if (this.#meeting === null || now < this.#offersFrom) return;
    for (let missing = this.#demand() - this.#offers.size; missing > 0; missing--) {
      const connection = this.#connect(true, randomWireId(this.#platform), null);
      if (connection === null) {
        this.#retryOffersAt = now + OFFER_RETRY_MS;
        return;
      }
      this.#offers.add(connection.offerId, connection, now);
      this.#offer(connection, this.#meeting).catch((error: unknown) => {
        this.#retryOffersAt = this.#platform.now() + OFFER_RETRY_MS;
        this.#fail(connection, error);
      });
    }
  }

  async #offer(connection: Connection, { key, seal }: Meeting): Promise<void> {
    const { link, offerId } = connection;
    const offer = await link.offer();
    if (offer === null) return;
    const context = { kind: 'offer', roomKey: key, offerId, from: this.#ownId } as const;
    if (!this.#offers.ready(offerId, seal.seal(offer, context, this.#platform.wallClock()))) return;
    for (const tracker of this.#trackers) tracker.offersReady();
  }

  // ------------------------------------------------------------------------------------------------ time, and what is told

  /** The last thing each input does: makes offers that are missing, and sets the clock. */
  #settle(now: number): void {
    if (this.#isClosed) return;
    this.#refill(now);
    for (const tracker of this.#trackers) tracker.reconsider();
    let next = Math.min(this.#offers.nextTimeout, this.#pairings.nextTimeout);
    if (now < this.#offersFrom) next = Math.min(next, this.#offersFrom);
    for (const { link, admission } of this.#connections) {
      next = Math.min(next, link.nextTimeout, admission?.nextTimeout ?? NEVER);
    }
    this.#alarm.set(next);
  }

  #handleTimeout(now: number): void {
    if (this.#iceServersDueAt !== null && now >= this.#iceServersDueAt) this.#iceServersDueAt = null;
    for (const connection of [...this.#offers.expire(now), ...this.#pairings.expire(now)]) this.#drop(connection);
    for (const { link, admission } of [...this.#connections]) {
      link.handleTimeout(now);
      admission?.handleTimeout(now);
    }
    this.#settle(now);
  }

  #warn(message: string, tracker: string | null): void {
    const now = this.#platform.now();
    const name = `${tracker} ${message}`;
    if (now < (this.#warned.get(name) ?? -NEVER) + WARNING_INTERVAL_MS) return;
    if (this.#warned.size === MAX_REMEMBERED_WARNINGS) this.#warned.clear();
    this.#warned.set(name, now);
    this.#dispatch(new RoomWarningEvent(message, tracker));
  }

  #dispatch(event: Event): void {
    if (!this.#isClosed) this.dispatchEvent(event);
  }
}
