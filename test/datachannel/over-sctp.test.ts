/** Channels over two real associations, through a network that delays, reorders and loses packets. Time is a number. */
import { expect, test } from 'vitest';
import {
  type Channel,
  type ChannelEvent,
  type ChannelParameters,
  DataChannels,
  type DtlsRole,
} from '../../src/datachannel/index.ts';
import { SctpAssociation } from '../../src/sctp/index.ts';
import { utf8 } from './pair.ts';

/** mulberry32: a small generator with a seed. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class End {
  readonly sctp: SctpAssociation;
  readonly channels: DataChannels;
  readonly events: ChannelEvent[] = [];

  constructor(role: DtlsRole, random: () => number, network: Network) {
    const fill = (target: Uint8Array) => void target.set(target.map(() => random() * 256));
    this.channels = new DataChannels({ maxMessageSize: 0 }, { event: (event) => this.events.push(event) });
    this.sctp = new SctpAssociation(
      { random: { fill } },
      {
        transmit: (packet) => network.carry(this, packet),
        event: (event) => this.channels.handleSctpEvent(event, network.now),
      },
    );
    this.channels.attach(this.sctp, role, network.now);
  }

  open(parameters: Partial<ChannelParameters> = {}): Channel {
    return this.channels.open({ label: '', protocol: '', ordered: true, negotiated: false, ...parameters }, 0);
  }

  texts(channel: Channel): string[] {
    return this.events.flatMap((event) =>
      event.kind === 'message' && event.channel === channel ? [new TextDecoder().decode(event.data)] : [],
    );
  }

  get incoming(): Channel[] {
    return this.events.flatMap((event) => (event.kind === 'incoming' ? [event.channel] : []));
  }
}

class Network {
  now = 0;
  readonly client: End;
  readonly server: End;
  readonly #random: () => number;
  readonly #loss: number;
  #flying: { at: number; to: () => End; packet: Uint8Array }[] = [];

  constructor(seed: number, loss: number) {
    this.#random = seededRandom(seed);
    this.#loss = loss;
    this.client = new End('client', this.#random, this);
    this.server = new End('server', this.#random, this);
    for (const end of [this.client, this.server]) end.sctp.connect(this.now);
  }

  carry(from: End, packet: Uint8Array): void {
    if (this.#random() < this.#loss) return;
    const at = this.now + 10 + 20 * this.#random();
    this.#flying.push({ at, to: () => (from === this.client ? this.server : this.client), packet });
  }

  /** Lets time pass until something has come about; two minutes at most, so that what never does is seen to fail. */
  until(hasComeAbout: () => boolean): void {
    const ends = [this.client, this.server];
    const deadline = this.now + 120_000;
    for (;;) {
      for (const end of ends) end.sctp.flush(this.now);
      if (hasComeAbout()) return;
      const next = Math.min(...ends.map(({ sctp }) => sctp.nextTimeout), ...this.#flying.map(({ at }) => at));
      if (next > deadline) return;
      this.now = Math.max(this.now, next);
      const due = this.#flying.filter(({ at }) => at <= this.now);
      this.#flying = this.#flying.filter(({ at }) => at > this.now);
      for (const { to, packet } of due) to().sctp.handlePacket(packet, this.now);
      for (const end of ends) end.sctp.handleTimeout(this.now);
    }
  }
}

const cases = [
  ...[1, 2].map((seed) => ({ loss: 0, seed })),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((seed) => ({ loss: 0.1, seed })),
  ...[1, 2, 3, 4, 5].map((seed) => ({ loss: 0.2, seed })),
];

test.each(cases)('loss $loss, seed $seed: open, talk both ways, close, open again', ({ loss, seed }) => {
  const network = new Network(seed, loss);
  const { client, server } = network;
  const chat = client.open({ label: 'chat' });
  const loose = server.open({ label: 'loose', ordered: false });
  const agreed = [client, server].map((end) => end.open({ negotiated: true, id: 100 }));
  const all = [chat, loose, ...agreed];
  network.until(
    () => all.every(({ state }) => state === 'open') && client.incoming.length + server.incoming.length === 2,
  );
  expect(all.map(({ id, state }) => [id, state])).toEqual([0, 1, 100, 100].map((id) => [id, 'open']));
  const theirChat = server.incoming[0]!;
  const theirLoose = client.incoming[0]!;
  expect([theirChat, theirLoose].map(({ parameters }) => parameters.label)).toEqual(['chat', 'loose']);

  const words = Array.from({ length: 50 }, (_, i) => (i % 7 === 0 ? '' : `${i}`.repeat(i * 20)));
  for (const word of words) {
    for (const channel of [chat, loose, agreed[0]!]) channel.send(utf8(word), true, network.now);
  }
  chat.close(network.now);
  network.until(
    () =>
      [chat, theirChat].every(({ state }) => state === 'closed') &&
      server.texts(agreed[1]!).length === words.length &&
      client.texts(theirLoose).length === words.length,
  );
  expect([chat.state, theirChat.state]).toEqual(['closed', 'closed']);
  expect(server.texts(theirChat)).toEqual(words);
  expect(server.texts(agreed[1]!)).toEqual(words);
  expect(client.texts(theirLoose).sort()).toEqual([...words].sort());
  expect([chat, loose, agreed[0]!].map(({ bufferedAmount }) => bufferedAmount)).toEqual([0, 0, 0]);

  const again = client.open({ label: 'again' });
  again.send(utf8('same stream'), true, network.now);
  network.until(() => server.events.at(-1)?.kind === 'message');
  expect(again.id).toBe(0);
  expect(server.texts(server.incoming[1]!)).toEqual(['same stream']);
});
