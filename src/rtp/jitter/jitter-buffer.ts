/**
 * Puts the packets of one stream in order and makes frames of them. Packets that are missing are waited for as long as
 * they may still come; then their frame is given up, and with it, where frames refer to each other, all up to the next key
 * frame. Nothing incomplete leaves it.
 *
 * ```
 *            #next: all before it was delivered or given up          #highest
 *              ▼                                                        ▼
 *   delivered  │ frame ──────── │ frame ─── gap ────── │ frame ──────── │
 *              └ complete: out     └ waits, until `depthMs` after what stands behind the gap came
 * ```
 */
import { EventQueue } from '../../machine.ts';
import type { RtpPacket } from '../packet.ts';
import type { EncodedFrame, PayloadFormat } from '../payload/types.ts';
import { SequenceUnwrapper } from '../sequence.ts';
import { AdaptiveDepth, type DepthOptions } from './depth.ts';
import { firstFrameStart, firstMissing, firstPresent, frameEnd, scanFrame } from './frame-boundaries.ts';
import { KeyFrameSearch } from './key-frame-search.ts';
import {
  DISCARDABLE,
  ENDS_FRAME,
  FILLER,
  KEY_FRAME,
  PacketRing,
  STARTS_FRAME,
  UNCERTAIN_START,
} from './packet-ring.ts';
import { PlayoutClock } from './playout-clock.ts';

/** Bound: numbers the buffer reaches over, 2.4 MB of full packets. A stream that jumps further starts anew. */
const DEFAULT_CAPACITY = 2048;
/** Bound: complete frames that are held for their time; above, the oldest leaves at once. 4 s of sound in 10 ms frames. */
const MAX_HELD = 400;
/** The first key frame may come out of order: it is asked for only when its beginning stays away for so long. */
const FIRST_REQUEST_MS = 30;
/** While one is awaited and packets come, a key frame is asked for again so often. */
const KEY_FRAME_RETRY_MS = 500;
/** Who comes so late to a deadline was busy, and has not yet read what came meanwhile. */
const BUSY_MS = 20;

export type JitterBufferOptions = DepthOptions & {
  /** Of the RTP timestamps, in Hz. */
  readonly clockRate: number;
  /** What reads payloads of this type; `null`: they are skipped. */
  formatOf(payloadType: number): PayloadFormat | null;
  /** Whether frames refer to each other, as in video: then one lost frame ends all up to a key frame. */
  readonly needsKeyFrames: boolean;
  /** A power of two. Default 2048 packets. */
  readonly capacity?: number;
  /** How much a frame counts in `delayMs` and its like: sound is counted in samples (W3C). Default 1. */
  weightOf?(frame: EncodedFrame, payloadType: number): number;
  /** Goes on with the counters of a buffer before this one. */
  readonly stats?: JitterBufferStats;
};

export type ReceivedFrame = {
  readonly frame: EncodedFrame;
  /** RTP timestamp, 32 bits. */
  readonly timestamp: number;
  readonly payloadType: number;
  readonly firstSequenceNumber: number;
  /** Its packets in order, as they came: for what their header extensions say. */
  readonly packets: readonly Uint8Array[];
  /** When its first packet came, and when it was complete. */
  readonly firstArrivedAt: number;
  readonly completedAt: number;
};

export type JitterBufferEvent =
  | { readonly kind: 'frame'; readonly frame: ReceivedFrame }
  /** Nothing can be delivered before a key frame: one should be asked for. Comes again while that is so. */
  | { readonly kind: 'keyFrameNeeded' };

export type JitterBufferStats = {
  /** Delivered. */
  frames: number;
  keyFrames: number;
  /** Given up for missing packets, or because their packets did not fit together; those known of. */
  droppedFrames: number;
  /** Packets that came too late, or twice. */
  latePackets: number;
  /** Payloads that their format could not read. */
  malformed: number;
  /** Times the stream jumped further than the buffer reaches. */
  resets: number;
  /** Frames of more than one packet, and the sum over them from the first packet's arrival to the last one's. */
  multiPacketFrames: number;
  assemblyMs: number;
  /** What has left: frames, unless they have other weights. */
  emitted: number;
  /** Sum over what has left, from the first packet's arrival to then. */
  delayMs: number;
  /** Sum of `targetDelayMs` over the same. */
  targetDelayMs: number;
};

export function newJitterBufferStats(): JitterBufferStats {
  return {
    frames: 0,
    keyFrames: 0,
    droppedFrames: 0,
    latePackets: 0,
    malformed: 0,
    resets: 0,
    multiPacketFrames: 0,
    assemblyMs: 0,
    emitted: 0,
    delayMs: 0,
    targetDelayMs: 0,
  };
}

export class JitterBuffer {
  readonly stats: JitterBufferStats;
  readonly #options: JitterBufferOptions;
  readonly #ring: PacketRing;
  readonly #search: KeyFrameSearch;
  readonly #depth: AdaptiveDepth;
  readonly #clock: PlayoutClock;
  readonly #events: EventQueue<JitterBufferEvent>;
  readonly #unwrapper = new SequenceUnwrapper();
  /** The first number not delivered nor given up; -1 before the first packet. */
  #next = -1;
  /** Whether a frame is known to end right before `#next`. */
  #isBoundary = false;
  #highest = -1;
  /** All from `#next` up to here is there, of one frame, and does not end it. */
  #scanned = -1;
  #isAwaitingKeyFrame: boolean;
  /** While a key frame is awaited: whether what is missing may still come, and then be gone on with. */
  #isResumable = false;
  /** A number far back, where a source that begins anew goes on (RFC 3550 A.1, `bad_seq`). */
  #restartNumber = -1;
  #deadline = Infinity;
  /** The last gap that was waited for longer because the process was busy. */
  #extendedGap = -1;
  #keyFrameRetryAt = Infinity;
  /** Whether packets came since a key frame was asked for. */
  #hasNews = false;
  /** What was last given up, and since when it had been missing: late arrivals tell how long to wait. */
  #gaveUp: { readonly from: number; readonly to: number; readonly since: number } | null = null;
  #held: { readonly frame: ReceivedFrame; readonly dueAt: number }[] = [];

  /** How long complete frames are held back, after the fastest passage: 0 (the default) delivers them at once. */
  targetDelayMs = 0;

  constructor(options: JitterBufferOptions, sink: { event(event: JitterBufferEvent): void }) {
    const capacity = options.capacity ?? DEFAULT_CAPACITY;
    if (capacity < 16 || capacity & (capacity - 1)) throw new RangeError('capacity is a power of two from 16 on');
    this.#options = options;
    this.stats = options.stats ?? newJitterBufferStats();
    this.#ring = new PacketRing(capacity);
    this.#search = new KeyFrameSearch(this.#ring);
    this.#depth = new AdaptiveDepth(options);
    this.#clock = new PlayoutClock(options.clockRate);
    this.#events = new EventQueue((event) => sink.event(event));
    this.#isAwaitingKeyFrame = options.needsKeyFrames;
  }

  get nextTimeout(): number {
    return Math.min(this.#deadline, this.#keyFrameRetryAt, this.#held[0]?.dueAt ?? Infinity);
  }

  /** How long a gap is waited for now. */
  get depthMs(): number {
    return this.#depth.ms;
  }

  set roundTripMs(value: number) {
    this.#depth.roundTripMs = value;
  }

  get isAwaitingKeyFrame(): boolean {
    return this.#isAwaitingKeyFrame;
  }

  /** Takes a packet: its bytes are kept, the object may be used again. */
  insert(packet: RtpPacket, now: number): void {
    const flags = this.#inspect(packet);
    if (flags >= 0) {
      const number = this.#accept(packet.sequenceNumber, now);
      if (number >= 0) {
        if (flags === FILLER) this.#ring.putFiller(number, now);
        else this.#ring.put(number, packet, flags, now);
        this.#advance(number, now);
      }
    }
    this.#events.flush();
  }

  /** A number that is taken, and carries no media: FEC or padding of the stream. */
  insertFiller(sequenceNumber: number, now: number): void {
    const number = this.#accept(sequenceNumber, now);
    if (number >= 0) {
      this.#ring.putFiller(number, now);
      this.#advance(number, now);
    }
    this.#events.flush();
  }

  /** These will not come any more: if one of them is waited for, it is not. */
  giveUp(sequenceNumbers: readonly number[], now: number): void {
    while (this.#isBlocked() && sequenceNumbers.includes(this.#firstMissing() & 0xffff)) this.#skipGap(now, true);
    this.#release(now);
    this.#events.flush();
  }

  handleTimeout(now: number): void {
    if (now - this.#deadline >= BUSY_MS) this.#extendDeadline(now);
    while (now >= this.#deadline) this.#skipGap(now, !this.#options.canRepair);
    if (now >= this.#keyFrameRetryAt) this.#requestKeyFrame(now);
    this.#release(now);
    this.#events.flush();
  }

  /** What the payload says of itself, as flags; -1 when it cannot be read. */
  #inspect(packet: RtpPacket): number {
    if (packet.payloadLength === 0) return FILLER;
    const format = this.#options.formatOf(packet.payloadType);
    if (format === null) return FILLER;
    const info = format.inspect(packet.payload);
    if (info === null) {
      this.stats.malformed++;
      return -1;
    }
    let flags = 0;
    if (info.startsFrame) flags |= STARTS_FRAME;
    if (info.isStartUncertain) flags |= UNCERTAIN_START;
    if (info.endsFrame ?? packet.marker) flags |= ENDS_FRAME;
    if (info.isKeyFrame) flags |= KEY_FRAME;
    if (info.metadata?.isDiscardable) flags |= DISCARDABLE;
    return flags;
  }

  /** The extended number of a packet that is new and within reach; -1 for another one. */
  #accept(sequenceNumber: number, now: number): number {
    let number = this.#unwrapper.unwrap(sequenceNumber);
    if (this.#next < 0) {
      this.#next = this.#firstReach(number);
      this.#scanned = this.#next;
      this.#highest = number;
    }
    if (number < this.#next - this.#ring.capacity && this.#isRestart(number)) {
      number = this.#unwrapper.restart(sequenceNumber);
    }
    if (number < this.#next || this.#ring.has(number)) {
      this.stats.latePackets++;
      const gaveUp = this.#gaveUp;
      if (gaveUp && number >= gaveUp.from && number < gaveUp.to) this.#depth.note(now - gaveUp.since);
      return -1;
    }
    if (number - this.#next >= this.#ring.capacity) this.#makeRoom(number, now);
    if (number > this.#highest) {
      this.#highest = number;
    } else {
      // It fills a gap, which what stands behind it had shown.
      const behind = firstPresent(this.#ring, number + 1, this.#highest);
      if (behind <= this.#highest) this.#depth.note(now - this.#ring.arrivedAt(behind));
    }
    this.#hasNews = true;
    return number;
  }

  /** Where key frames are needed, the first one may begin before the first packet that comes. */
  #firstReach(number: number): number {
    return this.#options.needsKeyFrames ? number - (this.#ring.capacity >> 1) : number;
  }

  /** So far back comes no late packet: two in a row are a source that begins anew. */
  #isRestart(number: number): boolean {
    const isNext = number === this.#restartNumber;
    this.#restartNumber = number + 1;
    return isNext;
  }

  #makeRoom(number: number, now: number): void {
    const { capacity } = this.#ring;
    if (number - this.#highest >= capacity) {
      this.stats.resets++;
      this.#isAwaitingKeyFrame = this.#options.needsKeyFrames;
      this.#isResumable = false;
      this.#keyFrameRetryAt = Infinity;
      this.#moveTo(this.#firstReach(number), false);
      this.#highest = number;
      return;
    }
    // Waiting has filled the ring: the gap is given up early, or what a key frame should have come before.
    while (number - this.#next >= capacity && this.#isBlocked()) this.#skipGap(now, true);
    if (number - this.#next >= capacity) this.#moveTo(number - capacity + (capacity >> 2), false);
  }

  /** Delivers what a new packet makes complete. */
  #advance(number: number, now: number): void {
    if (this.#isAwaitingKeyFrame) {
      this.#search.look(number, this.#isBoundary ? this.#next : -1);
      if (this.#keyFrameRetryAt === Infinity) {
        this.#keyFrameRetryAt = now + (this.#search.hasCandidates ? KEY_FRAME_RETRY_MS : FIRST_REQUEST_MS);
      }
    }
    this.#deliver(now);
    this.#release(now);
  }

  /** Delivers complete frames in order, and sets the deadline for what holds the next one up. */
  #deliver(now: number): void {
    for (;;) {
      if (!this.#isAwaitingKeyFrame || this.#isResumable) {
        if (this.#deliverNext(now)) continue;
        if (!this.#isAwaitingKeyFrame) break;
      }
      const found = this.#search.find();
      if (found === null) break;
      if (this.#isResumable) this.stats.droppedFrames++;
      this.#isResumable = false;
      this.#moveTo(found.start, true);
      this.#deliverFrame(found.end, now);
    }
    this.#deadline =
      this.#isAwaitingKeyFrame || !this.#isBlocked()
        ? Infinity
        : this.#ring.arrivedAt(this.#firstBehind()) + this.#depth.ms;
  }

  /** Delivers or drops what begins at `#next`; false when it is not whole. */
  #deliverNext(now: number): boolean {
    const ring = this.#ring;
    if (!ring.has(this.#next)) return false;
    const flags = ring.flags(this.#next);
    if (flags & FILLER) {
      this.#moveTo(this.#next + 1, this.#isBoundary);
      return true;
    }
    this.#scanned = scanFrame(ring, this.#next, this.#scanned);
    const end = frameEnd(ring, this.#next, this.#scanned);
    if ((flags & STARTS_FRAME) === 0) {
      // The frame before ended too early, or this one has no beginning: neither can be.
      this.#drop(end < 0 ? this.#scanned : end, end >= 0, now);
      return true;
    }
    if (end < 0) return false;
    this.#deliverFrame(end, now);
    return true;
  }

  /** Delivers the frame from `#next` up to `end`, or drops it. */
  #deliverFrame(end: number, now: number): void {
    const ring = this.#ring;
    const start = this.#next;
    const packets: Uint8Array[] = [];
    const payloads: Uint8Array[] = [];
    let firstArrivedAt = now;
    let lastArrivedAt = -Infinity;
    for (let number = start; number < end; number++) {
      if (ring.flags(number) & FILLER) continue;
      packets.push(ring.packet(number));
      payloads.push(ring.payload(number));
      firstArrivedAt = Math.min(firstArrivedAt, ring.arrivedAt(number));
      lastArrivedAt = Math.max(lastArrivedAt, ring.arrivedAt(number));
    }
    const timestamp = ring.timestamp(start);
    const payloadType = ring.payloadType(start);
    const frame = this.#options.formatOf(payloadType)?.assemble(payloads) ?? null;
    if (frame === null || (this.#isAwaitingKeyFrame && !this.#isResumable && !frame.isKeyFrame)) {
      this.#drop(end, true, now);
      return;
    }
    this.#moveTo(end, true);
    this.#isAwaitingKeyFrame = false;
    this.#isResumable = false;
    this.#search.clear();
    this.#keyFrameRetryAt = Infinity;
    this.stats.frames++;
    if (frame.isKeyFrame) this.stats.keyFrames++;
    if (packets.length > 1) {
      this.stats.multiPacketFrames++;
      this.stats.assemblyMs += lastArrivedAt - firstArrivedAt;
    }
    const firstSequenceNumber = start & 0xffff;
    this.#hold({ frame, timestamp, payloadType, firstSequenceNumber, packets, firstArrivedAt, completedAt: now }, now);
  }

  /** Gives up a frame, and those after it where they refer to it. */
  #drop(end: number, isBoundary: boolean, now: number): void {
    this.stats.droppedFrames++;
    this.#moveTo(end, isBoundary);
    this.#isResumable = false;
    if (this.#options.needsKeyFrames) this.#awaitKeyFrame(now);
  }

  #moveTo(next: number, isBoundary: boolean): void {
    this.#ring.clear(this.#next, next);
    this.#next = next;
    this.#isBoundary = isBoundary;
    this.#scanned = next;
    this.#deadline = Infinity;
    this.#search.forgetBefore(next);
  }

  #firstMissing(): number {
    return firstMissing(this.#ring, this.#scanned, this.#highest);
  }

  /** The first packet behind the first gap; `#highest + 1` when there is none. */
  #firstBehind(): number {
    return firstPresent(this.#ring, this.#firstMissing() + 1, this.#highest);
  }

  /** What is missing may be in a socket's buffer: once for a gap, there is time to read that. */
  #extendDeadline(now: number): void {
    const gap = this.#firstMissing();
    if (gap === this.#extendedGap) return;
    this.#extendedGap = gap;
    this.#deadline = now + BUSY_MS;
  }

  /** Whether a gap holds up what stands behind it, and is still waited for. */
  #isBlocked(): boolean {
    return (!this.#isAwaitingKeyFrame || this.#isResumable) && this.#firstBehind() <= this.#highest;
  }

  /**
   * The gap has been waited for long enough.
   * @param isLost what is missing will not come: else a key frame is asked for, and whichever comes first is taken
   */
  #skipGap(now: number, isLost: boolean): void {
    const ring = this.#ring;
    const missing = this.#firstMissing();
    const behind = this.#firstBehind();
    const isWithinFrame = missing > this.#next && ring.timestamp(behind) === ring.timestamp(this.#next);
    const end = isWithinFrame ? frameEnd(ring, behind, scanFrame(ring, behind, behind)) : -1;
    this.#gaveUp = { from: missing, to: behind, since: ring.arrivedAt(behind) };
    if (!this.#options.needsKeyFrames || (end >= 0 && ring.flags(this.#next) & DISCARDABLE)) {
      this.stats.droppedFrames++;
      if (end >= 0) this.#moveTo(end, true);
      else this.#moveTo(firstFrameStart(ring, behind, this.#highest), true);
    } else if (isLost) {
      this.#drop(behind, false, now);
    } else {
      this.#isResumable = true;
      this.#awaitKeyFrame(now);
    }
    this.#deliver(now);
  }

  #awaitKeyFrame(now: number): void {
    this.#isAwaitingKeyFrame = true;
    this.#search.clear();
    for (let number = this.#next; number <= this.#highest; number++) {
      if (this.#ring.has(number)) this.#search.look(number, this.#isBoundary ? this.#next : -1);
    }
    // One that is on its way need not be asked for.
    if (this.#search.hasCandidates) this.#keyFrameRetryAt = now + KEY_FRAME_RETRY_MS;
    else this.#requestKeyFrame(now);
  }

  #requestKeyFrame(now: number): void {
    if (!this.#hasNews) {
      this.#keyFrameRetryAt = Infinity; // nothing comes: there is nobody to ask
      return;
    }
    this.#hasNews = false;
    this.#keyFrameRetryAt = now + KEY_FRAME_RETRY_MS;
    this.#events.push({ kind: 'keyFrameNeeded' });
  }

  #hold(frame: ReceivedFrame, now: number): void {
    const due = this.targetDelayMs > 0 ? this.#clock.due(frame.timestamp, this.targetDelayMs, now) : -Infinity;
    this.#held.push({ frame, dueAt: Math.max(due, this.#held.at(-1)?.dueAt ?? -Infinity) });
    if (this.#held.length > MAX_HELD) this.#emit(this.#held.shift()!.frame, now);
  }

  #release(now: number): void {
    let count = 0;
    while (count < this.#held.length && this.#held[count]!.dueAt <= now) this.#emit(this.#held[count++]!.frame, now);
    if (count > 0) this.#held = this.#held.slice(count);
  }

  #emit(frame: ReceivedFrame, now: number): void {
    const weight = this.#options.weightOf?.(frame.frame, frame.payloadType) ?? 1;
    this.stats.emitted += weight;
    this.stats.delayMs += weight * (now - frame.firstArrivedAt);
    this.stats.targetDelayMs += weight * this.targetDelayMs;
    this.#events.push({ kind: 'frame', frame });
  }
}
