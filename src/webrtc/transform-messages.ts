/** What goes between an RTCRtpScriptTransform here and its RTCRtpScriptTransformer in a worker, over a port of their own. */
import type { FrameRecord } from './encoded-frame.ts';

/** Marks the one message that goes to the worker itself; the door `purertc/worker` takes it out of the way. */
const MARK = 'purertc.rtctransform';

/** There is a new transform; its port and its options. */
export type Announcement = { readonly [MARK]: true; readonly port: MessagePort; readonly options: unknown };

export type ToWorker =
  | { readonly kind: 'frame'; readonly record: FrameRecord }
  /** The peer wants a key frame: sent only to those who listen. */
  | { readonly kind: 'keyFrameRequest'; readonly rid: string | null }
  /** `timestamp` is that of the key frame that was asked for. */
  | {
      readonly kind: 'settled';
      readonly id: number;
      readonly error: ErrorRecord | null;
      readonly timestamp: number | undefined;
    }
  | { readonly kind: 'end' };

export type FromWorker =
  /** A frame has been read. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'frame'; readonly counter: number; readonly data: ArrayBuffer }
  | { readonly kind: 'ignored' }
  /** The stream that frames are written to is in error. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'listensForKeyFrameRequests' }
  /** Without an id, nobody waits for it. */
  | { readonly kind: 'generateKeyFrame'; readonly id: number | null; readonly rid: string | null }
  | { readonly kind: 'sendKeyFrameRequest'; readonly id: number };

/** DOMException cannot be posted everywhere. */
export type ErrorRecord = { readonly name: string; readonly message: string };

export function announcement(port: MessagePort, options: unknown): Announcement {
  return { [MARK]: true, port, options };
}

export function isAnnouncement(data: unknown): data is Announcement {
  return typeof data === 'object' && data !== null && MARK in data;
}
