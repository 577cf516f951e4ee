/** All data channels of one association: who has which stream, opening, messages, closing (RFC 8831, RFC 8832). */
import { EventQueue } from '../machine.ts';
import { type Channel, type ChannelHost, type ChannelRecord, newChannelRecord } from './channel.ts';
import { type DcepOpen, decodeDcep, encodeAck, encodeOpen, utf8Length } from './dcep.ts';
import type { ChannelEvent, DataChannelsOptions, DataChannelsSink, DataChannelsStats } from './events.ts';
import { checkParameters, dcepSendOptions, finalSendOptions, openMessage } from './parameters.ts';
import { PartialMessage } from './partial-message.ts';
import { PPID } from './ppid.ts';
import { StrayStreams } from './stray-streams.ts';
import { idBelongsTo, StreamIds } from './stream-ids.ts';
import type { AssociationEvent, ChannelAssociation, ChannelParameters, DtlsRole } from './types.ts';

/** RFC 8841 §6.1: what a peer takes that does not say. */
const DEFAULT_MAX_MESSAGE_SIZE = 65_536;
/** The largest message put together from deprecated pieces. What SCTP itself delivers is bounded there. */
const MAX_PARTIAL_MESSAGE_SIZE = 262_144;
/**
 * Bytes of labels and protocols in channels opened by the peer and not closed yet. RFC 8832 §7 wants us ready for the
 * maximum number of channels and for names of the maximum length; both at once would be 4 GiB. Past it an OPEN is
 * refused.
 */
const MAX_INCOMING_NAME_BYTES = 4_194_304;

export class DataChannels {
  readonly stats: DataChannelsStats = { opensRefused: 0, malformed: 0, messagesDropped: 0 };
  readonly #events: EventQueue<ChannelEvent>;
  readonly #host: ChannelHost;
  #maxMessageSize: number;
  #role: DtlsRole | null = null;
  #association: ChannelAssociation | null = null;
  /** The association is connected. */
  #started = false;
  readonly #ids = new StreamIds();
  /** Every channel that is not closed, in order of creation. */
  readonly #records = new Set<ChannelRecord>();
  readonly #byStream = new Map<number, ChannelRecord>();
  readonly #strays = new StrayStreams();
  #incomingNameBytes = 0;

  constructor(options: DataChannelsOptions, sink: DataChannelsSink) {
    this.#maxMessageSize = options.maxMessageSize ?? DEFAULT_MAX_MESSAGE_SIZE;
    this.#events = new EventQueue((event) => sink.event(event));
    this.#host = {
      send: (record, data, isText, now) => this.#send(record, data, isText, now),
      close: (record, now) => this.#close(record, now),
    };
  }

  /** Every channel that is not closed, in order of creation. */
  get channels(): readonly Channel[] {
    return Array.from(this.#records, (record) => record.channel);
  }

  /** The largest message the peer takes, in bytes; 0 for no limit. Each offer and answer may say anew. */
  get maxMessageSize(): number {
    return this.#maxMessageSize;
  }

  set maxMessageSize(bytes: number) {
    this.#maxMessageSize = bytes;
  }

  /**
   * Opens a channel, at any time. In-band, its id comes with the role and it opens with the association.
   * @throws TypeError for parameters that contradict each other
   * @throws RangeError for an id in use or out of range, and when no id is left
   */
  open(parameters: ChannelParameters, now: number): Channel {
    checkParameters(parameters);
    const record = newChannelRecord(parameters, this.#host);
    if (parameters.negotiated) {
      const id = parameters.id!;
      if (id >= this.#ids.limit) throw new RangeError(`stream id ${id} is not below ${this.#ids.limit}`);
      if (this.#ids.isTaken(id)) throw new RangeError(`stream id ${id} is in use`);
      this.#assign(record, id);
    } else if (this.#role !== null && !this.#allocate(record)) {
      throw new RangeError('all stream ids are in use');
    }
    this.#records.add(record);
    if (this.#started) this.#start(record, now);
    this.#events.flush();
    return record.channel;
  }

  /** The DTLS role became known, with the answer: waiting channels get their ids. It never changes afterwards. */
  setRole(dtlsRole: DtlsRole): void {
    if (this.#role !== null) return;
    this.#role = dtlsRole;
    for (const record of this.#records) {
      if (record.id === null && !this.#allocate(record)) this.#finish(record, 'no stream id is left for this channel');
    }
    this.#events.flush();
  }

  /** The association was made. Channels open when it is connected, or now if it is. */
  attach(association: ChannelAssociation, dtlsRole: DtlsRole, now: number): void {
    this.#association = association;
    this.setRole(dtlsRole);
    if (association.state === 'established') this.#startAll(now);
    this.#events.flush();
  }

  /** Takes every event of the attached association. */
  handleSctpEvent(event: AssociationEvent, now: number): void {
    switch (event.kind) {
      case 'connected':
        this.#startAll(now);
        break;
      case 'message':
        this.#handleMessage(event.streamId, event.ppid, event.data, now);
        break;
      case 'bufferedAmountDecreased':
        this.#handleSent(event.streamId, event.bytes);
        break;
      case 'streamsReset':
        for (const streamId of event.streamIds.length > 0 ? event.streamIds : this.#streamsInUse()) {
          if (event.direction === 'incoming') this.#handleIncomingReset(streamId, now);
          else this.#handleOutgoingReset(streamId);
        }
        break;
      case 'streamsResetFailed':
        for (const streamId of event.streamIds) this.#handleResetFailed(streamId, event.message);
        break;
      case 'restarted':
        this.#started = false; // 'connected' follows, and the new association may have fewer streams
        this.#finishAll('the peer began a new association');
        break;
      case 'closed':
        this.#association = null;
        this.#started = false;
        this.#finishAll(event.reason === 'shutdown' ? undefined : event.message || event.reason, event.cause);
        break;
      default:
        event satisfies never;
    }
    this.#events.flush();
  }

  /** Ends all channels at once, without a handshake: the association is gone, or will never be. */
  closeAll(error?: string): void {
    this.#finishAll(error);
    this.#events.flush();
  }

  // Opening

  #startAll(now: number): void {
    if (this.#started || this.#association === null) return;
    this.#started = true;
    this.#ids.limit = Math.min(this.#association.maxOutboundStreams, this.#association.maxInboundStreams);
    for (const record of this.#records) if (record.state === 'connecting') this.#start(record, now);
  }

  #start(record: ChannelRecord, now: number): void {
    const { parameters, id } = record;
    if (id === null || id >= this.#ids.limit) {
      this.#finish(record, `the association has only ${this.#ids.limit} streams`);
      return;
    }
    record.state = 'open';
    if (parameters.negotiated) record.sendOptions = finalSendOptions(parameters);
    else this.#sendDcep(record, encodeOpen(openMessage(parameters)), now);
    this.#events.push({ kind: 'open', channel: record.channel });
    this.#deliverEarly(record, now);
  }

  /** RFC 8832 §6: on an unused stream of the peer's, an OPEN makes a channel; anywhere else it is turned down. */
  #handleOpen(streamId: number, { kind: _, ...open }: DcepOpen, now: number): void {
    if (this.#association!.state !== 'established') {
      this.stats.messagesDropped++; // too late: the association is shutting down
      return;
    }
    const nameBytes = utf8Length(open.label) + utf8Length(open.protocol);
    const isOurs = idBelongsTo(streamId, this.#role!);
    if (isOurs || streamId >= this.#ids.limit || this.#incomingNameBytes + nameBytes > MAX_INCOMING_NAME_BYTES) {
      this.stats.opensRefused++;
      this.#refuse(streamId, now);
      return;
    }
    const record = newChannelRecord({ ...open, negotiated: false }, this.#host);
    record.incomingNameBytes = nameBytes;
    this.#incomingNameBytes += nameBytes;
    this.#assign(record, streamId);
    this.#records.add(record);
    record.state = 'open';
    this.#sendDcep(record, encodeAck(), now);
    record.sendOptions = finalSendOptions(record.parameters); // the OPEN was the message to wait for
    this.#events.push({ kind: 'incoming', channel: record.channel });
    this.#deliverEarly(record, now);
  }

  #assign(record: ChannelRecord, id: number): void {
    this.#ids.take(id);
    this.#byStream.set(id, record);
    record.id = id;
  }

  #allocate(record: ChannelRecord): boolean {
    const id = this.#ids.next(this.#role!);
    if (id !== null) this.#assign(record, id);
    return id !== null;
  }

  // Messages

  #send(record: ChannelRecord, data: Uint8Array, isText: boolean, now: number): void {
    const association = this.#association;
    if (record.state !== 'open') throw new Error(`the channel is ${record.state}, not open`);
    if (association?.state !== 'established') throw new Error('the association is shutting down');
    const limit = this.#maxMessageSize;
    if (limit !== 0 && data.length > limit) {
      throw new RangeError(`a message of ${data.length} bytes is over the peer's limit of ${limit}`);
    }
    record.stats.messagesSent++;
    record.stats.bytesSent += data.length;
    if (data.length > 0) {
      record.backlog.addPayload(data.length);
      association.send(record.id!, isText ? PPID.string : PPID.binary, data, record.sendOptions, now);
    } else {
      // RFC 8831 §6.6: SCTP has no empty messages, so one zero byte stands for it.
      const ppid = isText ? PPID.stringEmpty : PPID.binaryEmpty;
      record.backlog.addOurs(1);
      association.send(record.id!, ppid, new Uint8Array(1), record.sendOptions, now);
    }
  }

  #sendDcep(record: ChannelRecord, message: Uint8Array, now: number): void {
    record.backlog.addOurs(message.length);
    this.#association!.send(record.id!, PPID.dcep, message, dcepSendOptions(record.parameters), now);
  }

  #handleSent(streamId: number, bytes: number): void {
    const record = this.#byStream.get(streamId);
    const payload = record?.backlog.sent(bytes) ?? 0;
    if (payload > 0) {
      this.#events.push({ kind: 'bufferedAmountDecreased', channel: record!.channel, bytes: payload });
    }
  }

  #handleMessage(streamId: number, ppid: number, data: Uint8Array, now: number): void {
    if (this.#strays.isRefused(streamId)) {
      this.stats.messagesDropped++;
      return;
    }
    const record = this.#byStream.get(streamId);
    if (ppid === PPID.dcep) this.#handleDcep(record, streamId, data, now);
    else if (record !== undefined) this.#handleData(record, ppid, data, now);
    else if (!this.#strays.keep(streamId, ppid, data)) this.#refuse(streamId, now);
  }

  #handleDcep(record: ChannelRecord | undefined, streamId: number, data: Uint8Array, now: number): void {
    const message = decodeDcep(data);
    if (message === null) {
      this.stats.malformed++;
      if (record === undefined) this.#refuse(streamId, now);
      else this.#fail(record, 'the peer sent a malformed DCEP message', now);
    } else if (message.kind === 'ack') {
      if (record !== undefined) this.#heardFrom(record); // on an unused stream it says nothing
    } else if (record === undefined) {
      this.#handleOpen(streamId, message, now);
    } else {
      this.stats.opensRefused++;
      this.#fail(record, 'the peer opened the channel a second time', now);
    }
  }

  #handleData(record: ChannelRecord, ppid: number, data: Uint8Array, now: number): void {
    if (record.state !== 'open') {
      this.stats.messagesDropped++; // a closing channel delivers nothing more (W3C, "receive messages")
      return;
    }
    this.#heardFrom(record);
    switch (ppid) {
      case PPID.string:
      case PPID.binary:
        this.#handleWhole(record, data, ppid === PPID.string, now);
        break;
      case PPID.stringEmpty:
      case PPID.binaryEmpty:
        this.#handleWhole(record, NO_BYTES, ppid === PPID.stringEmpty, now); // whatever its one byte is
        break;
      case PPID.stringPartial:
      case PPID.binaryPartial:
        this.#handlePiece(record, data, ppid === PPID.stringPartial, now);
        break;
      default:
        // RFC 8831 §6.6: the receiver of an unsupported PPID "SHOULD close the corresponding data channel".
        this.#fail(record, `the peer sent a message with unknown PPID ${ppid}`, now);
    }
  }

  #handleWhole(record: ChannelRecord, data: Uint8Array, isText: boolean, now: number): void {
    let message = data;
    if (record.partial !== null) {
      if (!record.partial.append(data, isText)) {
        this.#fail(record, PARTIAL_ERROR, now);
        return;
      }
      message = record.partial.finish();
      record.partial = null;
    }
    record.stats.messagesReceived++;
    record.stats.bytesReceived += message.length;
    this.#events.push({ kind: 'message', channel: record.channel, data: message, isText });
  }

  /** RFC 8831 §6.6: pieces belong to "reliable and ordered data channels"; anywhere else they would mix or get lost. */
  #handlePiece(record: ChannelRecord, data: Uint8Array, isText: boolean, now: number): void {
    const { ordered, maxRetransmits, maxPacketLifeTime } = record.parameters;
    const isAllowed = ordered && maxRetransmits === undefined && maxPacketLifeTime === undefined;
    record.partial ??= new PartialMessage(isText, MAX_PARTIAL_MESSAGE_SIZE);
    if (!isAllowed || !record.partial.append(data, isText)) this.#fail(record, PARTIAL_ERROR, now);
  }

  /** RFC 8832 §6: once "the DATA_CHANNEL_ACK message or any other message has been received", order may be given up. */
  #heardFrom(record: ChannelRecord): void {
    if (!record.parameters.ordered && !record.sendOptions.unordered) {
      record.sendOptions = finalSendOptions(record.parameters);
    }
  }

  #deliverEarly(record: ChannelRecord, now: number): void {
    for (const { ppid, data } of this.#strays.takeEarly(record.id!)) this.#handleData(record, ppid, data, now);
  }

  // Closing (RFC 8831 §6.7): each side resets its outgoing stream; the channel is closed when both are reset

  #close(record: ChannelRecord, now: number): void {
    if (record.state === 'connecting') this.#finish(record);
    else if (record.state === 'open') this.#beginClosing(record, now);
    this.#events.flush();
  }

  #beginClosing(record: ChannelRecord, now: number): void {
    record.state = 'closing';
    record.partial = null;
    this.#association!.resetStreams([record.id!], now);
  }

  /** The peer broke a rule on this channel. */
  #fail(record: ChannelRecord, error: string, now: number): void {
    if (record.state !== 'open') return;
    record.error = error;
    this.#beginClosing(record, now);
    this.#events.push({ kind: 'closing', channel: record.channel });
  }

  /** Turns down a stream that has no channel: the peer sees its channel close, if we have that stream to reset. */
  #refuse(streamId: number, now: number): void {
    this.#ids.take(streamId);
    this.#strays.refuse(streamId);
    if (streamId < this.#ids.limit) this.#association!.resetStreams([streamId], now);
  }

  /** A reset that names no stream is one of all streams (RFC 6525 §4.1). */
  #streamsInUse(): readonly number[] {
    return [...this.#byStream.keys(), ...this.#strays.streams];
  }

  #handleIncomingReset(streamId: number, now: number): void {
    const record = this.#byStream.get(streamId);
    if (record === undefined) {
      // The peer closes a channel that was never opened here, say a negotiated one: it still waits for our half.
      if (!this.#strays.isRefused(streamId)) this.#refuse(streamId, now);
      if (this.#strays.wasReset(streamId, 'incoming')) this.#ids.release(streamId);
      return;
    }
    record.incomingReset = true;
    if (record.state === 'open') {
      this.#beginClosing(record, now);
      this.#events.push({ kind: 'closing', channel: record.channel });
    }
    if (record.outgoingReset) this.#finish(record, record.error);
  }

  #handleOutgoingReset(streamId: number): void {
    const record = this.#byStream.get(streamId);
    if (record === undefined) {
      if (this.#strays.wasReset(streamId, 'outgoing')) this.#ids.release(streamId);
      return;
    }
    record.outgoingReset = true;
    if (record.state === 'open') {
      record.state = 'closing'; // the peer asked for it (RFC 6525 §4.2), which is its wish to close
      this.#events.push({ kind: 'closing', channel: record.channel });
    }
    if (record.incomingReset) this.#finish(record, record.error);
  }

  /** The peer cannot reset streams. The channel ends here; its stream goes on with its numbers and is not used again. */
  #handleResetFailed(streamId: number, message: string): void {
    const record = this.#byStream.get(streamId);
    if (record === undefined) return;
    this.#finish(record, record.error ?? message);
    this.#ids.take(streamId);
    this.#strays.refuse(streamId);
  }

  #finish(record: ChannelRecord, error?: string, cause?: number): void {
    record.state = 'closed';
    record.partial = null;
    this.#incomingNameBytes -= record.incomingNameBytes;
    this.#records.delete(record);
    if (record.id !== null) {
      this.#byStream.delete(record.id);
      this.#ids.release(record.id);
    }
    this.#events.push({
      kind: 'closed',
      channel: record.channel,
      ...(error !== undefined && { error }),
      ...(cause !== undefined && { cause }),
    });
  }

  #finishAll(error?: string, cause?: number): void {
    for (const record of this.#records) this.#finish(record, record.error ?? error, cause);
    for (const streamId of this.#strays.clear()) this.#ids.release(streamId);
  }
}

const NO_BYTES = new Uint8Array(0);
const PARTIAL_ERROR = 'the peer sent pieces of a message that do not belong together, or too many';
