/** One data channel: its state, its two counters of bytes, and its way through opening and closing (RFC 8831 §6). */
import type { ChannelParameters, ChannelState, ChannelStats } from './types.ts';

/** What a channel may ask of the `DataChannels` that made it. */
export interface ChannelHost {
  send(channel: Channel, data: Uint8Array, isText: boolean, now: number): void;
  close(channel: Channel, now: number): void;
}

/** A data channel. Made by `DataChannels`, never by hand. */
export class Channel {
  readonly parameters: ChannelParameters;
  readonly #host: ChannelHost;

  constructor(host: ChannelHost, parameters: ChannelParameters) {
    this.#host = host;
    this.parameters = parameters;
  }

  /** The stream id; `null` until the DTLS role is known, which decides it for channels opened in-band. */
  get id(): number | null {
    return null;
  }

  get state(): ChannelState {
    return 'connecting';
  }

  /** Bytes of payload given to `send` and not yet handed to the network for the first time. */
  get bufferedAmount(): number {
    return 0;
  }

  get stats(): ChannelStats {
    return { messagesSent: 0, bytesSent: 0, messagesReceived: 0, bytesReceived: 0 };
  }

  /**
   * Sends one message. `data` is the UTF-8 of a text or the bytes themselves, may be empty, and is taken over: the
   * caller copies what it wants to keep.
   * @throws RangeError when it is larger than the peer takes (`DataChannels.maxMessageSize`)
   * @throws Error when the channel is not open
   */
  send(data: Uint8Array, isText: boolean, now: number): void {
    this.#host.send(this, data, isText, now);
  }

  /** Starts the closing handshake: what is queued still goes out first. A second call does nothing. */
  close(now: number): void {
    this.#host.close(this, now);
  }
}
