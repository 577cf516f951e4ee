/**
 * Stream reset (RFC 6525), as data channels use it (RFC 8831 §6.7): each side resets its own outgoing streams. Every
 * other request (incoming reset, SSN/TSN reset, adding streams) is answered, with "Denied".
 */
import { serial32Add, serial32LessOrEqual } from '../binary/serial.ts';
import {
  encodeOutgoingReset,
  encodeReConfigResponses,
  type OutgoingResetRequest,
  RESET_REQUEST_OVERHEAD,
  RESULT,
  type ReConfigParameter,
  type ReConfigResponse,
} from './packet/reconfig-chunk.ts';
import type { DataReceiver } from './rx/data-receiver.ts';
import { TIMER, type Timers } from './timers.ts';
import type { DataSender } from './tx/data-sender.ts';
import type { RetransmissionTimeout } from './tx/rto.ts';
import type { SctpEvent } from './types.ts';

export type StreamResetOptions = {
  readonly sender: DataSender;
  readonly receiver: DataReceiver;
  readonly rto: RetransmissionTimeout;
  readonly timers: Timers;
  /** The peer understands RE-CONFIG. */
  readonly isSupported: boolean;
  readonly localInitialTsn: number;
  readonly peerInitialTsn: number;
  /** Bytes of chunks in a full packet. */
  readonly packetCapacity: number;
  readonly sendChunk: (chunk: Uint8Array) => void;
  readonly event: (event: SctpEvent) => void;
};

/** Our request that is unanswered. "There MUST NOT be more than one request in flight" (RFC 6525 §5.1.1). */
type Request = OutgoingResetRequest & {
  /** The peer said "In progress": its silence is no failure (§5.2.7, H2). */
  isInProgress: boolean;
  /** It said so although it has all the data: under this number it will never say anything else. */
  isStuck: boolean;
};

export class StreamReset {
  readonly #options: StreamResetOptions;
  /** Streams to be reset once all their messages were acknowledged. Bound: the 65,535 streams there are. */
  readonly #pending = new Set<number>();
  #request: Request | null = null;
  /** §4.1: "initialized to the same value as the initial TSN". */
  #nextRequestNumber: number;
  #expectedRequestNumber: number;
  /** The peer's last request, answered again as before when it comes again (§5.2.1). */
  #lastResponses: readonly ReConfigResponse[] = [];
  /** A request of the peer that waits for data before it (§5.2.2, E2). */
  #deferred: OutgoingResetRequest | null = null;

  constructor(options: StreamResetOptions) {
    this.#options = options;
    this.#nextRequestNumber = options.localInitialTsn;
    this.#expectedRequestNumber = options.peerInitialTsn;
  }

  // ---- Our outgoing streams ----

  reset(streamIds: readonly number[]): void {
    const { sender, isSupported, event } = this.#options;
    if (!isSupported) {
      event({ kind: 'streamsResetFailed', streamIds, message: 'the peer does not support stream reset (RFC 6525)' });
      return;
    }
    for (const streamId of streamIds) {
      const stream = sender.queue.stream(streamId);
      if (stream.isResetting) continue;
      sender.queue.hold(stream); // A1
      this.#pending.add(streamId);
    }
  }

  /** Whether a reset is asked for or under way. */
  get isBusy(): boolean {
    return this.#request !== null || this.#pending.size > 0;
  }

  /**
   * Sends the next request when there is one to send: all that was sent on its streams is acknowledged or given up. RFC
   * 6525 has the receiver wait for data that is still on its way (§5.2.2, E2), but some perform a reset when they see
   * it, and lose what comes after.
   */
  sendRequest(now: number): void {
    const { sender, timers, packetCapacity } = this.#options;
    if (this.#request !== null || this.#pending.size === 0 || timers.isSet(TIMER.reConfig)) return;
    // Bound: as many streams as fit into one packet. The others follow with the next request.
    const maxStreams = (packetCapacity - RESET_REQUEST_OVERHEAD) >> 1;
    const streamIds: number[] = [];
    for (const streamId of this.#pending) {
      if (streamIds.length === maxStreams) break;
      const { queue, outstandingChunks } = sender.queue.stream(streamId);
      if (queue.head === null && outstandingChunks === 0) streamIds.push(streamId);
    }
    if (streamIds.length === 0) return;
    for (const streamId of streamIds) this.#pending.delete(streamId);
    this.#sendNew(streamIds, now);
  }

  #sendNew(streamIds: readonly number[], now: number): void {
    const { sender, timers, rto, sendChunk } = this.#options;
    this.#request = {
      kind: 'outgoingReset',
      requestNumber: this.#nextRequestNumber,
      responseNumber: serial32Add(this.#expectedRequestNumber, -1), // A4
      lastAssignedTsn: serial32Add(sender.outstanding.nextTsn, -1), // A3
      streamIds,
      isInProgress: false,
      isStuck: false,
    };
    this.#nextRequestNumber = serial32Add(this.#nextRequestNumber, 1); // A2
    sendChunk(encodeOutgoingReset(this.#request));
    timers.set(TIMER.reConfig, now + rto.ms);
  }

  /** §5.1.1: "the sender MUST retransmit the RE-CONFIG chunk". Returns true if this counts as a failure of the peer. */
  handleTimeout(now: number): boolean {
    const request = this.#request;
    if (request === null) return false;
    if (request.isStuck) {
      this.#sendNew(request.streamIds, now);
      return false;
    }
    const { timers, rto, sendChunk } = this.#options;
    if (!request.isInProgress) rto.backOff();
    sendChunk(encodeOutgoingReset(request));
    timers.set(TIMER.reConfig, now + rto.ms);
    return !request.isInProgress;
  }

  #handleResponse({ responseNumber, result }: ReConfigResponse, now: number): void {
    const { timers, rto, sender } = this.#options;
    const request = this.#request;
    if (request === null || responseNumber !== request.requestNumber) return; // H1
    if (result === RESULT.inProgress) {
      // Some repeat their first answer to a retransmission for ever, and look again when the request has a new number.
      request.isStuck =
        request.isInProgress && serial32LessOrEqual(request.lastAssignedTsn, sender.outstanding.cumulativeTsnAck);
      request.isInProgress = true;
      timers.set(TIMER.reConfig, now + rto.ms); // H2
      return;
    }
    this.#request = null;
    if (result === RESULT.alreadyInProgress) {
      for (const streamId of request.streamIds) this.#pending.add(streamId);
      timers.set(TIMER.reConfig, now + rto.ms); // and then as a new request
      return;
    }
    timers.clear(TIMER.reConfig);
    const performed = result === RESULT.performed || result === RESULT.nothingToDo;
    const { queue } = sender;
    for (const streamId of request.streamIds) queue.release(queue.stream(streamId), performed); // H4
    if (performed) this.#options.event({ kind: 'streamsReset', streamIds: request.streamIds, direction: 'outgoing' });
    else {
      const message = `the peer refused to reset streams (result ${result})`;
      this.#options.event({ kind: 'streamsResetFailed', streamIds: request.streamIds, message });
    }
  }

  // ---- The peer's ----

  /** The parameters of one RE-CONFIG chunk, in order. */
  handle(parameters: readonly ReConfigParameter[], now: number): void {
    const responses: ReConfigResponse[] = [];
    let isRetransmission = false;
    for (const parameter of parameters) {
      if (parameter.kind === 'response') {
        this.#handleResponse(parameter, now);
        continue;
      }
      const { requestNumber } = parameter;
      if (requestNumber === this.#expectedRequestNumber) {
        responses.push({ kind: 'response', responseNumber: requestNumber, result: this.#perform(parameter) });
        this.#expectedRequestNumber = serial32Add(this.#expectedRequestNumber, 1);
      } else if (this.#lastResponses.some(({ responseNumber }) => responseNumber === requestNumber)) {
        isRetransmission = true;
      } else {
        responses.push({ kind: 'response', responseNumber: requestNumber, result: RESULT.badSequenceNumber });
      }
    }
    if (responses.length === 0 && !isRetransmission) return;
    this.#options.receiver.requestSack(); // §5.2.1: "a selective acknowledgment (SACK) chunk SHOULD be sent back"
    if (responses.length > 0) {
      if (responses.some(({ result }) => result !== RESULT.badSequenceNumber)) this.#lastResponses = responses;
      this.#options.sendChunk(encodeReConfigResponses(responses));
    } else {
      this.#options.sendChunk(encodeReConfigResponses(this.#lastResponses));
    }
  }

  /** The cumulative TSN may have moved: a deferred reset is performed when all data before it is there (§5.2.2, E2). */
  performDeferred(): void {
    const request = this.#deferred;
    if (request === null || !this.#isDue(request)) return;
    this.#deferred = null;
    this.#resetIncoming(request);
    this.#lastResponses = this.#lastResponses.map((response) =>
      response.responseNumber === request.requestNumber ? { ...response, result: RESULT.performed } : response,
    );
    this.#options.sendChunk(encodeReConfigResponses(this.#lastResponses)); // E5
  }

  #perform(parameter: Exclude<ReConfigParameter, ReConfigResponse>): number {
    switch (parameter.kind) {
      case 'otherRequest':
        return RESULT.denied;
      case 'outgoingReset': {
        // The peer has our "In progress", and asks again under a new number: the new request stands for both.
        const request = this.#deferred === null ? parameter : mergeRequests(this.#deferred, parameter);
        if (this.#isDue(request)) {
          this.#deferred = null;
          this.#resetIncoming(request);
          return RESULT.performed;
        }
        this.#deferred = request;
        this.#options.receiver.reassembly.deferReset(request.lastAssignedTsn, streamList(request));
        return RESULT.inProgress;
      }
      default:
        return parameter satisfies never;
    }
  }

  #isDue(request: OutgoingResetRequest): boolean {
    return serial32LessOrEqual(request.lastAssignedTsn, this.#options.receiver.cumulativeTsn);
  }

  #resetIncoming(request: OutgoingResetRequest): void {
    this.#options.receiver.reassembly.resetStreams(streamList(request)); // E3, E4
    this.#options.event({ kind: 'streamsReset', streamIds: request.streamIds, direction: 'incoming' });
  }
}

/** A request that waits, and the one the peer sends in its place. */
function mergeRequests(before: OutgoingResetRequest, after: OutgoingResetRequest): OutgoingResetRequest {
  const isAll = before.streamIds.length === 0 || after.streamIds.length === 0;
  const streamIds = isAll ? [] : [...new Set([...before.streamIds, ...after.streamIds])];
  return { ...after, streamIds };
}

/** "If no streams are listed, then all streams are to be reset." (RFC 6525 §4.1) */
function streamList(request: OutgoingResetRequest): readonly number[] | null {
  return request.streamIds.length === 0 ? null : request.streamIds;
}
