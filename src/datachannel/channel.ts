/** One data channel: its state, its counters, and the two things an application does with it (RFC 8831 §6). */
import { Backlog } from './backlog.ts';
import { orderedSendOptions } from './parameters.ts';
import type { PartialMessage } from './partial-message.ts';
import type { AssociationSendOptions, ChannelParameters, ChannelState, ChannelStats } from './types.ts';

/** All there is to know about a channel. `DataChannels` writes it, `Channel` shows it. */
export interface ChannelRecord {
  readonly channel: Channel;
  readonly parameters: ChannelParameters;
  readonly backlog: Backlog;
  readonly stats: { -readonly [Counter in keyof ChannelStats]: number };
  id: number | null;
  state: ChannelState;
  /** How the next message is to be sent; changes once, when an unordered channel may overtake its OPEN. */
  sendOptions: AssociationSendOptions;
  /** Each side's half of the closing handshake. */
  outgoingReset: boolean;
  incomingReset: boolean;
  /** Why the channel is closing, when it is not an orderly end. */
  error: string | undefined;
  /** A message arriving in the deprecated pieces. */
  partial: PartialMessage | null;
  /** What its names count against the bound for channels opened by the peer. */
  incomingNameBytes: number;
}

/** What a channel asks of the `DataChannels` that made it. */
export interface ChannelHost {
  send(record: ChannelRecord, data: Uint8Array, isText: boolean, now: number): void;
  close(record: ChannelRecord, now: number): void;
}

/** A data channel. Made by `DataChannels`, never by hand. */
export class Channel {
  readonly #record: ChannelRecord;
  readonly #host: ChannelHost;

  constructor(record: ChannelRecord, host: ChannelHost) {
    this.#record = record;
    this.#host = host;
  }

  get parameters(): ChannelParameters {
    return this.#record.parameters;
  }

  /** The stream id; `null` until the DTLS role is known, which decides it for channels opened in-band. */
  get id(): number | null {
    return this.#record.id;
  }

  get state(): ChannelState {
    return this.#record.state;
  }

  /** Bytes of payload given to `send` and not yet handed to the network for the first time. */
  get bufferedAmount(): number {
    return this.#record.backlog.payload;
  }

  get stats(): ChannelStats {
    return { ...this.#record.stats };
  }

  /**
   * Sends one message. `data` is the UTF-8 of a text or the bytes themselves, may be empty, and is taken over: the
   * caller copies what it wants to keep.
   * @throws Error when the channel is not open
   * @throws RangeError when it is larger than the peer takes (`DataChannels.maxMessageSize`)
   */
  send(data: Uint8Array, isText: boolean, now: number): void {
    this.#host.send(this.#record, data, isText, now);
  }

  /** Starts the closing handshake: what is queued still goes out first. A second call does nothing. */
  close(now: number): void {
    this.#host.close(this.#record, now);
  }
}

export function newChannelRecord(parameters: ChannelParameters, host: ChannelHost): ChannelRecord {
  const record: Omit<ChannelRecord, 'channel'> & { channel?: Channel } = {
    parameters,
    backlog: new Backlog(),
    stats: { messagesSent: 0, bytesSent: 0, messagesReceived: 0, bytesReceived: 0 },
    id: null,
    state: 'connecting',
    sendOptions: orderedSendOptions(parameters),
    outgoingReset: false,
    incomingReset: false,
    error: undefined,
    partial: null,
    incomingNameBytes: 0,
  };
  const complete = record as ChannelRecord;
  record.channel = new Channel(complete, host);
  return complete;
}
