/**
 * Ports between a `BusHub` and its workers: a worker thread's messages, a MessagePort, or the channel between a
 * `node:cluster` primary and a worker process. Other traffic on them is left alone.
 */
import { Buffer } from 'node:buffer';

/** What travels on a port: requests of a worker, and the messages it subscribed to. */
export type PortMessage =
  | { readonly bus: 'publish' | 'message'; readonly subject: string; readonly bytes: Uint8Array }
  | { readonly bus: 'subscribe' | 'unsubscribe'; readonly subject: string };

export interface BusPort {
  /** Best effort: a closed port takes nothing and does not throw. */
  post(message: PortMessage): void;
  /** Calls `receive` with what the other end posts and `closed` once when there will be no more. Returns how to stop. */
  listen(receive: (message: PortMessage) => void, closed: () => void): () => void;
}

type Listener = (...values: unknown[]) => void;
type Emitter = { on(event: string, listener: Listener): unknown; off(event: string, listener: Listener): unknown };

/** What is used of `Worker`, `MessagePort` and `parentPort` of `node:worker_threads`. */
export type ThreadPort = Emitter & { postMessage(message: unknown): void };
/** What is used of `process` in a worker of `node:cluster` and of `cluster.Worker` in its primary. */
export type ProcessPort = Emitter & {
  send?: ((message: never, ...rest: never[]) => boolean) | undefined;
  isConnected?(): boolean;
  readonly connected?: boolean;
};

/** A port over `node:worker_threads`: `worker` in the main thread, `parentPort` in the worker. */
export function threadPort(thread: ThreadPort): BusPort {
  return {
    post: (message) => thread.postMessage(message),
    listen: (receive, closed) =>
      listen(thread, ['close', 'exit'], closed, (message) => {
        if (isPortMessage(message)) receive(message);
      }),
  };
}

/** A port over the channel of `node:cluster`: a `cluster.Worker` in the primary, `process` in the worker. */
export function processPort(peer: ProcessPort): BusPort {
  return {
    // The channel speaks JSON unless told otherwise, so that bytes travel as base64.
    post: (message) => {
      if (!(peer.isConnected?.() ?? peer.connected)) return;
      const plain = 'bytes' in message ? { ...message, bytes: Buffer.from(message.bytes).toString('base64') } : message;
      // With a callback a channel that has broken, and not said so yet, is no 'error' event: 'disconnect' follows.
      peer.send?.(plain as never, ignore as never);
    },
    listen: (receive, closed) =>
      listen(peer, ['disconnect', 'exit'], closed, (value) => {
        const message = value as { bytes?: unknown } | null;
        const decoded =
          typeof message?.bytes === 'string' ? { ...message, bytes: Buffer.from(message.bytes, 'base64') } : message;
        if (isPortMessage(decoded)) receive(decoded);
      }),
  };
}

function ignore(): void {}

function listen(
  emitter: Emitter,
  ends: readonly string[],
  closed: () => void,
  receive: (value: unknown) => void,
): () => void {
  const stop = (): void => {
    emitter.off('message', receive);
    for (const event of ends) emitter.off(event, end);
  };
  const end = (): void => {
    stop();
    closed();
  };
  emitter.on('message', receive);
  for (const event of ends) emitter.on(event, end);
  return stop;
}

function isPortMessage(value: unknown): value is PortMessage {
  if (typeof value !== 'object' || value === null) return false;
  const { bus, subject, bytes } = value as Record<string, unknown>;
  if (typeof subject !== 'string') return false;
  if (bus === 'subscribe' || bus === 'unsubscribe') return true;
  return (bus === 'publish' || bus === 'message') && bytes instanceof Uint8Array;
}
