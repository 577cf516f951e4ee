/** A WebSocket with the differences between platforms taken out: it opens at most once and ends at most once. */
import type { SignalingPlatform, WebSocketEvent, WebSocketLike } from './platform.ts';

/** How long a close may take before the connection is dropped. */
const CLOSE_TIMEOUT_MS = 1_000;

export interface TrackerSocketHandler {
  open(): void;
  message(data: string | Uint8Array): void;
  /** @param code of the close frame, or `null` */
  end(code: number | null, reason: string): void;
}

type CloseLike = Event & { readonly code?: number; readonly reason?: string };
type ErrorLike = Event & { readonly message?: string; readonly error?: { readonly message?: string } };

const LISTENED = ['open', 'message', 'close', 'error'] as const;

export class TrackerSocket {
  readonly #platform: SignalingPlatform;
  #handler: TrackerSocketHandler | null;
  #socket: WebSocketLike | null = null;
  #isOpen = false;
  readonly #listeners: Record<WebSocketEvent, (event: Event) => void> = {
    open: () => {
      this.#isOpen = true;
      this.#handler?.open();
    },
    message: (event) => {
      const { data } = event as MessageEvent<unknown>;
      if (typeof data === 'string') this.#handler?.message(data);
      else if (data instanceof ArrayBuffer) this.#handler?.message(new Uint8Array(data));
    },
    // Deno says code 0 where others say 1006: there was no close frame.
    close: (event) => {
      const { code, reason } = event as CloseLike;
      this.#end(code || null, reason || 'the connection was closed');
    },
    error: (event) => {
      const { message, error } = event as ErrorLike;
      // Node 22 tells of a connection that could not be had by this alone: no `close` follows.
      if (!this.#isOpen) this.#end(null, error?.message || message || 'no connection');
    },
  };

  constructor(url: string, platform: SignalingPlatform, handler: TrackerSocketHandler) {
    this.#platform = platform;
    this.#handler = handler;
    this.#connect(url).catch((error: unknown) => this.#end(null, String(error)));
  }

  send(text: string): void {
    try {
      this.#socket?.send(text);
    } catch {
      // It is closing: its end is on the way.
    }
  }

  /** Lets go at once; nothing more is heard. */
  drop(): void {
    this.#handler = null;
    this.#end(null, '');
  }

  /** Lets what was sent arrive first, for a second at most. */
  async close(): Promise<void> {
    const socket = this.#socket;
    this.#handler = null;
    if (socket === null || !this.#isOpen) return this.drop();
    await new Promise<void>((resolve) => {
      const timer = this.#platform.setTimer(resolve, CLOSE_TIMEOUT_MS);
      socket.addEventListener('close', () => {
        this.#platform.clearTimer(timer);
        resolve();
      });
      socket.close(1000);
    });
    this.drop();
  }

  async #connect(url: string): Promise<void> {
    const opened = this.#platform.openWebSocket(url);
    // Without waiting where there is nothing to wait for: else its first events would be missed.
    const socket = 'then' in opened ? await opened : opened;
    if (this.#handler === null) return discard(socket);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    for (const type of LISTENED) socket.addEventListener(type, this.#listeners[type]);
  }

  #end(code: number | null, reason: string): void {
    const [socket, handler] = [this.#socket, this.#handler];
    this.#socket = null;
    this.#handler = null;
    if (socket !== null) {
      for (const type of LISTENED) socket.removeEventListener(type, this.#listeners[type]);
      discard(socket);
    }
    handler?.end(code, reason);
  }
}

/** Ends a socket nobody listens to. `ws` would throw an `error` that has no listener. */
function discard(socket: WebSocketLike): void {
  socket.addEventListener('error', ignore);
  try {
    if (socket.terminate !== undefined) socket.terminate();
    else socket.close();
  } catch {
    // Not all of them may be closed in every state.
  }
}

function ignore(): void {}
