/** All data channels of one association: who has which stream, DCEP, and the closing handshake (RFC 8831, RFC 8832). */
import type { Channel } from './channel.ts';
import type { AssociationEvent, ChannelAssociation, ChannelParameters, DtlsRole } from './types.ts';

/** What happens to channels. Delivered once the state is settled: a handler may call back in. */
export type ChannelEvent =
  /** The peer opened a channel. It is open already: no `open` follows. */
  | { readonly kind: 'incoming'; readonly channel: Channel }
  /** A channel opened here may now send. */
  | { readonly kind: 'open'; readonly channel: Channel }
  | { readonly kind: 'message'; readonly channel: Channel; readonly data: Uint8Array; readonly isText: boolean }
  | { readonly kind: 'bufferedAmountDecreased'; readonly channel: Channel; readonly bytes: number }
  /** The peer began to close the channel. Not reported for `Channel.close`. */
  | { readonly kind: 'closing'; readonly channel: Channel }
  /** The end. `error` is there when it was not an orderly one. */
  | { readonly kind: 'closed'; readonly channel: Channel; readonly error?: string };

export interface DataChannelsOptions {
  /** The largest message the peer takes, in bytes; 0 for no limit. From its `a=max-message-size` (RFC 8841 §6). */
  readonly maxMessageSize?: number;
}

export interface DataChannelsSink {
  event(event: ChannelEvent): void;
}

export class DataChannels {
  constructor(_options: DataChannelsOptions, _sink: DataChannelsSink) {
    throw new Error('under construction');
  }

  /** Every channel that is not closed. */
  get channels(): Iterable<Channel> {
    return [];
  }

  get maxMessageSize(): number {
    return 0;
  }

  /** The largest message the peer takes, in bytes; 0 for no limit. Each answer may say anew. */
  set maxMessageSize(_bytes: number) {}

  /**
   * Opens a channel, at any time. In-band, its id comes with the role and it opens with the association.
   * @throws TypeError for parameters that contradict each other
   * @throws RangeError for an id in use or out of range, and when no id is left
   */
  open(_parameters: ChannelParameters, _now: number): Channel {
    throw new Error('under construction');
  }

  /** The DTLS role became known (with the answer): waiting channels get their ids. Once; the role does not change. */
  setRole(_dtlsRole: DtlsRole, _now: number): void {}

  /** The association was made; `setRole` too, if that has not been called. */
  attach(_association: ChannelAssociation, _dtlsRole: DtlsRole, _now: number): void {}

  /** Takes every event of the association. */
  handleSctpEvent(_event: AssociationEvent, _now: number): void {}

  /** Ends all channels at once, without a handshake: the association is gone or was never made. */
  closeAll(_now: number, _error?: string): void {}
}
