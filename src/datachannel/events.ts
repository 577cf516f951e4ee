/** What `DataChannels` is told when it is made, and what it tells back. */
import type { Channel } from './channel.ts';

/** What happens to channels. Delivered once the state is settled: a handler may call back in. */
export type ChannelEvent =
  /** The peer opened a channel. It is open already: no `open` follows. */
  | { readonly kind: 'incoming'; readonly channel: Channel }
  /** A channel opened here may now send. */
  | { readonly kind: 'open'; readonly channel: Channel }
  /** `data` may be a view of a datagram: copy it to keep it for long. */
  | { readonly kind: 'message'; readonly channel: Channel; readonly data: Uint8Array; readonly isText: boolean }
  /** Bytes of payload handed to the network for the first time, or given up. */
  | { readonly kind: 'bufferedAmountDecreased'; readonly channel: Channel; readonly bytes: number }
  /** The peer began to close the channel, or broke its rules. Not reported for `Channel.close`. */
  | { readonly kind: 'closing'; readonly channel: Channel }
  /** The end. `error` is there when it was not an orderly one, `cause` when SCTP gave a code (RFC 9260 §3.3.10). */
  | { readonly kind: 'closed'; readonly channel: Channel; readonly error?: string; readonly cause?: number };

export interface DataChannelsSink {
  event(event: ChannelEvent): void;
}

export interface DataChannelsOptions {
  /** The largest message the peer takes, in bytes; 0 for no limit. From its `a=max-message-size` (RFC 8841 §6). */
  readonly maxMessageSize?: number;
}

/** What came in and went nowhere. Plain counters. */
export interface DataChannelsStats {
  /** OPENs that broke a rule: a used stream, the wrong parity, no room. */
  opensRefused: number;
  /** DCEP messages that are not well formed. */
  malformed: number;
  /** Messages for channels that are closing, and for streams that were refused. */
  messagesDropped: number;
}
