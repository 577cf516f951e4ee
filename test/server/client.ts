/** A WebSocket client for tests of the adapters: what comes is kept until somebody asks. */
import { WebSocket } from 'ws';
import { parseServerMessage, type ServerMessage } from '../../src/signaling/wire.ts';
import { id, ROOM } from './world.ts';

export class Client {
  readonly socket: WebSocket;
  readonly #texts: string[] = [];
  readonly #waiting: ((text: string) => void)[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly peerId: string;

  constructor(
    url: string,
    { name = 'peer', ...options }: { name?: string; headers?: Record<string, string>; ca?: string } = {},
  ) {
    this.peerId = id(name);
    this.socket = new WebSocket(url, options);
    this.socket.on('message', (data: Buffer) => {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#texts.push(data.toString());
      else waiting(data.toString());
    });
    this.opened = new Promise((resolve, reject) => {
      this.socket.on('open', resolve);
      this.socket.on('error', reject);
    });
    this.opened.catch(() => {});
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  announce(fields: Record<string, unknown> = {}): void {
    const announce = { action: 'announce', info_hash: ROOM, peer_id: this.peerId, numwant: 5, left: 1, ...fields };
    this.socket.send(JSON.stringify(announce));
  }

  offer(...names: string[]): void {
    const offers = names.map((name) => ({ offer_id: id(name), offer: { type: 'offer', sdp: `sdp ${name}` } }));
    this.announce({ offers });
  }

  answer(name: string): void {
    const answer = { type: 'answer', sdp: `answer ${name}` };
    const ids = { info_hash: ROOM, peer_id: this.peerId, to_peer_id: id('whoever'), offer_id: id(name) };
    this.socket.send(JSON.stringify({ action: 'announce', ...ids, answer }));
  }

  /** The next message. */
  async next(): Promise<ServerMessage> {
    const text = this.#texts.shift() ?? (await new Promise<string>((resolve) => this.#waiting.push(resolve)));
    return parseServerMessage(text);
  }
}

/** Two members meet: an announce, its response, an offer and its answer. */
export async function meet(url: string, options: { ca?: string } = {}): Promise<void> {
  const [alice, bob] = [new Client(url, { name: 'alice', ...options }), new Client(url, { name: 'bob', ...options })];
  await Promise.all([alice.opened, bob.opened]);
  try {
    alice.announce({ event: 'started' });
    expectKind(await alice.next(), 'response');
    bob.offer('o');
    expectKind(await bob.next(), 'response');
    expectKind(await alice.next(), 'offer');
    alice.answer('o');
    const answer = await bob.next();
    expectKind(answer, 'answer');
    if (answer.kind === 'answer' && answer.sdp !== 'answer o') throw new Error('the answer came out changed');
  } finally {
    alice.socket.close();
    bob.socket.close();
  }
  await Promise.all([alice.closed, bob.closed]);
}

function expectKind(message: ServerMessage, kind: ServerMessage['kind']): void {
  if (message.kind !== kind) throw new Error(`expected ${kind}, got ${JSON.stringify(message)}`);
}
