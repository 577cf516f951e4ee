/** One of a room's trackers: what it says of the room, and when to ask it again. */
import { MeetingRounds } from './meeting-rounds.ts';
import type { SignalingPlatform } from './platform.ts';
import type { RoomKey } from './room-key.ts';
import type { TrackerLease } from './signal-pool.ts';
import type { TrackerMembership } from './tracker-client.ts';
import {
  MAX_OFFERS_PER_ANNOUNCE,
  type TrackerEvent,
  type TrackerMember,
  type TrackerState,
} from './tracker-machine.ts';
import type { AnnounceResponse, RelayedAnswer, RelayedOffer, WireId, WireOffer } from './wire.ts';

/** Offers that become ready together are announced together. */
const READY_DELAY_MS = 30;
/** When to look again for offers that came back. */
const RETRY_MS = 1_000;
/** When to ask again how many there are, after a newcomer was heard of: what a tracker allows in the long run. */
const RECOUNT_MS = 2_000;
/** Bound: peers that are remembered as members on this tracker. Past it some are offered to in vain. */
const MAX_HEARD = 1_000;

/** A tracker as a room shows it. */
export type RoomTrackerInfo = {
  readonly url: string;
  readonly state: TrackerState;
  /** Seeders and other members, this one among them; `null` until the tracker has said. */
  readonly complete: number | null;
  readonly incomplete: number | null;
  /** Why there is no connection, or what the tracker refused last. */
  readonly lastError: string | null;
};

/** What a room's tracker asks of its room. */
export interface RoomTrackerHost {
  /** Whether another peer has a place, now. */
  wantsOffers(): boolean;
  /** Whether we are connected to this peer, or about to be. */
  isPaired(peerId: WireId): boolean;
  /** An announce is about to be sent. */
  takeOffers(maxCount: number, maxBytes: number, now: number): readonly WireOffer[];
  giveBack(offerIds: readonly WireId[]): void;
  offered(offer: RelayedOffer, tracker: RoomTracker, now: number): void;
  answered(answer: RelayedAnswer, tracker: RoomTracker, now: number): void;
  responded(response: AnnounceResponse, tracker: RoomTracker, now: number): void;
  stateChanged(tracker: RoomTracker, now: number): void;
  warn(message: string, tracker: RoomTracker): void;
}

export class RoomTracker implements TrackerMember {
  readonly #host: RoomTrackerHost;
  readonly #platform: SignalingPlatform;
  readonly #lease: TrackerLease;
  readonly #rounds = new MeetingRounds();
  #membership: TrackerMembership | null = null;
  #counts: { readonly complete: number; readonly incomplete: number } | null = null;
  /** Whom it brought offers or answers of. */
  readonly #heard = new Set<WireId>();
  #announced: readonly WireId[] = [];
  #refusal: string | null = null;
  #saidUnwanted = false;
  /** Whether it answered on this connection. */
  #hasResponded = false;
  /** Whether there ever was a connection that ended, or could not be had. */
  #hasFailed = false;

  constructor(lease: TrackerLease, host: RoomTrackerHost, platform: SignalingPlatform) {
    this.#lease = lease;
    this.#host = host;
    this.#platform = platform;
  }

  get url(): string {
    return this.#lease.client.url;
  }

  get info(): RoomTrackerInfo {
    const { state, lastError } = this.#lease.client;
    const { complete = null, incomplete = null } = this.#counts ?? {};
    return { url: this.url, state, complete, incomplete, lastError: lastError ?? this.#refusal };
  }

  /**
   * How many offers this tracker could do with: none when we have met all the members it counts, `null` while it has not
   * said how many there are. A tracker deals offers to members it chooses, met or not, so looking for one among many takes
   * more than one. Those who have met us give theirs back.
   */
  get demand(): number | null {
    if (this.#others === null) return null;
    const missing = this.#others - this.#met();
    if (missing <= 0) return 0;
    return this.#rounds.isVain ? 1 : Math.min(Math.max(missing, MAX_OFFERS_PER_ANNOUNCE), this.#others);
  }

  /** Whether it is worth having offers ready for what it may say. */
  get isPromising(): boolean {
    return this.#lease.client.state === 'open' ? !this.#hasResponded : !this.#hasFailed;
  }

  get wantsOffers(): boolean {
    return this.#host.wantsOffers();
  }

  /** Offers are wanted after all: a tracker that was told otherwise deals us none until it hears it. */
  reconsider(): void {
    if (!this.#saidUnwanted || !this.wantsOffers) return;
    this.#saidUnwanted = false;
    this.#membership?.refresh();
  }

  get isOpen(): boolean {
    return this.#lease.client.state === 'open';
  }

  join(key: RoomKey): void {
    this.#membership = this.#lease.client.join(key, this);
  }

  answer(answer: { toPeerId: WireId; offerId: WireId; sdp: string }): boolean {
    return this.#membership?.answer(answer) ?? false;
  }

  /** There are offers ready, and perhaps somebody for them. */
  offersReady(): void {
    if (this.demand !== 0) this.#membership?.hurry(READY_DELAY_MS);
  }

  /** Leaves the room; settles when that has been said. */
  leave(): Promise<void> {
    this.#membership?.leave();
    this.#membership = null;
    return this.#lease.release();
  }

  takeOffers(maxCount: number, maxBytes: number, now: number): readonly WireOffer[] {
    this.#saidUnwanted = !this.wantsOffers;
    const wanted = Math.min(maxCount, this.demand ?? maxCount);
    const offers = this.#host.takeOffers(wanted, maxBytes, now);
    this.#announced = offers.map(({ offerId }) => offerId);
    // Those there are may be on their way to somebody: some come back unanswered.
    if (wanted > 0 && offers.length === 0) this.#membership?.hurry(RETRY_MS);
    return offers;
  }

  handle(event: TrackerEvent, now: number): void {
    switch (event.kind) {
      case 'offer':
        this.#host.offered(event, this, now);
        return void this.#hear(event.peerId);
      case 'answer':
        this.#host.answered(event, this, now);
        return void this.#hear(event.peerId);
      case 'response':
        return void this.#handleResponse(event, now);
      case 'failure':
        this.#refusal = event.reason;
        return void this.#host.warn(event.reason, this);
      case 'warning':
        return void this.#host.warn(event.message, this);
      case 'state':
        this.#hasResponded = false;
        if (event.state === 'open') this.#rounds.reset();
        else this.#counts = null;
        if (event.state === 'waiting') {
          this.#hasFailed = true;
          if (event.error !== null) this.#host.warn(event.error, this);
        }
        return void this.#host.stateChanged(this, now);
      default:
        event satisfies never;
    }
  }

  #handleResponse(response: AnnounceResponse, now: number): void {
    const { complete, incomplete } = response;
    this.#hasResponded = true;
    this.#refusal = null;
    if (complete !== null || incomplete !== null) {
      this.#counts = { complete: complete ?? 0, incomplete: incomplete ?? 0 };
    }
    if (this.#others !== null) this.#host.giveBack(this.#announced.slice(this.#others)); // there was nobody for these
    this.#announced = [];
    this.#host.responded(response, this, now);
    if (this.#others === null || this.demand === 0) return;
    this.#membership?.hurry(this.#rounds.next(this.#others, this.#met(), this.#platform.random));
  }

  /** Members besides us. */
  get #others(): number | null {
    if (this.#counts === null) return null;
    return Math.max(0, this.#counts.complete + this.#counts.incomplete - 1);
  }

  /** Two trackers may have different members: those we met elsewhere do not count here, unless they were heard of here. */
  #met(): number {
    let met = 0;
    for (const peerId of this.#heard) if (this.#host.isPaired(peerId)) met++;
    return met;
  }

  #hear(peerId: WireId): void {
    if (this.#heard.size === MAX_HEARD) this.#heard.clear();
    this.#heard.add(peerId);
    // Somebody came since it counted, and with them perhaps others that we hear nothing of.
    if (this.#others !== null && this.#met() > this.#others) this.#membership?.refresh(RECOUNT_MS);
  }
}
