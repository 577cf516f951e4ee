/** `npm start`: serves the page and is the WebRTC peer of every tab that opens it. */
import process from 'node:process';
import { createInterface } from 'node:readline';
import { megabytes, speed } from './format.ts';
import { PagePeer } from './page-peer.ts';
import { SignalingServer, type SignalingSession } from './signaling-server.ts';

export type DemoOptions = {
  readonly port: number;
  readonly print: (line: string) => void;
  /** Lines typed at the terminal are said to every tab. */
  readonly terminal: boolean;
};

const US = `Node ${process.version}`;

/** Runs until `close` is called. */
export class Demo {
  readonly #options: DemoOptions;
  readonly #peers = new Map<SignalingSession, PagePeer>();
  #server: SignalingServer | null = null;
  #terminal: ReturnType<typeof createInterface> | null = null;

  constructor(options: DemoOptions) {
    this.#options = options;
  }

  /** Resolves with the page's URL. */
  async start(): Promise<string> {
    this.#server = await SignalingServer.start(this.#options.port, {
      opened: (session) => this.#peers.set(session, this.#makePeer(session)),
      message: (session, message) => void this.#peers.get(session)?.signal(message),
      closed: (session) => this.#peers.get(session)?.close('the tab is gone'),
    });
    if (this.#options.terminal) {
      this.#terminal = createInterface({ input: process.stdin });
      this.#terminal.on('line', (text) => {
        if (text.trim() !== '') this.#tellAll(US, text.trim());
      });
    }
    return this.#server.url;
  }

  async close(): Promise<void> {
    for (const peer of [...this.#peers.values()]) peer.close('the demonstration ends');
    this.#terminal?.close();
    await this.#server?.close();
  }

  #makePeer(session: SignalingSession): PagePeer {
    const { print } = this.#options;
    return new PagePeer(session, {
      opened: (peer) => {
        print(`${peer.name} is open after ${peer.timeline.openMs?.toFixed(1) ?? '?'} ms`);
        for (const line of peer.timeline.draw()) print(`  ${line}`);
        peer.showTimeline();
        peer.say(US, `Hello ${peer.name}. This came over a WebRTC data channel, in plain TypeScript.`);
        this.#tellAll(US, `${peer.name} has come.`, peer);
      },
      said: (peer, text) => this.#said(peer, text),
      measured: (peer) => {
        if (!process.stdout.isTTY || !this.#options.terminal) return;
        const { received, delivered } = peer.rates;
        process.stdout.write(`\r\u001B[K${peer.name}: from it ${speed(received)}, to it ${speed(delivered)}\r`);
      },
      closed: (peer, reason) => {
        this.#peers.delete(session);
        const { sent, received } = peer.totals;
        print(`${peer.name} closed: ${reason} (sent ${megabytes(sent)}, received ${megabytes(received)})`);
        this.#tellAll(US, `${peer.name} has left.`);
      },
    });
  }

  #said(peer: PagePeer, text: string): void {
    this.#options.print(`${peer.name}: ${text}`);
    this.#tellAll(peer.name, text, peer);
    // Alone with the peer, a visitor still gets an answer.
    if (this.#peers.size === 1) {
      const length = [...text].length;
      peer.say(US, `I read you: “${text}”, ${length} ${length === 1 ? 'character' : 'characters'}.`);
    }
  }

  #tellAll(from: string, text: string, except?: PagePeer): void {
    for (const peer of this.#peers.values()) if (peer !== except) peer.say(from, text);
  }
}
