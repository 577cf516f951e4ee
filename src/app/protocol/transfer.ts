/** What sending and receiving a file have in common, and where the bytes come from and go to. */
import type { Message, RefusalReason, WithdrawalReason } from './messages.ts';

/** A file to send. In a page a `Blob`, in a terminal a file handle. */
export type FileSource = {
  /** Cleaned before it is sent: a path is fine. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** `image/png`; empty when nobody knows. */
  readonly mediaType?: string;
  /** Exactly these bytes; anything else ends the transfer as `failed`, as an error does. */
  read(offset: number, length: number): Promise<Uint8Array>;
};

/** Where a received file goes. One call at a time; the bytes of a call are the sink's until its promise is settled. */
export type FileSink = {
  write(bytes: Uint8Array): void | Promise<void>;
  /** Everything is written and its SHA-256 is right. Only now is the file one. */
  close(): void | Promise<void>;
  /** It will not be complete: take back what was written. */
  abort(): void | Promise<void>;
};

/**
 * `offered`: waits for the receiver's word. `active`: bytes flow, or are being checked. `complete`: the receiver has all
 * of it and its SHA-256 is right. `ended`: it never will; `reason` says why.
 */
export type TransferState = 'offered' | 'active' | 'complete' | 'ended';

/** `left`: the connection ended. */
export type EndReason = RefusalReason | WithdrawalReason | 'left';

/** What an application shows of a transfer. */
export type Transfer = {
  readonly direction: 'outgoing' | 'incoming';
  /** The sender's number for it. */
  readonly id: number;
  /** `id` of the peer it comes from or goes to. */
  readonly peerId: string;
  readonly name: string;
  readonly size: number;
  readonly mediaType: string;
  readonly state: TransferState;
  readonly reason: EndReason | null;
  /** Bytes that the receiver has written. */
  readonly bytes: number;
  /** Hexadecimal, once all bytes went through it. */
  readonly sha256: string | null;
  /** Ends it, from either side; nothing when it has ended. */
  cancel(): void;
};

/** How a transfer reaches the peer and tells its owner that it changed. */
export type TransferPort = {
  readonly peerId: string;
  send(message: Message): void;
  changed(): void;
};
