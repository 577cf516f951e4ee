/**
 * What two peers must be able to do with each other, written once and run for every pair of stacks
 * (issue "The first call", shown working 1 and 2). A scenario sees only an offering and an answering peer.
 */
import { expect } from 'vitest';
import type { ChannelInfo, MessageSpec } from './agent.mjs';
import { type ChannelPair, expectTransfer, Link, type Side, transfer } from './link.ts';
import type { Peer } from './peer.ts';

export type Scenario = (offering: Peer, answering: Peer) => Promise<void>;

const KIB = 1024;
const SIZES: readonly number[] = [1, KIB, 16 * KIB, 64 * KIB, 200 * KIB, 256 * KIB];

/** Runs `body` on a connected pair and closes it whatever happens. */
function connected(body: (link: Link & { first: ChannelPair }) => Promise<void>): Scenario {
  return async (offering, answering) => {
    const link = await Link.connect(offering, answering);
    try {
      await body(link);
    } finally {
      await link.close();
    }
  };
}

function reversed({ near, far }: ChannelPair): ChannelPair {
  return { near: far, far: near };
}

/** Both directions of a channel, one after the other. */
function directions(pair: ChannelPair): readonly ChannelPair[] {
  return [pair, reversed(pair)];
}

function spec(kind: 'text' | 'binary', size: number, seed = size + 1): MessageSpec {
  return { kind, size, seed };
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'opens a channel, with the same id, label and kind at both ends': connected(async ({ first, offerer, answerer }) => {
    const { near, far } = first;
    expect(far.info).toMatchObject({ label: 'first', protocol: '', negotiated: false });
    expect(far.info.id).toBeTypeOf('number');
    if (!near.side.peer.cannot.has('tell the kind of a channel')) expect(near.info.id).toBe(far.info.id);
    expectKind(first, { ordered: true, maxRetransmits: null, maxPacketLifeTime: null });
    for (const side of [offerer, answerer]) {
      const states = await side.agent.states({ peer: side.id });
      expect(states).toMatchObject({ connectionState: 'connected', signalingState: 'stable' });
    }
  }),

  'carries text and binary both ways, 1 byte to 256 KiB, with equal SHA-256': connected(async ({ first }) => {
    for (const { near, far } of directions(first)) {
      const limit = await near.side.agent.maxMessageSize({ peer: near.side.id });
      const sizes = SIZES.map((size) => Math.min(size, limit));
      await expectTransfer(
        near,
        far,
        sizes.flatMap((size) => [spec('text', size), spec('binary', size)]),
      );
    }
  }),

  'carries both ways at once, more than any buffer holds': connected(async ({ first }) => {
    const messages = Array.from({ length: 160 }, (_, i) => spec('binary', 48 * KIB + i * 7, i + 1));
    await Promise.all(directions(first).map(({ near, far }) => expectTransfer(near, far, messages)));
  }),

  'carries ArrayBuffers and Blobs': connected(async ({ first }) => {
    for (const { near, far } of directions(first)) {
      await expectTransfer(near, far, [
        { ...spec('binary', 5000), form: 'buffer' },
        { ...spec('binary', 5001), form: near.side.peer.cannot.has('send Blobs') ? 'buffer' : 'blob' },
        { ...spec('binary', 5002), form: 'view' },
      ]);
    }
  }),

  'carries the empty string and empty binary, and what follows them': connected(async ({ first }) => {
    for (const { near, far } of directions(first)) {
      if (near.side.peer.cannot.has('send empty messages')) continue;
      await expectTransfer(near, far, [spec('text', 0), spec('text', 5), spec('binary', 0), spec('binary', 5)]);
    }
  }),

  'carries many small messages sent at once': connected(async ({ first }) => {
    const messages = Array.from({ length: 500 }, (_, i) => spec(i % 2 === 0 ? 'text' : 'binary', (i % 64) + 1, i + 1));
    for (const { near, far } of directions(first)) await expectTransfer(near, far, messages);
  }),

  'keeps labels and protocols in UTF-8': connected(async (link) => {
    for (const from of [link.offerer, link.answerer]) {
      if (from.peer.cannot.has('send labels in UTF-8')) continue;
      const label = `ラベル 😀 ${from.role}`;
      const { near, far } = await link.openChannel(from, label, { protocol: 'протокол' });
      expect(far.info).toMatchObject({ label, protocol: 'протокол' });
      await expectTransfer(near, far, [spec('text', 100)]);
    }
  }),

  'unordered channels': connected((link) => partialChannels(link, 'unordered', { ordered: false })),

  'channels with maxRetransmits': connected(async (link) => {
    await partialChannels(link, 'maxRetransmits', { ordered: false, maxRetransmits: 0 });
    await partialChannels(link, 'maxRetransmits ordered', { maxRetransmits: 3 });
  }),

  'channels with maxPacketLifeTime': connected(async (link) => {
    await partialChannels(link, 'maxPacketLifeTime', { ordered: false, maxPacketLifeTime: 1000 });
    await partialChannels(link, 'maxPacketLifeTime ordered', { maxPacketLifeTime: 1000 });
  }),

  'negotiated channels, without DCEP': connected(async (link) => {
    const options = { negotiated: true, id: 21 };
    for (const side of [link.offerer, link.answerer]) {
      await side.agent.createChannel({ peer: side.id, label: `agreed by ${side.role}`, options });
    }
    const near = await link.offerer.agent.waitChannel({ peer: link.offerer.id, label: 'agreed by offerer' });
    const far = await link.answerer.agent.waitChannel({ peer: link.answerer.id, label: 'agreed by answerer' });
    const pair: ChannelPair = {
      near: {
        side: link.offerer,
        info: await link.offerer.agent.waitReadyState({ channel: near.channel, value: 'open' }),
      },
      far: {
        side: link.answerer,
        info: await link.answerer.agent.waitReadyState({ channel: far.channel, value: 'open' }),
      },
    };
    expect(pair.near.info.id).toBe(21);
    for (const { near, far } of directions(pair))
      await expectTransfer(near, far, [spec('text', 20), spec('binary', 20)]);
  }),

  '50 channels, 25 from each side': connected(async (link) => {
    const pairs = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        link.openChannel(i % 2 === 0 ? link.offerer : link.answerer, `channel ${i}`),
      ),
    );
    expect(new Set(pairs.map(({ near }) => near.info.id)).size).toBe(50);
    for (const { near, far } of pairs) expect(far.info.id).toBe(near.info.id);
    await Promise.all(
      pairs.flatMap(directions).map(({ near, far }, i) => expectTransfer(near, far, [spec('binary', 2000, i + 1)])),
    );
  }),

  'a channel closed by the offerer closes at both ends': connected((link) => closeChannel(link, link.offerer)),
  'a channel closed by the answerer closes at both ends': connected((link) => closeChannel(link, link.answerer)),

  'what was sent before close() arrives': connected(async (link) => {
    for (const from of [link.offerer, link.answerer]) {
      if (from.peer.cannot.has('flush on close')) continue;
      const { near, far } = await link.openChannel(from, `last words of the ${from.role}`);
      const messages = Array.from({ length: 40 }, (_, i) => spec('binary', 16 * KIB, i + 1));
      const receiving = far.side.agent.received({ channel: far.info.channel, count: messages.length });
      const sent = await near.side.agent.send({ channel: near.info.channel, messages });
      await near.side.agent.closeChannel({ channel: near.info.channel });
      expect(await receiving).toEqual(sent);
      await far.side.agent.waitReadyState({ channel: far.info.channel, value: 'closed' });
    }
  }),

  'a connection closed by the offerer closes its channels at the answerer': connected((link) =>
    closeConnection(link, link.offerer),
  ),
  'a connection closed by the answerer closes its channels at the offerer': connected((link) =>
    closeConnection(link, link.answerer),
  ),

  'renegotiates from either side while open': connected(async (link) => {
    for (const from of [link.answerer, link.offerer]) {
      await link.negotiate(from);
      for (const { near, far } of directions(link.first)) await expectTransfer(near, far, [spec('text', 1000)]);
      const { near, far } = await link.openChannel(from, `after the ${from.role}'s new offer`);
      await expectTransfer(near, far, [spec('binary', 1000)]);
    }
    for (const side of [link.offerer, link.answerer]) {
      expect(await side.agent.states({ peer: side.id })).toMatchObject({ connectionState: 'connected' });
    }
  }),

  'an ICE restart by the offerer loses nothing of the traffic': connected((link) => restart(link, link.offerer)),
  'an ICE restart by the answerer loses nothing of the traffic': connected((link) => restart(link, link.answerer)),
};

type ChannelKind = Pick<ChannelInfo, 'ordered' | 'maxRetransmits' | 'maxPacketLifeTime'>;

function expectKind({ near, far }: ChannelPair, kind: ChannelKind): void {
  if (!near.side.peer.cannot.has('tell the kind of a channel')) expect(near.info).toMatchObject(kind);
  if (far.side.peer.cannot.has('tell the kind of a channel')) return;
  const { ordered, ...reliability } = kind;
  const unordered = near.side.peer.cannot.has('send partially reliable unordered channels');
  expect(far.info).toMatchObject(unordered ? reliability : kind);
}

/**
 * What is lost on such a channel is lost for good, and on a busy machine a process that is not scheduled for longer than a
 * retransmission timeout takes a message for lost. Two tries may end like that, not three.
 */
const PARTIAL_TRIES = 3;
const PARTIAL_TIMEOUT_MS = 4_000;

/** One channel from each side with these options: both ends say so, and all arrives on a path that loses nothing. */
async function partialChannels(link: Link, label: string, options: RTCDataChannelInit): Promise<void> {
  for (const from of [link.offerer, link.answerer]) {
    for (let attempt = 1; ; attempt++) {
      try {
        await partialChannel(link, from, `${label} from the ${from.role}, ${attempt}`, options);
        break;
      } catch (error) {
        if (attempt === PARTIAL_TRIES) throw error;
      }
    }
  }
}

async function partialChannel(link: Link, from: Side, label: string, options: RTCDataChannelInit): Promise<void> {
  const pair = await link.openChannel(from, label, options);
  const kind: ChannelKind = {
    ordered: options.ordered ?? true,
    maxRetransmits: options.maxRetransmits ?? null,
    maxPacketLifeTime: options.maxPacketLifeTime ?? null,
  };
  expectKind(pair, kind);
  // Few and small: what overflows a socket's buffer on a busy machine is lost for good on these channels.
  const messages = Array.from({ length: 20 }, (_, i) => spec('binary', 100 + i * 50, i + 1));
  for (const { near, far } of directions(pair)) {
    const { sent, received } = await transfer(near, far, messages, { timeoutMs: PARTIAL_TIMEOUT_MS });
    const hashes = (digests: typeof sent): string[] => {
      const all = digests.map(({ sha256 }) => sha256);
      return kind.ordered ? all : all.sort();
    };
    expect(hashes(received)).toEqual(hashes(sent));
  }
}

async function closeChannel(link: Link & { first: ChannelPair }, closing: Side): Promise<void> {
  const ids = new Set<number | null>();
  for (let round = 0; round < 3; round++) {
    for (const opener of [link.offerer, link.answerer]) {
      const pair = await link.openChannel(opener, `round ${round} of the ${opener.role}`);
      ids.add(pair.near.info.id);
      await expectTransfer(pair.near, pair.far, [spec('text', 100)]);
      const end = pair.near.side === closing ? pair.near : pair.far;
      await closing.agent.closeChannel({ channel: end.info.channel });
      for (const { side, info } of [pair.near, pair.far]) {
        await side.agent.waitReadyState({ channel: info.channel, value: 'closed' });
      }
    }
  }
  // The connection and its other channels do not notice.
  for (const { near, far } of directions(link.first)) await expectTransfer(near, far, [spec('text', 1000)]);
}

async function closeConnection(link: Link & { first: ChannelPair }, closing: Side): Promise<void> {
  const { near, far } = link.first;
  const remaining = near.side === closing ? far : near;
  if (closing.peer.cannot.has('tell the peer that it closed')) return;
  await closing.agent.closePeer({ peer: closing.id });
  await remaining.side.agent.waitReadyState({ channel: remaining.info.channel, value: 'closed' });
}

const USERNAME_FRAGMENT = /^a=ice-ufrag:(\S+)/m;

async function restart(link: Link, from: Side): Promise<void> {
  const pairs = [await link.openChannel(link.offerer, 'down'), reversed(await link.openChannel(link.offerer, 'up'))];
  for (const { near, far } of pairs) {
    await far.side.agent.expectStream({ channel: far.info.channel });
    await near.side.agent.startStream({ channel: near.info.channel, size: 1100, intervalMs: 5, perTick: 4 });
  }
  const ufrags = async (): Promise<(string | undefined)[]> =>
    Promise.all(
      [link.offerer, link.answerer].map(async (side) => {
        const { local } = await side.agent.descriptions({ peer: side.id });
        return USERNAME_FRAGMENT.exec(local)?.[1];
      }),
    );
  const before = await ufrags();
  for (const { far } of pairs) await far.side.agent.streamReceived({ channel: far.info.channel, count: 100 });
  await link.negotiate(from, { iceRestart: true });
  const after = await ufrags();
  for (const [index, ufrag] of after.entries()) expect(ufrag).not.toBe(before[index]);
  // Messages sent after the restart must have come too, on the new pair.
  for (const { near, far } of pairs) {
    const { sent } = await near.side.agent.streamSent({ channel: near.info.channel });
    await far.side.agent.streamReceived({ channel: far.info.channel, count: sent });
  }
  await Promise.all([link.offerer.connected(), link.answerer.connected()]);
  for (const { near, far } of pairs) {
    const { count } = await far.side.agent.streamReceived({ channel: far.info.channel, count: 0 });
    await far.side.agent.streamReceived({ channel: far.info.channel, count: count + 200 });
    const { sent } = await near.side.agent.stopStream({ channel: near.info.channel });
    const result = await far.side.agent.streamReceived({ channel: far.info.channel, count: sent });
    expect(result).toEqual({ count: sent, outOfOrder: [] });
  }
}
