/** Two peers and the signaling between them, in this process: descriptions by hand, candidates trickled as they come. */
import { expect } from 'vitest';
import type { AgentEvent, ChannelInfo, MessageDigest, MessageSpec, PeerId } from './agent.mjs';
import type { Peer } from './peer.ts';

export type LinkOptions = {
  config?: RTCConfiguration;
  /** Candidates to hold back from the other side, by the side they come from. */
  withhold?: (from: 'offerer' | 'answerer', candidate: RTCIceCandidateInit) => boolean;
};

/** One peer connection at one peer. */
export class Side {
  readonly role: 'offerer' | 'answerer';
  readonly peer: Peer;
  readonly id: PeerId;
  /** Every candidate this side has trickled so far. */
  readonly candidates: RTCIceCandidateInit[] = [];
  /** Candidates for this side wait here until it has the description that they belong to. */
  #waiting: RTCIceCandidateInit[] | null = [];
  #adding: Promise<void> = Promise.resolve();

  constructor(role: 'offerer' | 'answerer', peer: Peer, id: PeerId) {
    this.role = role;
    this.peer = peer;
    this.id = id;
  }

  get agent(): Peer['agent'] {
    return this.peer.agent;
  }

  deliver(candidate: RTCIceCandidateInit): void {
    if (this.#waiting !== null) this.#waiting.push(candidate);
    else this.#adding = this.#adding.then(() => this.agent.addCandidate({ peer: this.id, candidate }));
  }

  holdCandidates(): void {
    this.#waiting ??= [];
  }

  async releaseCandidates(): Promise<void> {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const candidate of waiting) this.deliver(candidate);
    await this.#adding;
  }

  connected(): Promise<string> {
    return this.agent.waitState({ peer: this.id, name: 'connectionState', values: ['connected'] });
  }
}

/** A channel's two ends. */
export type ChannelPair = { near: End; far: End };
export type End = { side: Side; info: ChannelInfo };

export class Link {
  readonly offerer: Side;
  readonly answerer: Side;
  readonly #stopListening: () => void;

  private constructor(offerer: Side, answerer: Side, stopListening: () => void) {
    this.offerer = offerer;
    this.answerer = answerer;
    this.#stopListening = stopListening;
  }

  /** Two peer connections that do not know each other yet. */
  static async create(offering: Peer, answering: Peer, options: LinkOptions = {}): Promise<Link> {
    const config = options.config ?? { iceServers: [] };
    const offerer = new Side('offerer', offering, await offering.agent.open({ config }));
    const answerer = new Side('answerer', answering, await answering.agent.open({ config }));
    const relay =
      (from: Side, to: Side) =>
      (event: AgentEvent): void => {
        // An empty candidate ends a generation: some rivals throw on it, and nothing here depends on it.
        if (event.type !== 'candidate' || event.peer !== from.id || event.candidate.candidate === '') return;
        from.candidates.push(event.candidate);
        if (options.withhold?.(from.role, event.candidate) !== true) to.deliver(event.candidate);
      };
    const stops = [offering.onEvent(relay(offerer, answerer)), answering.onEvent(relay(answerer, offerer))];
    return new Link(offerer, answerer, () => {
      for (const stop of stops) stop();
    });
  }

  /** Connected, with one channel from the offerer open at both ends. */
  static async connect(
    offering: Peer,
    answering: Peer,
    options: LinkOptions = {},
  ): Promise<Link & { first: ChannelPair }> {
    const link = await Link.create(offering, answering, options);
    const near = await offering.agent.createChannel({ peer: link.offerer.id, label: 'first' });
    await link.negotiate(link.offerer);
    await Promise.all([link.offerer.connected(), link.answerer.connected()]);
    return Object.assign(link, { first: await link.opened(link.offerer, near) });
  }

  other(side: Side): Side {
    return side === this.offerer ? this.answerer : this.offerer;
  }

  /** One offer and its answer. */
  async negotiate(from: Side, options: { iceRestart?: boolean } = {}): Promise<void> {
    const to = this.other(from);
    from.holdCandidates();
    to.holdCandidates();
    const offer = await from.agent.offer({ peer: from.id, ...options });
    const answer = await to.agent.answer({ peer: to.id, description: offer });
    await to.releaseCandidates();
    await from.agent.accept({ peer: from.id, description: answer });
    await from.releaseCandidates();
  }

  /** Opens one more channel from `from`. */
  async openChannel(from: Side, label: string, options?: RTCDataChannelInit): Promise<ChannelPair> {
    return this.opened(from, await from.agent.createChannel({ peer: from.id, label, ...(options && { options }) }));
  }

  /** Waits until a channel is open at both ends. */
  async opened(from: Side, near: ChannelInfo): Promise<ChannelPair> {
    const to = this.other(from);
    const [nearInfo, farInfo] = await Promise.all([
      from.agent.waitReadyState({ channel: near.channel, value: 'open' }),
      to.agent
        .waitChannel({ peer: to.id, label: near.label })
        .then(({ channel }) => to.agent.waitReadyState({ channel, value: 'open' })),
    ]);
    return { near: { side: from, info: nearInfo }, far: { side: to, info: farInfo } };
  }

  async close(): Promise<void> {
    await Promise.allSettled([
      this.offerer.agent.closePeer({ peer: this.offerer.id }),
      this.answerer.agent.closePeer({ peer: this.answerer.id }),
    ]);
    this.#stopListening();
  }
}

/** Sends messages from one end to the other and returns what was sent and what arrived. */
export async function transfer(
  from: End,
  to: End,
  messages: MessageSpec[],
  timeout: { readonly timeoutMs?: number } = {},
): Promise<{ sent: MessageDigest[]; received: MessageDigest[] }> {
  const receiving = to.side.agent.received({ channel: to.info.channel, count: messages.length, ...timeout });
  const [sent, received] = await Promise.all([
    from.side.agent.send({ channel: from.info.channel, messages }),
    receiving,
  ]);
  return { sent, received };
}

/** As `transfer`, and demands that all of it arrives as it was sent, in the same order. */
export async function expectTransfer(from: End, to: End, messages: MessageSpec[]): Promise<void> {
  const { sent, received } = await transfer(from, to, messages);
  expect(received).toEqual(sent);
}
