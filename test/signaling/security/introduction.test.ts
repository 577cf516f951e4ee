import { describe, expect, it } from 'vitest';
import { RoomKey } from '../../../src/signaling/room-key.ts';
import { type Meeting, PeerIdentity } from '../../../src/signaling/security/identity.ts';
import {
  Introduction,
  type IntroductionMessage,
  type IntroductionOptions,
} from '../../../src/signaling/security/introduction.ts';
import { wireIdFromHex } from '../../../src/signaling/wire.ts';

const NOW = Date.UTC(2026, 10, 23);
const alice = PeerIdentity.fromSeed(new Uint8Array(32).fill(1));
const bob = PeerIdentity.fromSeed(new Uint8Array(32).fill(2));
const mallory = PeerIdentity.fromSeed(new Uint8Array(32).fill(3));
const meeting: Meeting = {
  roomKey: RoomKey.fromString('tea'),
  offerId: wireIdFromHex('0f'.repeat(20)),
  offerer: { peerId: wireIdFromHex(alice.peerId), sdp: 'a=fingerprint:sha-256 AA\r\n' },
  answerer: { peerId: wireIdFromHex(bob.peerId), sdp: 'a=fingerprint:sha-256 BB\r\n' },
};

type Choice = Partial<Pick<IntroductionOptions, 'identity' | 'authorize' | 'meeting'>>;
type End = { readonly peer: Introduction; readonly outcome: string[]; readonly sent: IntroductionMessage[] };

/** Two ends of a channel that keeps messages in order and delivers them when told to. */
function meet(offerer: Choice, answerer: Choice): { readonly a: End; readonly b: End; deliver(): Promise<void> } {
  const queue: (() => void)[] = [];
  const end = (side: 'offerer' | 'answerer', choice: Choice, other: () => End): End => {
    const outcome: string[] = [];
    const sent: IntroductionMessage[] = [];
    const peer = new Introduction({
      meeting,
      side,
      ...choice,
      wallClock: () => NOW,
      send: (message) => {
        sent.push(message);
        queue.push(() => other().peer.handle(JSON.parse(JSON.stringify(message))));
      },
      accepted: (key) =>
        outcome.push(key === null ? 'accepted' : `accepted ${Buffer.from(key).toString('hex').slice(0, 8)}`),
      refused: (reason, isFinal) => outcome.push(`refused${isFinal ? ' for good' : ''}: ${reason}`),
    });
    return { peer, outcome, sent };
  };
  const a: End = end('offerer', offerer, () => b);
  const b: End = end('answerer', answerer, () => a);
  a.peer.start();
  b.peer.start();
  const deliver = async (): Promise<void> => {
    for (let quiet = 0; quiet < 3; quiet++) {
      for (let next = queue.shift(); next !== undefined; next = queue.shift(), quiet = 0) next();
      await Promise.resolve();
    }
  };
  return { a, b, deliver };
}

const key = (identity: PeerIdentity): string =>
  `accepted ${Buffer.from(identity.publicKey).toString('hex').slice(0, 8)}`;

describe('introductions', () => {
  it('are one round for peers with nothing to check', async () => {
    const { a, b, deliver } = meet({}, {});
    await deliver();
    expect(a.sent).toEqual([{ introduction: 'hello' }, { introduction: 'ready' }]);
    expect([a.outcome, b.outcome]).toEqual([['accepted'], ['accepted']]);
  });

  it('prove both identities', async () => {
    const { a, b, deliver } = meet({ identity: alice }, { identity: bob });
    await deliver();
    expect([a.outcome, b.outcome]).toEqual([[key(bob)], [key(alice)]]);
  });

  it.each([
    ['somebody else', { identity: mallory }, 'is not who it claims to be'],
    ['nobody', {}, 'has no identity'],
    [
      'a peer with somebody in between',
      {
        identity: bob,
        meeting: { ...meeting, answerer: { ...meeting.answerer, sdp: 'a=fingerprint:sha-256 EE\r\n' } },
      },
      'is not who it claims to be',
    ],
  ] as const)('refuse %s, and neither side sees the other', async (_, impostor, reason) => {
    for (const [offerer, answerer] of [
      [{ identity: alice }, impostor],
      [{ ...impostor }, { identity: bob }],
    ]) {
      const { a, b, deliver } = meet(offerer!, answerer!);
      await deliver();
      const outcomes = [...a.outcome, ...b.outcome];
      expect(outcomes).toContain(`refused: ${reason}`);
      expect(outcomes.filter((text) => text.startsWith('accepted'))).toEqual([]);
    }
  });

  it('ask the application, with the key that was verified, and wait for it on both sides', async () => {
    let admit: (isWanted: boolean) => void = () => {};
    const asked: (Uint8Array | null)[] = [];
    const authorize = (publicKey: Uint8Array | null): Promise<boolean> => {
      asked.push(publicKey);
      return new Promise((resolve) => {
        admit = resolve;
      });
    };
    const { a, b, deliver } = meet({ identity: alice, authorize }, { identity: bob });
    await deliver();
    expect(asked).toEqual([bob.publicKey]);
    expect([a.outcome, b.outcome]).toEqual([[], []]);
    admit(true);
    await deliver();
    expect([a.outcome, b.outcome]).toEqual([[key(bob)], [key(alice)]]);
  });

  it.each([
    ['says no', () => false, 'was not authorized'],
    ['throws', () => Promise.reject(new Error('oh')), 'authorize failed: oh'],
    ['answers something else', () => 1 as unknown as boolean, 'was not authorized'],
  ])('refuse when the application %s', async (_, authorize, reason) => {
    const { a, b, deliver } = meet({ authorize }, {});
    await deliver();
    expect([a.outcome, b.outcome]).toEqual([[`refused for good: ${reason}`], []]);
  });

  it('take nobody in who only says ready, and say nothing twice', async () => {
    const { a, deliver } = meet({}, {});
    a.peer.handle({ introduction: 'ready' });
    expect(a.outcome).toEqual([]);
    await deliver();
    for (const introduction of ['ready', 'hello', 'ready', 7]) a.peer.handle({ introduction });
    expect(a.outcome).toEqual(['accepted']);
  });

  it('end with the connection, even while the application thinks', async () => {
    let admit: (isWanted: boolean) => void = () => {};
    const authorize = (): Promise<boolean> =>
      new Promise((resolve) => {
        admit = resolve;
      });
    const { a, b, deliver } = meet({ authorize }, {});
    await deliver();
    a.peer.close();
    admit(true);
    await deliver();
    expect([a.outcome, b.outcome]).toEqual([[], []]);
  });
});
