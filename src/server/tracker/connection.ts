/** What carries messages to one visitor. An adapter makes one for each WebSocket. */
export interface TrackerConnection {
  /** Sends one text frame. Never throws; what can no longer be sent is dropped. */
  send(text: string): void;
  /** Bytes given to `send` that have not left yet. */
  bufferedAmount(): number;
  /** Ends the connection politely (RFC 6455 §7). */
  close(code: number, reason: string): void;
  /** Ends it at once. */
  terminate(): void;
  /** Sends a ping; the adapter calls `session.heard` for the pong. Without it silence is no reason to hang up. */
  ping?(): void;
  /** The visitor's address, an IP literal: behind a proxy, the one it forwards. */
  readonly ip: string;
  /** The `Origin` header: the web page that connects. */
  readonly origin: string | null;
  /** Path and query of the upgrade request. */
  readonly url: string;
}
