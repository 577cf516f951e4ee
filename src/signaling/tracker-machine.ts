/**
 * One tracker, seen by one peer id: which rooms it should know us in, and what to do about that now. A synchronous state
 * machine: it is told the time, what the connection did and what arrived, and says what to send and when to ask again.
 *
 * There is no queue of messages. What is wanted is the set of joined rooms; each new connection is told all of it, with
 * offers that are good at that moment. What could not be sent while there was no connection is of no use afterwards.
 */
import { type RandomSource, randomBetween } from '../machine.ts';
import { AnnounceSchedule } from './announce-schedule.ts';
import { Backoff, STABLE_MS } from './backoff.ts';
import {
  type AnnounceResponse,
  encodeAnnounce,
  encodeAnswer,
  encodeScrape,
  type Failure,
  parseServerMessage,
  type RelayedAnswer,
  type RelayedOffer,
  type ScrapeResponse,
  type WireId,
  type WireOffer,
} from './wire.ts';

/** `connecting` and `open` have a connection; `waiting` is between two of them, or before the first. */
export type TrackerState = 'connecting' | 'open' | 'waiting' | 'closed';

/** A connection that is not open by then is given up. */
const CONNECT_TIMEOUT_MS = 10_000;
/** What trackers in the field relay from one announce at least: some take no more. */
export const MAX_OFFERS_PER_ANNOUNCE = 5;
/** Some trackers close a connection on a frame of more than 16 KiB. */
export const MAX_ANNOUNCE_BYTES: number = 15 * 1024;
/** Room for everything in an announce but its offers: ids that need escapes, `trackerid`, `token`. */
const ANNOUNCE_OVERHEAD_BYTES = 1024;
/** Bound: a longer `tracker id` is not given back. */
const MAX_TRACKER_ID_LENGTH = 128;
/** Rooms are joined again within this after a connection was lost: not every client of a tracker in the same moment. */
const REJOIN_SPREAD_MS = 1_000;
/** Bound: a tracker that sends this many messages that are none, within a minute, is left alone for a while. */
const MAX_BAD_MESSAGES = 20;
const BAD_MESSAGES_WINDOW_MS = 60_000;
/** After this much silence a connection is tried out on waking. */
const WAKE_SILENCE_MS = 20_000;
/** Bound: the longest `retry in` that is obeyed as it stands. */
const MAX_STAY_AWAY_MS = 24 * 3_600_000;
/** WebSocket close code "Try Again Later". */
const TRY_AGAIN_LATER = 1013;

const NEVER = Number.POSITIVE_INFINITY;

export type TrackerEvent =
  | RelayedOffer
  | RelayedAnswer
  | AnnounceResponse
  | Failure
  /** Nothing was refused, but something is not as it should be. */
  | { readonly kind: 'warning'; readonly message: string }
  /** With why it was lost, or could not be had. */
  | { readonly kind: 'state'; readonly state: TrackerState; readonly error: string | null };

/** Whoever joined a room on this tracker. */
export interface TrackerMember {
  /** Whether it would take offers of others, now that an announce is about to be sent. Default: true */
  readonly wantsOffers?: boolean;
  /**
   * The offers for an announce that is about to be sent: at most `maxCount`, and `maxBytes` of JSON in all, or a single
   * larger one.
   */
  takeOffers(maxCount: number, maxBytes: number, now: number): readonly WireOffer[];
  handle(event: TrackerEvent, now: number): void;
}

/** What the machine does to the world. */
export interface TrackerSink {
  /** Opens a connection; what becomes of it comes as `handleOpen` or `handleEnd`. */
  connect(): void;
  /** Lets go of the connection, open or not; nothing of it is heard again. */
  disconnect(): void;
  send(message: string): void;
  scraped(response: ScrapeResponse): void;
}

export type TrackerMachineOptions = {
  readonly peerId: WireId;
  readonly random: RandomSource;
  /** An access token that is good now; only told to a tracker that knows what it is. */
  readonly token?: (() => string) | null;
};

type Room = { readonly member: TrackerMember; readonly schedule: AnnounceSchedule };

type State =
  | { readonly kind: 'waiting'; readonly retryAt: number }
  | { readonly kind: 'connecting'; readonly givesUpAt: number }
  | { readonly kind: 'open'; readonly openedAt: number; isStable: boolean; heardAt: number }
  | { readonly kind: 'closed' };

export class TrackerMachine {
  readonly #options: TrackerMachineOptions;
  readonly #sink: TrackerSink;
  readonly #rooms = new Map<WireId, Room>();
  readonly #backoff = new Backoff();
  #state: State = { kind: 'waiting', retryAt: NEVER };
  #hadConnection = false;
  #lastError: string | null = null;
  #trackerId: string | null = null;
  #knowsExtension = false;
  /** A wait that the tracker asked for outlasts the connection it was asked on. */
  #stayAwayUntil = 0;
  #badMessages: { since: number; count: number } = { since: 0, count: 0 };
  readonly stats: { badMessages: number; strayMessages: number } = { badMessages: 0, strayMessages: 0 };

  constructor(options: TrackerMachineOptions, sink: TrackerSink) {
    this.#options = options;
    this.#sink = sink;
  }

  get state(): TrackerState {
    return this.#state.kind;
  }

  /** Why there is no connection; `null` when there is one. */
  get lastError(): string | null {
    return this.#lastError;
  }

  get peerId(): WireId {
    return this.#options.peerId;
  }

  /** When `handleTimeout` is next due; Infinity when nothing is pending. */
  get nextTimeout(): number {
    switch (this.#state.kind) {
      case 'waiting':
        return this.#state.retryAt;
      case 'connecting':
        return this.#state.givesUpAt;
      case 'open': {
        let next = this.#state.isStable ? NEVER : this.#state.openedAt + STABLE_MS;
        for (const { schedule } of this.#rooms.values()) next = Math.min(next, schedule.nextAt, schedule.responseDueAt);
        return next;
      }
      case 'closed':
        return NEVER;
      default:
        return this.#state satisfies never;
    }
  }

  // ------------------------------------------------------------------------------------------------ rooms

  /** @throws RangeError when this room is joined already: a tracker knows one member for each peer id and room */
  join(infoHash: WireId, member: TrackerMember, now: number): void {
    if (this.#state.kind === 'closed') throw new TypeError('this tracker client is closed');
    if (this.#rooms.has(infoHash)) throw new RangeError('this room is joined already with this peer id');
    const room = { member, schedule: new AnnounceSchedule() };
    this.#rooms.set(infoHash, room);
    if (this.#state.kind === 'open') room.schedule.connected(now, 0);
    else if (this.#state.kind === 'waiting' && this.#state.retryAt === NEVER) {
      this.#state = { kind: 'waiting', retryAt: Math.max(now, this.#stayAwayUntil) };
    }
    this.handleTimeout(now);
  }

  leave(infoHash: WireId): void {
    const room = this.#rooms.get(infoHash);
    if (room === undefined) return;
    this.#rooms.delete(infoHash);
    if (this.#state.kind === 'open') this.#sendAnnounce(infoHash, 'stopped', [], 0);
    else if (this.#state.kind === 'waiting' && this.#rooms.size === 0)
      this.#state = { kind: 'waiting', retryAt: NEVER };
  }

  /** Announces a room sooner than its interval says; see `AnnounceSchedule.hurry`. */
  hurry(infoHash: WireId, at: number): void {
    this.#rooms.get(infoHash)?.schedule.hurry(at);
  }

  /** As `hurry`, with or without offers. */
  refresh(infoHash: WireId, at: number): void {
    this.#rooms.get(infoHash)?.schedule.refresh(at);
  }

  /** Whether the answer could be sent. */
  answer(answer: { infoHash: WireId; toPeerId: WireId; offerId: WireId; sdp: string }): boolean {
    if (this.#state.kind !== 'open') return false;
    this.#sink.send(encodeAnswer({ ...answer, peerId: this.#options.peerId, trackerId: this.#trackerId }));
    return true;
  }

  /** Whether the question could be sent. */
  scrape(infoHashes: readonly WireId[]): boolean {
    if (this.#state.kind !== 'open') return false;
    this.#sink.send(encodeScrape(infoHashes));
    return true;
  }

  /** Leaves every room. The connection is the caller's to close, once what was sent is gone. */
  close(now: number): void {
    for (const infoHash of [...this.#rooms.keys()]) this.leave(infoHash);
    this.#changeState({ kind: 'closed' }, now);
  }

  // ------------------------------------------------------------------------------------------------ the connection

  handleOpen(now: number): void {
    if (this.#state.kind !== 'connecting') return;
    this.#lastError = null;
    this.#changeState({ kind: 'open', openedAt: now, isStable: false, heardAt: now }, now);
    const spreadMs = this.#hadConnection ? REJOIN_SPREAD_MS : 0;
    this.#hadConnection = true;
    for (const { schedule } of this.#rooms.values()) {
      schedule.connected(now, randomBetween(this.#options.random, 0, spreadMs));
    }
    this.handleTimeout(now);
  }

  /**
   * The connection is over, or could not be had.
   * @param code of the close frame; 1006, 0 or `null` where there was none
   */
  handleEnd(code: number | null, reason: string, now: number): void {
    if (this.#state.kind !== 'connecting' && this.#state.kind !== 'open') return;
    this.#end(reason, code === TRY_AGAIN_LATER, now);
  }

  /** The network is back, or the page is looked at again: does now what it would do sooner or later. */
  wake(now: number): void {
    if (this.#state.kind === 'waiting' && this.#state.retryAt !== NEVER) {
      this.#state = { kind: 'waiting', retryAt: Math.min(this.#state.retryAt, Math.max(now, this.#stayAwayUntil)) };
    } else if (this.#state.kind === 'open' && now - this.#state.heardAt > WAKE_SILENCE_MS) {
      // Whether it outlived a sleeping machine shows when it is used.
      for (const { schedule } of this.#rooms.values()) schedule.connected(now, 0);
    }
    this.handleTimeout(now);
  }

  handleMessage(text: string | Uint8Array, now: number): void {
    if (this.#state.kind !== 'open') return;
    this.#state.heardAt = now;
    const message = parseServerMessage(text);
    switch (message.kind) {
      case 'invalid':
        return void this.#countBadMessage(now);
      case 'scrape':
        return void this.#sink.scraped(message);
      case 'failure':
        return void this.#handleFailure(message, now);
      case 'offer':
      case 'answer': {
        const room = this.#rooms.get(message.infoHash);
        if (room === undefined || message.peerId === this.#options.peerId) this.stats.strayMessages++;
        else room.member.handle(message, now);
        return;
      }
      case 'response':
        return void this.#handleResponse(message, now);
      default:
        message satisfies never;
    }
  }

  handleTimeout(now: number): void {
    if (this.#state.kind === 'connecting' && now >= this.#state.givesUpAt) {
      this.#sink.disconnect();
      this.#end(`no connection within ${CONNECT_TIMEOUT_MS / 1000} s`, false, now);
    }
    if (this.#state.kind === 'open') this.#serveRooms(this.#state, now);
    // Last: what ended just now may be due again at once.
    if (this.#state.kind === 'waiting' && now >= this.#state.retryAt) this.#connect(now);
  }

  // ------------------------------------------------------------------------------------------------ inside

  #serveRooms(state: Extract<State, { kind: 'open' }>, now: number): void {
    if (!state.isStable && now >= state.openedAt + STABLE_MS) {
      state.isStable = true;
      this.#backoff.reset();
    }
    for (const [infoHash, room] of [...this.#rooms]) {
      if (this.#rooms.get(infoHash) !== room || this.#state !== state) continue; // a handler left, or closed
      this.#checkResponse(room, now);
      if (this.#state === state) this.#announceIfDue(infoHash, room, now);
    }
  }

  #connect(now: number): void {
    this.#changeState({ kind: 'connecting', givesUpAt: now + CONNECT_TIMEOUT_MS }, now);
    this.#sink.connect();
  }

  #end(reason: string, stayAway: boolean, now: number): void {
    this.#lastError = reason;
    this.#trackerId = null;
    this.#knowsExtension = false;
    for (const { schedule } of this.#rooms.values()) schedule.disconnected();
    const delayMs = stayAway ? this.#backoff.nextLong(this.#options.random) : this.#backoff.next(this.#options.random);
    if (stayAway) this.#stayAway(now + delayMs);
    const retryAt = this.#rooms.size === 0 ? NEVER : Math.max(now + delayMs, this.#stayAwayUntil);
    this.#changeState({ kind: 'waiting', retryAt }, now);
  }

  #stayAway(until: number): void {
    this.#stayAwayUntil = Math.max(this.#stayAwayUntil, until);
  }

  #changeState(state: State, now: number): void {
    const hasChanged = state.kind !== this.#state.kind;
    this.#state = state;
    if (hasChanged) this.#tellAll({ kind: 'state', state: state.kind, error: this.#lastError }, now);
  }

  #tellAll(event: TrackerEvent, now: number): void {
    for (const { member } of [...this.#rooms.values()]) member.handle(event, now);
  }

  #announceIfDue(infoHash: WireId, { member, schedule }: Room, now: number): void {
    const due = schedule.takeDue(now);
    if (due === null) return;
    const offers = member.takeOffers(MAX_OFFERS_PER_ANNOUNCE, MAX_ANNOUNCE_BYTES - ANNOUNCE_OVERHEAD_BYTES, now);
    if (offers.length === 0 && !due.required) return;
    schedule.sent(now, offers.length);
    // Some relay no more offers than `numwant`, and some deal none to whoever wants none: without offers, too, it wants theirs.
    const numwant = member.wantsOffers === false ? offers.length : Math.max(1, offers.length);
    this.#sendAnnounce(infoHash, due.event, offers, numwant);
  }

  #sendAnnounce(
    infoHash: WireId,
    event: 'started' | 'completed' | 'stopped' | null,
    offers: readonly WireOffer[],
    numwant: number,
  ): void {
    const { peerId, token } = this.#options;
    this.#sink.send(
      encodeAnnounce({
        infoHash,
        peerId,
        event,
        offers,
        numwant,
        left: 1,
        trackerId: this.#trackerId,
        extension: true,
        token: (this.#knowsExtension && token?.()) || null,
      }),
    );
  }

  /** A tracker that is silent about one room may be dead, or may just not talk to us about that room. */
  #checkResponse({ member, schedule }: Room, now: number): void {
    if (now < schedule.responseDueAt || schedule.awaitingSince === null || this.#state.kind !== 'open') return;
    if (this.#state.heardAt < schedule.awaitingSince) {
      this.#sink.disconnect();
      return void this.#end('does not answer', false, now);
    }
    schedule.refused(now, null);
    member.handle({ kind: 'warning', message: 'the tracker does not answer for this room' }, now);
  }

  #handleResponse(response: AnnounceResponse, now: number): void {
    const room = this.#rooms.get(response.infoHash);
    if (room === undefined) return void this.stats.strayMessages++; // to `stopped`, for one
    if (response.trackerId !== null && response.trackerId.length <= MAX_TRACKER_ID_LENGTH) {
      this.#trackerId = response.trackerId;
    }
    this.#knowsExtension ||= response.extension;
    room.schedule.responded(response, now, this.#options.random);
    if (response.warning !== null) room.member.handle({ kind: 'warning', message: response.warning }, now);
    room.member.handle(response, now);
  }

  /** Without a room it is about all of them. */
  #handleFailure(failure: Failure, now: number): void {
    const retryInMs = failure.retryIn === null ? null : failure.retryIn * 1000;
    if (failure.infoHash === null) {
      if (retryInMs !== null) this.#stayAway(now + Math.min(retryInMs, MAX_STAY_AWAY_MS));
      return void this.#tellAll(failure, now);
    }
    const room = this.#rooms.get(failure.infoHash);
    if (room === undefined) return void this.stats.strayMessages++;
    // With no announce pending it is about an answer: that the peer is gone, for one.
    if (room.schedule.awaitingSince !== null) room.schedule.refused(now, retryInMs);
    room.member.handle(failure, now);
  }

  #countBadMessage(now: number): void {
    this.stats.badMessages++;
    if (now - this.#badMessages.since > BAD_MESSAGES_WINDOW_MS) this.#badMessages = { since: now, count: 0 };
    if (++this.#badMessages.count < MAX_BAD_MESSAGES) return;
    this.#badMessages = { since: now, count: 0 };
    this.#sink.disconnect();
    this.#end('sends what is no message of a tracker', true, now);
  }
}
