/** Two associations on a virtual clock, and the network between them. */
import { SctpAssociation, type SctpEvent, type SctpOptions } from '../../../src/sctp/index.ts';
import { Link, type LinkConditions } from './link.ts';
import { SeededRandom } from './random.ts';

export type Message = Extract<SctpEvent, { kind: 'message' }>;

/** Turns a machine may take without time going by, before it counts as a hot loop. */
const MAX_TURNS_AT_ONCE = 20_000;

export class Peer {
  readonly association: SctpAssociation;
  readonly link: Link;
  readonly events: SctpEvent[] = [];
  readonly messages: Message[] = [];
  /** Where what this peer sends goes. */
  now = 0;
  onEvent: ((event: SctpEvent) => void) | undefined;

  constructor(seed: number, options: Partial<SctpOptions>, link: Link) {
    this.link = link;
    const { headroom = 0, tailroom = 0 } = options;
    this.association = new SctpAssociation(
      { random: new SeededRandom(seed), ...options },
      {
        transmit: (packet) => this.link.send(packet.subarray(headroom, packet.length - tailroom), this.now),
        event: (event) => {
          this.events.push(event);
          if (event.kind === 'message') this.messages.push(event);
          this.onEvent?.(event);
        },
      },
    );
  }

  /** Messages so far as text, each with its stream: `1:hello`. */
  get texts(): string[] {
    return this.messages.map(({ streamId, data }) => `${streamId}:${new TextDecoder().decode(data)}`);
  }

  kinds(kind: SctpEvent['kind']): SctpEvent[] {
    return this.events.filter((event) => event.kind === kind);
  }
}

export type PairOptions = {
  seed?: number;
  a?: Partial<SctpOptions>;
  b?: Partial<SctpOptions>;
  link?: LinkConditions;
  aToB?: LinkConditions;
  bToA?: LinkConditions;
};

export class Pair {
  readonly a: Peer;
  readonly b: Peer;
  now = 0;
  /** The machine's timers that made it wake up, counted. */
  readonly wakeUps: Map<string, number> = new Map();

  constructor({ seed = 1, a = {}, b = {}, link = {}, aToB, bToA }: PairOptions = {}) {
    this.a = new Peer(4 * seed, a, new Link(4 * seed + 1, { ...link, ...aToB }));
    this.b = new Peer(4 * seed + 2, b, new Link(4 * seed + 3, { ...link, ...bToA }));
  }

  /** Both ends call connect, as in WebRTC, and time goes by until both are connected. */
  connect(): this {
    this.a.association.connect(this.now);
    this.b.association.connect(this.now);
    this.runUntil(() => this.a.association.state === 'established' && this.b.association.state === 'established');
    return this;
  }

  send(
    from: Peer,
    streamId: number,
    data: Uint8Array | string,
    options: Parameters<SctpAssociation['send']>[3] = {},
  ): void {
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
    from.association.send(streamId, 51, bytes, options, this.now);
  }

  /** Lets time go by: `ms` of it, whatever happens. */
  run(ms: number): this {
    const end = this.now + ms;
    for (;;) {
      const next = this.#next();
      if (next > end) break;
      this.#step(next);
    }
    this.now = this.a.now = this.b.now = end;
    return this;
  }

  /** Lets time go by until the condition holds. Throws when nothing is left to happen, or after `limitMs`. */
  runUntil(condition: () => boolean, limitMs = 600_000): this {
    const end = this.now + limitMs;
    while (!condition()) {
      const next = this.#next();
      if (next > end) throw new Error(`not reached after ${limitMs} ms; next is ${next}, now ${this.now}`);
      this.#step(next);
    }
    return this;
  }

  #next(): number {
    return Math.max(
      this.now,
      Math.min(this.a.link.next, this.b.link.next, this.a.association.nextTimeout, this.b.association.nextTimeout),
    );
  }

  #turns = 0;

  #step(at: number): void {
    if (at === this.now && ++this.#turns > MAX_TURNS_AT_ONCE) throw new Error(`hot loop at ${at}`);
    if (at !== this.now) this.#turns = 0;
    this.now = this.a.now = this.b.now = at;
    this.#turn(this.a, this.b);
    this.#turn(this.b, this.a);
  }

  /** One peer takes all that has arrived, then does what is due. */
  #turn(peer: Peer, other: Peer): void {
    for (let packet = other.link.receive(this.now); packet !== undefined; packet = other.link.receive(this.now)) {
      peer.association.handlePacket(packet, this.now);
    }
    const { association } = peer;
    if (association.nextTimeout > this.now) return;
    const reason = association.nextTimeoutReason!;
    this.wakeUps.set(reason, (this.wakeUps.get(reason) ?? 0) + 1);
    association.handleTimeout(this.now);
    if (association.nextTimeout <= this.now) {
      throw new Error(`${association.nextTimeoutReason} is due again right after handleTimeout`);
    }
  }
}

/** Bytes that tell their position: `length` of them, beginning with `first`. */
export function pattern(length: number, first = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (first + i * 7 + (i >> 8)) & 0xff;
  return bytes;
}
