/** One connection: what it says, and what comes of it. */
import {
  type Announce,
  type Answer,
  type ClientMessage,
  encodeFailure,
  encodeScrapeResponse,
  parseClientMessage,
  type Scrape,
  type ScrapeCounts,
  type WireId,
  type WireOffer,
} from '../../signaling/wire.ts';
import type { Access } from './access-token.ts';
import type { Admission } from './admission.ts';
import type { TrackerConnection } from './connection.ts';
import type { TrackerCore } from './core.ts';
import { type DealtOffer, dealOffers } from './dealing.ts';
import type { TrackerLimits } from './options.ts';
import { rawDescription, rawDescriptions } from './raw-descriptions.ts';
import { Member, type Room } from './room.ts';
import { TokenBucket } from './token-bucket.ts';

/** The `numwant` of a client that gives none. */
const DEFAULT_WANTED = 50;
/** Intervals vary by this much, so that those who came together do not return together. */
const INTERVAL_JITTER = 0.1;
/** A member is gone after this many intervals without an announce. */
const INTERVALS_TO_EXPIRE = 3;
const INTERVALS_TO_BE_QUIET = 1.5;
/** Pings in a row that may go unanswered: 50 to 75 s of silence. */
const PINGS_TO_MISS = 2;
/** A connection that is in no room and says nothing is closed. */
const IDLE_TIMEOUT_MS = 180_000;
/** WebSocket close codes (RFC 6455 §7.4.1). */
const NORMAL_CLOSURE = 1000;
const POLICY_VIOLATION = 1008;
const TOO_LONG: ClientMessage = { kind: 'invalid', reason: 'message too long', infoHash: null };

export class TrackerSession {
  /** Never used again while the process lives. */
  readonly number: number;
  readonly connection: TrackerConnection;
  readonly admission: Admission | null;
  /** Where the server keeps it among those that are pinged with it. */
  slotIndex = 0;
  /** Pings in a row without a sign of life. */
  missedPings = 0;
  readonly #core: TrackerCore;
  readonly #messages: TokenBucket;
  readonly #faults: TokenBucket;
  readonly #members: Member[] = [];
  #access: Access | null;
  #id: string | null = null;
  /** Last message; last sign of life, pongs included; last ping. */
  #spokeAt: number;
  #heardAt: number;
  #pingedAt = 0;
  #closed = false;

  /** @param admission `null` for one that is refused and never says anything */
  constructor(
    core: TrackerCore,
    connection: TrackerConnection,
    admission: Admission | null,
    number: number,
    now: number,
  ) {
    this.#core = core;
    this.connection = connection;
    this.admission = admission;
    this.#access = admission?.access ?? null;
    this.number = number;
    this.#messages = new TokenBucket(core.limits.messageBurst, now);
    this.#faults = new TokenBucket(core.limits.maxFaultsPerMinute, now);
    this.#spokeAt = now;
    this.#heardAt = now;
  }

  get limits(): TrackerLimits {
    return this.#core.limits;
  }

  /** Too much is unsent for another offer. */
  get isSlow(): boolean {
    return this.connection.bufferedAmount() > this.#core.limits.softBufferBytes;
  }

  /** Takes one message. Never throws. */
  message(message: string | Uint8Array, now: number): void {
    if (this.#closed) return;
    const { stats, limits } = this.#core;
    stats.messages += 1;
    this.#spokeAt = now;
    this.#heardAt = now;
    if (!this.#messages.take(limits.messageRate, limits.messageBurst, now)) {
      stats.limited += 1;
      this.#fault(now);
      return;
    }
    const parsed = message.length > limits.maxMessageBytes ? TOO_LONG : parseClientMessage(message);
    const refusal = this.#take(parsed, typeof message === 'string' ? message : '', now);
    if (refusal === null) return;
    stats.failures += 1;
    const infoHash = 'infoHash' in parsed ? parsed.infoHash : null;
    this.#send(encodeFailure({ reason: refusal, infoHash, retryIn: null }), now);
    this.#fault(now);
  }

  /** The visitor is there: a pong came. */
  heard(now: number): void {
    this.#heardAt = now;
  }

  /** The connection is closed, by whomever. A second call does nothing. */
  closed(now: number): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const member of this.#members) this.#core.rooms.remove(member, now);
    this.#members.length = 0;
    this.#core.sessionClosed(this, this.#id);
  }

  /** This connection's turn: pings, and looks for what has expired. */
  tick(now: number): void {
    const { stats } = this.#core;
    for (let i = this.#members.length - 1; i >= 0; i--) {
      const member = this.#members[i]!;
      if (member.expiresAt > now) member.sweep(now);
      else {
        stats.membersExpired += 1;
        this.#leave(member, now);
      }
    }
    if (this.#members.length === 0 && now - this.#spokeAt >= IDLE_TIMEOUT_MS) {
      stats.closedIdle += 1;
      this.end(NORMAL_CLOSURE, 'idle', now);
      return;
    }
    if (this.connection.ping === undefined) return;
    this.missedPings = this.#heardAt < this.#pingedAt ? this.missedPings + 1 : 0;
    if (this.missedPings >= PINGS_TO_MISS) {
      stats.closedSilent += 1;
      this.#cutOff('silent', now);
      return;
    }
    this.#pingedAt = now;
    this.connection.ping();
  }

  /** Ends the connection. */
  end(code: number, reason: string, now: number): void {
    if (this.#closed) return;
    this.connection.close(code, reason);
    this.closed(now);
  }

  /** Passes on an answer, as JSON. */
  deliverAnswer(text: string, now: number): void {
    this.#core.stats.answersDelivered += 1;
    this.#send(text, now);
  }

  /** Its membership of a room, if it has one. */
  memberOf(room: Room | undefined): Member | undefined {
    for (const member of this.#members) if (member.room === room) return member;
    return undefined;
  }

  /**
   * What is wrong with a message, for its sender; `null` when it was taken.
   * @param text its JSON, where it came as text
   */
  #take(message: ClientMessage, text: string, now: number): string | null {
    switch (message.kind) {
      case 'announce':
        return this.#announce(message, text, now);
      case 'answer':
        return this.#answer(message, text, now);
      case 'scrape':
        return this.#scrape(message, now);
      case 'invalid':
        return message.reason;
      default:
        return message satisfies never;
    }
  }

  // -------------------------------------------------------------------------------------------------- announces

  #announce(announce: Announce, text: string, now: number): string | null {
    const { rooms, stats, limits } = this.#core;
    const { infoHash, peerId, event } = announce;
    stats.announces += 1;
    stats.offersReceived += announce.offers.length;
    const refusal = this.#checkAccess(announce);
    let member = this.memberOf(rooms.get(infoHash));
    if (refusal !== null) {
      if (member !== undefined) this.#leave(member, now);
      return refusal;
    }
    if (member !== undefined && member.peerId !== peerId) {
      return 'one peer_id for each room and connection';
    }
    if (event === 'stopped') {
      if (member !== undefined) this.#leave(member, now);
      this.#respond(announce, this.#intervalOf(infoHash), now);
      return null;
    }
    if (member === undefined) {
      const reason = this.#reasonNotToJoin(infoHash);
      if (reason !== null) return reason;
      member = new Member(this, rooms.open(infoHash), peerId, limits.announceBurst, now);
      this.#members.push(member);
      rooms.add(member, now);
    }
    if (!member.announces.take(limits.announceRate, limits.announceBurst, now)) {
      stats.limited += 1;
      return 'announcing too often';
    }
    const interval = this.#intervalOf(infoHash);
    member.announcedAt = now;
    member.quietAt = now + INTERVALS_TO_BE_QUIET * 1000 * interval;
    member.expiresAt = now + INTERVALS_TO_EXPIRE * 1000 * interval;
    member.wanted = announce.numwant ?? DEFAULT_WANTED;
    member.served = 0;
    if (event === 'completed' || announce.left !== null) {
      rooms.setSeeder(member, event === 'completed' || announce.left === 0, now);
    }
    this.#respond(announce, interval, now);
    if (announce.offers.length > 0) this.#deal(member, announce.offers, text, now);
    return null;
  }

  #respond(announce: Announce, interval: number, now: number): void {
    const { rooms, dice, iceServers } = this.#core;
    const { infoHash } = announce;
    const room = rooms.get(infoHash);
    const head = room?.responseHead ?? `{"action":"announce","info_hash":${JSON.stringify(infoHash)},"interval":`;
    const jittered = Math.round(interval * (1 - INTERVAL_JITTER + 2 * INTERVAL_JITTER * dice.unit()));
    const complete = rooms.seedersOf(infoHash);
    const incomplete = rooms.membersOf(infoHash) - complete;
    let text = `${head}${jittered},"complete":${complete},"incomplete":${incomplete}`;
    if (announce.extension) {
      text += ',"x":1';
      if (iceServers !== null && announce.event !== 'stopped') {
        text += `,"ice_servers":${JSON.stringify(iceServers(this.#sessionId(), now))}`;
      }
    }
    this.#send(`${text}}`, now);
  }

  /** Draws each offer's receiver from all members, here and on other nodes alike. */
  #deal(author: Member, offers: readonly WireOffer[], text: string, now: number): void {
    const { cluster, dice, limits, stats } = this.#core;
    const { room, peerId } = author;
    const local: DealtOffer[] = [];
    const remote: WireOffer[] = [];
    const raw = rawDescriptions(text, offers);
    const met = author.metElsewhere;
    const localOthers = room.members.length - 1;
    const remoteOthers = cluster?.remoteMembers(room.key) ?? 0;
    let localLeft = Math.max(0, localOthers - author.pairs);
    let remoteLeft = Math.max(0, remoteOthers - met.size);
    let isSecondRound = false;
    const surplus: WireOffer[] = [];
    for (const [index, offer] of offers.entries()) {
      if (!isSecondRound && localLeft + remoteLeft === 0) {
        // Each of those it has not met is drawn: those it has met are next.
        isSecondRound = true;
        localLeft = Math.min(author.pairs, localOthers);
        remoteLeft = Math.min(met.size, remoteOthers);
      }
      if (
        offer.sdp.length > limits.maxDescriptionLength ||
        local.length + remote.length + surplus.length >= limits.maxOffersPerAnnounce
      ) {
        stats.offersRefused += 1;
      } else if (localLeft + remoteLeft === 0) {
        surplus.push(offer);
      } else if (remoteLeft > 0 && dice.below(localLeft + remoteLeft) >= localLeft) {
        remote.push(offer);
        remoteLeft -= 1;
      } else {
        local.push({ offerId: offer.offerId, sdpJson: raw?.[index] ?? JSON.stringify(offer.sdp) });
        localLeft -= 1;
      }
    }
    const dealt = dealOffers(room, { origin: author, peerId, head: author.relayHead, offers: local, now }, dice);
    stats.offersDealt += dealt;
    stats.offersUnplaced += local.length - dealt + surplus.length;
    if (cluster === null) return;
    for (const { offerId } of remote) author.expectAnswer(offerId, now);
    for (const { offerId } of surplus) author.expectAnswer(offerId, now);
    stats.offersToNodes += remote.length;
    if (remote.length > 0) cluster.place({ room: room.key, peerId, connection: this.number, met, offers: remote }, now);
    if (surplus.length > 0)
      cluster.park({ room: room.key, peerId, connection: this.number, met, offers: surplus }, now);
  }

  #reasonNotToJoin(infoHash: WireId): string | null {
    const { rooms, limits, allowRoom } = this.#core;
    const room = rooms.get(infoHash);
    const maxRooms = Math.min(limits.maxRoomsPerConnection, this.#access?.maxRooms ?? limits.maxRoomsPerConnection);
    if (this.#members.length >= maxRooms) return 'too many rooms for one connection';
    if (room === undefined && rooms.size >= limits.maxRooms) return 'the tracker has no room for another room';
    if (room !== undefined && room.members.length >= limits.maxMembersPerRoom) return 'the room is full';
    return allowRoom(infoHash, this.connection) ? null : 'this room is not allowed here';
  }

  #intervalOf(infoHash: WireId): number {
    const { rooms, interval, largeRoomInterval } = this.#core;
    return rooms.isLarge(infoHash) ? largeRoomInterval : interval;
  }

  #checkAccess({ token, infoHash, peerId }: Announce): string | null {
    const { access: control } = this.#core;
    if (control === null) return null;
    const unixMs = this.#core.unixTimeMs();
    if (token !== null && token !== this.#access?.token) {
      const access = control.verify(token, unixMs);
      if (access === null) return 'access token refused';
      this.#access = access;
    }
    const access = this.#access;
    if (access === null) return 'access token required';
    if (!control.isValid(access, unixMs)) return 'access token expired';
    if (!access.allowsRoom(infoHash) || !access.allowsPeer(peerId)) return 'access token is not for this';
    return null;
  }

  // -------------------------------------------------------------------------------------------------- answers

  #answer(answer: Answer, text: string, now: number): string | null {
    const { stats, limits } = this.#core;
    const { infoHash, offerId, sdp, peerId } = answer;
    stats.answers += 1;
    const member = this.memberOf(this.#core.rooms.get(infoHash));
    const origin = member !== undefined && member.peerId === peerId ? member.closeOffer(offerId, now) : null;
    if (origin === null) {
      stats.answersRefused += 1;
      return 'no such offer, or it was answered, or has expired';
    }
    if (sdp.length > limits.maxDescriptionLength) return 'answer too long';
    if (!(origin instanceof Member)) {
      member!.meetElsewhere(origin.author);
      origin.answer({ room: infoHash, peerId, offerId, sdp }, this.number, now);
    } else if (origin.gone) {
      stats.answersRefused += 1;
    } else {
      const description = `{"type":"answer","sdp":${rawDescription(text) ?? JSON.stringify(sdp)}}`;
      origin.session.deliverAnswer(`${member!.relayHead}${JSON.stringify(offerId)},"answer":${description}}`, now);
    }
    return null;
  }

  // -------------------------------------------------------------------------------------------------- scrapes

  #scrape({ infoHashes }: Scrape, now: number): string | null {
    const { rooms, stats, limits, scrape } = this.#core;
    stats.scrapes += 1;
    if (!scrape) return 'scraping is not allowed here';
    if (infoHashes === null) return 'scrape names the rooms it asks about';
    if (infoHashes.length > limits.maxScrapedRooms) return 'too many rooms in one scrape';
    const files = new Map<WireId, ScrapeCounts>();
    for (const infoHash of infoHashes) {
      const complete = rooms.seedersOf(infoHash);
      files.set(infoHash, { complete, incomplete: rooms.membersOf(infoHash) - complete, downloaded: complete });
    }
    this.#send(encodeScrapeResponse(files), now);
    return null;
  }

  // -------------------------------------------------------------------------------------------------- the rest

  #leave(member: Member, now: number): void {
    this.#members.splice(this.#members.indexOf(member), 1);
    this.#core.rooms.remove(member, now);
  }

  #sessionId(): string {
    this.#id ??= this.#core.nameSession(this);
    return this.#id;
  }

  #fault(now: number): void {
    const { maxFaultsPerMinute } = this.#core.limits;
    if (this.#closed || this.#faults.take(maxFaultsPerMinute / 60, maxFaultsPerMinute, now)) return;
    this.#core.stats.closedForFaults += 1;
    this.#core.log({ event: 'cutOff', reason: 'faults' });
    this.end(POLICY_VIOLATION, 'too many broken or refused messages', now);
  }

  /** Responses and answers go out even to the slow, but not without end. */
  #send(text: string, now: number): void {
    if (this.connection.bufferedAmount() > this.#core.limits.hardBufferBytes) {
      this.#core.stats.closedSlow += 1;
      this.#cutOff('slow', now);
    } else {
      this.connection.send(text);
    }
  }

  #cutOff(reason: 'silent' | 'slow', now: number): void {
    this.#core.log({ event: 'cutOff', reason });
    this.connection.terminate();
    this.closed(now);
  }
}
