/**
 * TCP, as much of it as a simulation needs (RFC 9293): segments that are packets of the memory network, so that they are
 * lost, delayed and translated like any; retransmission, a window, FIN and RST. No congestion control: the window is small.
 *
 *   connect ─► synSent ────┐
 *                          ├─► open ─► ended (FIN or RST came, nobody answered) or, after close(), finishing ─► ended
 *   SYN came ─► synReceived┘
 */
import { setU16, setU32, u16, u32 } from '../../binary/bytes.ts';
import type { SocketAddress } from '../../ice/address.ts';
import type { TimerHandle } from '../runtime.ts';
import { LINGER_MS, MAX_BUFFERED_BYTES, type TcpHandlers, type TcpSocket, type TcpStats } from '../tcp.ts';
import { failure } from './failure.ts';
import type { Host } from './host.ts';
import type { TcpStack } from './tcp-stack.ts';

/** RFC 9293 §3.1; what is not here is zero. */
const SEGMENT = { sequence: 4, acknowledgment: 8, offset: 12, flags: 13, window: 14, data: 20 } as const;
const FLAG = { fin: 1, syn: 2, rst: 4, ack: 16 } as const;
/** The window field counts units of that many bytes (RFC 7323 §2, with a fixed scale). */
const WINDOW_UNIT = 64;
/** Payload of one segment; fits every link with an MTU of 1,500. */
const MAX_SEGMENT_BYTES = 1_400;
/** On its way at a time, and taken in while the reader pauses. Less than a link's default queue. */
const WINDOW_BYTES = 48 * 1024;
/** RFC 6298 §2: 1 s before the first measurement; §2.4's floor is lower in practice. */
const INITIAL_RTO_MS = 1_000;
const MIN_RTO_MS = 200;
const MAX_RTO_MS = 8_000;
/** Attempts before the connection is given up: about 40 s. */
const MAX_RETRANSMISSIONS = 8;

type State = 'synSent' | 'synReceived' | 'open' | 'finishing' | 'ended';

export class MemoryTcpConnection implements TcpSocket {
  readonly stats: TcpStats = { bytesSent: 0, bytesReceived: 0, writesRefused: 0 };
  readonly alpnProtocol = null;
  readonly localAddress: SocketAddress;
  readonly remoteAddress: SocketAddress;
  readonly #stack: TcpStack;
  readonly #maxBufferedBytes: number;
  #handlers: TcpHandlers | null = null;
  #state: State;
  /** Written and not acknowledged, from `#acknowledged` on. Positions count from 0, the SYN being -1. */
  #unacknowledged: Uint8Array[] = [];
  #written = 0;
  #sent = -1;
  #acknowledged = -1;
  #peerWindow = WINDOW_BYTES;
  #received = -1;
  /** Came while the reader paused. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isPaused = false;
  #retransmissions = 0;
  #duplicates = 0;
  /** Up to where all was sent when it was last sent over again. */
  #recovery = -1;
  #rtoMs = INITIAL_RTO_MS;
  #startedAt: number;
  #timer: TimerHandle | null = null;
  #connectTimer: TimerHandle | null = null;
  #lingerTimer: TimerHandle | null = null;

  constructor(
    stack: TcpStack,
    local: SocketAddress,
    remote: SocketAddress,
    maxBufferedBytes: number = MAX_BUFFERED_BYTES,
    isClient = true,
  ) {
    this.#stack = stack;
    this.localAddress = local;
    this.remoteAddress = remote;
    this.#maxBufferedBytes = maxBufferedBytes;
    this.#state = isClient ? 'synSent' : 'synReceived';
    this.#startedAt = stack.host.now();
  }

  get host(): Host {
    return this.#stack.host;
  }

  get bufferedBytes(): number {
    return this.#state === 'ended' ? 0 : this.#written - Math.max(this.#sent, 0);
  }

  connect(handlers: TcpHandlers, timeoutMs: number): void {
    this.#handlers = handlers;
    this.#connectTimer = this.#stack.host.setTimer(timeoutMs, () => this.#end(failure('ETIMEDOUT', 'nobody answered')));
    this.#transmit(FLAG.syn, -1);
    this.#arm();
  }

  /** Of a connection that has come in, once it is open. */
  listen(handlers: TcpHandlers): void {
    this.#handlers = handlers;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state !== 'open' || this.bufferedBytes + bytes.length > this.#maxBufferedBytes) {
      this.stats.writesRefused++;
      return false;
    }
    this.#unacknowledged.push(bytes.slice());
    this.#written += bytes.length;
    this.stats.bytesSent += bytes.length;
    this.#stack.host.spoil(bytes);
    this.#sendMore();
    return true;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#stack.host.queueTurn(() => this.#deliver());
  }

  close(): void {
    this.#handlers = null;
    if (this.#state === 'synSent' || this.#state === 'synReceived') this.#end(null);
    if (this.#state !== 'open') return;
    this.#state = 'finishing';
    this.#lingerTimer = this.#stack.host.setTimer(LINGER_MS, () => this.reset());
    this.#sendMore();
  }

  /** Ends it at once, and the peer's side with it. */
  reset(): void {
    this.#handlers = null;
    if (this.#state === 'ended') return;
    this.#transmit(FLAG.rst, Math.max(this.#sent, 0));
    this.#end(null);
  }

  receive(segment: Uint8Array): void {
    if (this.#state === 'ended') return;
    const flags = segment[SEGMENT.flags]!;
    if (flags & FLAG.rst) {
      this.#end(failure(this.#state === 'synSent' ? 'ECONNREFUSED' : 'ECONNRESET', 'the peer answered with a reset'));
      return;
    }
    if (flags & FLAG.syn) {
      // Ours was answered, or the answer to the peer's was lost.
      if (this.#received < 0) this.#received = 0;
      if (!(flags & FLAG.ack)) {
        this.#transmit(FLAG.syn | FLAG.ack, -1);
        this.#arm();
        return;
      }
    }
    if (flags & FLAG.ack) this.#acknowledge(segment, flags);
    const data = segment.subarray(SEGMENT.data);
    // The peer's first data may overtake the acknowledgement that would have opened the connection.
    if (this.#isEnded() || this.#received < 0) return;
    if (data.length > 0 || flags & (FLAG.fin | FLAG.syn)) this.#take(data, u32(segment, SEGMENT.sequence), flags);
  }

  #acknowledge(segment: Uint8Array, flags: number): void {
    const acknowledged = (u32(segment, SEGMENT.acknowledgment) | 0) - 1; // on the wire the SYN is 0
    this.#peerWindow = u16(segment, SEGMENT.window) * WINDOW_UNIT;
    if (acknowledged > this.#acknowledged) {
      const bytes = acknowledged - Math.max(this.#acknowledged, 0);
      this.#acknowledged = acknowledged;
      this.#sent = Math.max(this.#sent, acknowledged);
      this.#retransmissions = 0;
      this.#duplicates = 0;
      this.#drop(bytes);
      this.#arm();
    } else if (acknowledged === this.#acknowledged && segment.length === SEGMENT.data && !(flags & FLAG.fin)) {
      // RFC 5681 §3.2, and RFC 6582 §3.2: what was sent over again causes duplicates too, which tell of no loss.
      const isNews = this.#sent > acknowledged && acknowledged >= this.#recovery;
      if (isNews && ++this.#duplicates === 3) this.#retransmit();
    }
    if (this.#acknowledged >= 0 && (this.#state === 'synSent' || this.#state === 'synReceived')) this.#opened();
    if (this.#state === 'finishing' && this.#acknowledged > this.#written) this.#end(null);
    else this.#sendMore();
  }

  #opened(): void {
    const isClient = this.#state === 'synSent';
    const rtt = this.#stack.host.now() - this.#startedAt;
    this.#rtoMs = Math.min(Math.max(2 * rtt, MIN_RTO_MS), MAX_RTO_MS);
    this.#state = 'open';
    this.#clear();
    if (isClient) {
      this.#transmit(FLAG.ack, 0);
      this.#handlers?.onOpen?.();
    } else {
      this.#stack.opened(this);
    }
  }

  #take(data: Uint8Array, sequence: number, flags: number): void {
    const at = (sequence | 0) - 1;
    const isFin = (flags & FLAG.fin) !== 0;
    const hasRoom = this.#waitingBytes + data.length <= WINDOW_BYTES && !(isFin && this.#isPaused);
    if (at === this.#received && hasRoom) {
      this.#received += data.length;
      if (data.length > 0) {
        this.#waiting.push(data.slice());
        this.#waitingBytes += data.length;
      }
      if (isFin) {
        this.#received++;
        this.#transmit(FLAG.ack, this.#sent);
        this.#deliver();
        this.#end(null);
        return;
      }
    }
    // What came early is not kept: the acknowledgement says what is missing, and all from there on comes again.
    this.#transmit(FLAG.ack, Math.max(this.#sent, 0));
    this.#deliver();
  }

  #deliver(): void {
    const wasFull = this.#waitingBytes > WINDOW_BYTES / 2;
    while (!this.#isPaused && this.#waiting.length > 0 && this.#state !== 'ended') {
      const data = this.#waiting.shift()!;
      this.#waitingBytes -= data.length;
      this.stats.bytesReceived += data.length;
      this.#handlers?.onData(data);
    }
    if (wasFull && this.#state === 'open' && !this.#isPaused) this.#transmit(FLAG.ack, this.#sent); // a window update
  }

  #sendMore(): void {
    if (this.#state !== 'open' && this.#state !== 'finishing') return;
    const window = Math.min(WINDOW_BYTES, this.#peerWindow);
    while (this.#sent < this.#written && this.#sent - this.#acknowledged < window) this.#sendSegment(this.#sent);
    if (this.#state === 'finishing' && this.#sent === this.#written) {
      this.#transmit(FLAG.fin | FLAG.ack, this.#sent);
      this.#sent++;
    }
    if (this.#timer === null) this.#arm();
  }

  /** One segment of what was written, from this position. */
  #sendSegment(at: number): void {
    const data = this.#read(at - Math.max(this.#acknowledged, 0));
    this.#transmit(FLAG.ack, at, data);
    this.#sent = Math.max(this.#sent, at + data.length);
  }

  #retransmit(): void {
    this.#duplicates = 0;
    switch (this.#state) {
      case 'synSent':
        this.#transmit(FLAG.syn, -1);
        break;
      case 'synReceived':
        this.#transmit(FLAG.syn | FLAG.ack, -1);
        break;
      case 'open':
      case 'finishing': {
        // All over from the first that is missing; one segment now, whatever the window, and the rest as that allows.
        const isFinSent = this.#sent > this.#written;
        this.#recovery = this.#sent;
        this.#sent = this.#acknowledged;
        if (this.#sent < this.#written) this.#sendSegment(this.#sent);
        else if (isFinSent) this.#transmit(FLAG.fin | FLAG.ack, this.#sent++);
        this.#sendMore();
        break;
      }
      case 'ended':
        break;
      default:
        this.#state satisfies never;
    }
  }

  /** The retransmission timer runs while anything is unacknowledged, or waits for a window. */
  #arm(): void {
    this.#clear();
    const isDone = this.#acknowledged >= 0 && this.#acknowledged === this.#sent && this.#sent >= this.#written;
    if (this.#state === 'ended' || isDone) return;
    const delay = Math.min(this.#rtoMs * 2 ** this.#retransmissions, MAX_RTO_MS);
    this.#timer = this.#stack.host.setTimer(delay, () => {
      this.#timer = null;
      if (++this.#retransmissions > MAX_RETRANSMISSIONS) {
        this.#end(failure('ETIMEDOUT', 'nobody answered'));
        return;
      }
      this.#retransmit();
      this.#arm();
    });
  }

  #clear(): void {
    if (this.#timer !== null) this.#stack.host.clearTimer(this.#timer);
    this.#timer = null;
    if (this.#connectTimer !== null && this.#state !== 'synSent') {
      this.#stack.host.clearTimer(this.#connectTimer);
      this.#connectTimer = null;
    }
  }

  #transmit(flags: number, at: number, data: Uint8Array = new Uint8Array(0)): void {
    const segment = new Uint8Array(SEGMENT.data + data.length);
    setU32(segment, SEGMENT.sequence, (at + 1) >>> 0);
    setU32(segment, SEGMENT.acknowledgment, (this.#received + 1) >>> 0);
    segment[SEGMENT.offset] = (SEGMENT.data / 4) << 4;
    segment[SEGMENT.flags] = flags | (this.#received >= 0 ? FLAG.ack : 0);
    setU16(segment, SEGMENT.window, Math.max(0, WINDOW_BYTES - this.#waitingBytes) / WINDOW_UNIT);
    segment.set(data, SEGMENT.data);
    this.#stack.send(segment, this.localAddress, this.remoteAddress);
  }

  /** Up to a segment of the written bytes, from an offset into what is kept of them. */
  #read(offset: number): Uint8Array {
    const data = new Uint8Array(MAX_SEGMENT_BYTES);
    let length = 0;
    let skip = offset;
    for (const chunk of this.#unacknowledged) {
      if (skip >= chunk.length) {
        skip -= chunk.length;
        continue;
      }
      const part = chunk.subarray(skip, skip + MAX_SEGMENT_BYTES - length);
      data.set(part, length);
      length += part.length;
      skip = 0;
      if (length === MAX_SEGMENT_BYTES) break;
    }
    return data.subarray(0, length);
  }

  #drop(bytes: number): void {
    let left = bytes;
    while (left > 0 && this.#unacknowledged.length > 0) {
      const first = this.#unacknowledged[0]!;
      if (first.length > left) this.#unacknowledged[0] = first.subarray(left);
      else this.#unacknowledged.shift();
      left -= first.length;
    }
  }

  /** Asked after handlers were called. */
  #isEnded(): boolean {
    return this.#state === 'ended';
  }

  #end(error: Error | null): void {
    if (this.#state === 'ended') return;
    const handlers = this.#handlers;
    this.#state = 'ended';
    this.#handlers = null;
    this.#unacknowledged = [];
    this.#waiting = [];
    this.#clear();
    if (this.#lingerTimer !== null) this.#stack.host.clearTimer(this.#lingerTimer);
    this.#stack.forget(this);
    handlers?.onClose(error);
  }
}

/** Whether a segment begins a connection. */
export function isSyn(segment: Uint8Array): boolean {
  return (segment[SEGMENT.flags]! & (FLAG.syn | FLAG.ack | FLAG.rst)) === FLAG.syn;
}

/** The answer to a segment that belongs to nothing; `null` where there must be none. */
export function resetFor(segment: Uint8Array): Uint8Array | null {
  if (segment[SEGMENT.flags]! & FLAG.rst) return null;
  const reset = new Uint8Array(SEGMENT.data);
  reset[SEGMENT.offset] = (SEGMENT.data / 4) << 4;
  reset[SEGMENT.flags] = FLAG.rst;
  return reset;
}
