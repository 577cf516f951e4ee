/** What a data channel is, and what this layer asks of the SCTP association below it (RFC 8831, RFC 8832). */

/** How a channel was asked for (RFC 8831 §6.4). All of it is fixed once the channel exists. */
export interface ChannelParameters {
  /** Any text, at most 65,535 bytes of UTF-8 (RFC 8832 §5.1). */
  readonly label: string;
  /** A WebSocket subprotocol name, or empty. At most 65,535 bytes of UTF-8. */
  readonly protocol: string;
  /** False: messages may overtake each other. */
  readonly ordered: boolean;
  /** Retransmissions before a message is given up; 0 sends once. Not together with `maxPacketLifeTime`. */
  readonly maxRetransmits?: number | undefined;
  /** Milliseconds before a message is given up. Not together with `maxRetransmits`. */
  readonly maxPacketLifeTime?: number | undefined;
  /** True: both applications open the channel under the same `id`, and nothing is said in-band (RFC 8831 §6.5). */
  readonly negotiated: boolean;
  /** The stream of a negotiated channel, 0 to 65,534. An in-band channel is given one. */
  readonly id?: number | undefined;
  /** Weight against other channels; 128, 256 (the default), 512 or 1024 (RFC 8831 §6.4). */
  readonly priority?: number | undefined;
}

/** The states of RTCDataChannelState. */
export type ChannelState = 'connecting' | 'open' | 'closing' | 'closed';

export interface ChannelStats {
  readonly messagesSent: number;
  readonly bytesSent: number;
  readonly messagesReceived: number;
  readonly bytesReceived: number;
}

/** Which side of the DTLS handshake we are: the client takes even stream ids, the server odd ones (RFC 8832 §6). */
export type DtlsRole = 'client' | 'server';

/** How one message is to be sent. */
export interface AssociationSendOptions {
  readonly unordered?: boolean | undefined;
  readonly maxRetransmits?: number | undefined;
  readonly lifetimeMs?: number | undefined;
  readonly priority?: number | undefined;
}

/**
 * The part of an SCTP association that channels stand on; `SctpAssociation` has it.
 *
 * Messages of one stream leave in the order they were given, and `resetStreams` takes effect after those already queued
 * (RFC 6525 §5.1.2). An association may report events while one of these methods runs or after it: both are fine here.
 */
export interface ChannelAssociation {
  /** `'established'` once user data flows; anything else is read as "not yet" or "no more". */
  readonly state: string;
  /** Streams we may send on and receive on. Asked only once established. */
  readonly maxOutboundStreams: number;
  readonly maxInboundStreams: number;
  /** Queues one message; takes ownership of `data`, which has at least one byte. */
  send(streamId: number, ppid: number, data: Uint8Array, options: AssociationSendOptions, now: number): void;
  resetStreams(streamIds: readonly number[], now: number): void;
}

/** What the association reports, as far as channels are concerned. */
export type AssociationEvent =
  | { readonly kind: 'connected' }
  | {
      readonly kind: 'message';
      readonly streamId: number;
      readonly ppid: number;
      readonly data: Uint8Array;
      readonly unordered: boolean;
    }
  | {
      readonly kind: 'streamsReset';
      readonly streamIds: readonly number[];
      readonly direction: 'incoming' | 'outgoing';
    }
  /** `resetStreams` will never be performed. */
  | { readonly kind: 'streamsResetFailed'; readonly streamIds: readonly number[]; readonly message: string }
  | { readonly kind: 'bufferedAmountDecreased'; readonly streamId: number; readonly bytes: number }
  /** The peer began a new association in place of this one (RFC 9260 §5.2.4 A); none of our channels exists there. */
  | { readonly kind: 'restarted' }
  | {
      readonly kind: 'closed';
      readonly reason: 'shutdown' | 'aborted' | 'failed';
      readonly message: string;
      readonly cause?: number | undefined;
    };
