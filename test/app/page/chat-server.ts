/** `purertc serve` in this process: the built page and its tracker, on loopback. */
import { type Served, serve } from '../../../src/app/serve/serve.ts';

const PAGE = new URL('../../../dist/app/page/', import.meta.url);

export class ChatServer {
  readonly origin: string;
  readonly #served: Served;

  private constructor(served: Served) {
    this.origin = `http://localhost:${new URL(served.urls[0]!).port}`;
    this.#served = served;
  }

  static async start(): Promise<ChatServer> {
    return new ChatServer(await serve({ host: '127.0.0.1', port: 0, turn: false, pageDirectory: PAGE }));
  }

  close(): Promise<void> {
    return this.#served.close();
  }
}
