import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type AccessClaims, type AccessKey, type SigningKey, signAccessToken } from '../../src/server/index.ts';
import { RoomKey } from '../../src/signaling/room-key.ts';
import { wireIdToHex } from '../../src/signaling/wire.ts';
import { id, ROOM, World } from './world.ts';

const secret = randomBytes(32);
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const rawPublicKey = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
const KEYS: readonly AccessKey[] = [
  { id: 'shared', algorithm: 'HS256', secret },
  { id: 'signed', algorithm: 'EdDSA', publicKey: rawPublicKey },
];
const SIGNERS: readonly SigningKey[] = [
  { id: 'shared', algorithm: 'HS256', secret },
  { id: 'signed', algorithm: 'EdDSA', privateKey },
];
const ROOM_HEX = wireIdToHex(ROOM);

function newWorld(at: 'upgrade' | 'announce' = 'upgrade'): World {
  return new World({ access: { keys: KEYS, at } });
}

function claims(world: World, more: Partial<AccessClaims> = {}): AccessClaims {
  return { exp: (1.7e12 + world.now) / 1000 + 60, ...more };
}

function statusOf(world: World, token: string): number {
  const decision = world.tracker.admit({ ip: '192.0.2.1', origin: null, url: `/announce?token=${token}` }, world.now);
  return decision.kind === 'refused' ? decision.status : 101;
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe.each(SIGNERS)('a token signed with $algorithm', (signer) => {
  test('opens the door until it expires', () => {
    const world = newWorld();
    const token = signAccessToken(claims(world), signer);
    expect(statusOf(world, token)).toBe(101);
    world.now += 60_001;
    expect(statusOf(world, token)).toBe(401);
  });

  test('changed in any character is refused', () => {
    const world = newWorld();
    const token = signAccessToken(claims(world, { room: ROOM_HEX }), signer);
    for (let i = 0; i < token.length - 1; i++) {
      const changed = token.slice(0, i) + (token[i] === 'A' ? 'B' : 'A') + token.slice(i + 1);
      expect(statusOf(newWorld(), changed), changed).toBe(401);
    }
  });

  test('is good for its rooms only', () => {
    const world = newWorld();
    const other = RoomKey.fromString('other').toHex();
    const visitor = (more: Partial<AccessClaims>) =>
      world.visitor({ url: `/announce?token=${signAccessToken(claims(world, more), signer)}` });
    for (const more of [
      { room: ROOM_HEX },
      { room: [other, ROOM_HEX] },
      { prefix: ROOM_HEX.slice(0, 7).toUpperCase() },
      {},
    ]) {
      const good = visitor(more);
      good.announce();
      expect(good.read('response'), JSON.stringify(more)).toHaveLength(1);
    }
    for (const more of [{ room: other }, { room: [] }, { prefix: '0000' }, { peer: other }]) {
      const bad = visitor(more);
      bad.announce();
      expect(bad.read('failure'), JSON.stringify(more)).toMatchObject([{ reason: 'access token is not for this' }]);
    }
  });
});

describe('tokens', () => {
  const world = newWorld();
  const [shared] = SIGNERS;
  const signed = (header: object, payload: object): string => {
    const forged = signAccessToken(claims(world), shared!).split('.')[2];
    return `${base64url(header)}.${base64url(payload)}.${forged}`;
  };
  test.for([
    ['none at all', ''],
    ['no token', 'x.y.z'],
    ['no algorithm', signed({ alg: 'none', kid: 'shared' }, claims(world))],
    ['no key id', signed({ alg: 'HS256' }, claims(world))],
    ["another key's algorithm", signed({ alg: 'HS256', kid: 'signed' }, claims(world))],
    ['an unknown key', signAccessToken(claims(world), { ...shared!, id: 'unknown' })],
    ['a critical extension', signed({ alg: 'HS256', kid: 'shared', crit: ['x'] }, claims(world))],
    ['one too long', signAccessToken({ ...claims(world), more: 'x'.repeat(4000) } as AccessClaims, shared!)],
  ] as const)('%s is refused with 401', ([, token]) => {
    expect(statusOf(newWorld(), token)).toBe(401);
  });

  test('a public key is no secret: what is signed with it is refused', () => {
    const confused = signAccessToken(claims(world), { id: 'signed', algorithm: 'HS256', secret: rawPublicKey });
    expect(statusOf(newWorld(), confused)).toBe(401);
  });

  test('claims that cannot be read are not signed, and keys that are too short not taken', () => {
    for (const wrong of [{ exp: Number.NaN, room: 'short' }, { prefix: 'xyz' }, { peer: 'x' }, { maxRooms: 0 }]) {
      expect(() => signAccessToken(claims(world, wrong), shared!)).toThrow(RangeError);
    }
    expect(() => new World({ access: { keys: [{ id: 'a', algorithm: 'HS256', secret: randomBytes(31) }] } })).toThrow(
      '32',
    );
    expect(
      () => new World({ access: { keys: [{ id: 'a', algorithm: 'EdDSA', publicKey: secret.subarray(1) }] } }),
    ).toThrow('32');
  });

  test('limit the rooms at a time', () => {
    const visitor = world.visitor({
      url: `/announce?token=${signAccessToken(claims(world, { maxRooms: 1 }), shared!)}`,
    });
    visitor.announce();
    visitor.announce({ info_hash: id('second') });
    expect(visitor.take().map((message) => 'failure reason' in message)).toEqual([false, true]);
  });

  test('are refreshed in an announce; who does not leaves the room at expiry', () => {
    const own = newWorld();
    const token = (): string => signAccessToken(claims(own), shared!);
    const [forgets, refreshes] = [0, 1].map(() => own.visitor({ url: `/announce?token=${token()}` }));
    forgets!.announce();
    refreshes!.announce();
    own.now += 40_000;
    forgets!.announce();
    refreshes!.announce({ token: token() });
    own.now += 40_000;
    forgets!.announce();
    refreshes!.announce();
    expect(forgets!.read('failure')).toMatchObject([{ reason: 'access token expired', infoHash: ROOM }]);
    expect(refreshes!.read('response').at(-1)).toMatchObject({ incomplete: 1 });
  });

  test('a forged one in an announce does not replace the good one', () => {
    const own = newWorld();
    const visitor = own.visitor({ url: `/announce?token=${signAccessToken(claims(own), shared!)}` });
    visitor.announce({ token: 'forged' });
    visitor.announce();
    expect(visitor.take().map((message) => message['failure reason'])).toEqual(['access token refused', undefined]);
  });

  test('are revoked with their key', () => {
    const own = newWorld();
    const visitor = own.visitor({ url: `/announce?token=${signAccessToken(claims(own), shared!)}` });
    visitor.announce();
    own.tracker.access!.replaceKeys([KEYS[1]!]);
    visitor.announce();
    expect(visitor.take().map((message) => message['failure reason'])).toEqual([undefined, 'access token expired']);
    expect(own.tracker.stats.members).toBe(0);
  });

  test('at announce: anybody connects, and needs a token in each room', () => {
    const own = newWorld('announce');
    const visitor = own.visitor();
    visitor.announce();
    visitor.announce({ token: signAccessToken(claims(own, { room: ROOM_HEX }), shared!) });
    visitor.announce({ info_hash: id('other') });
    expect(visitor.take().map((message) => message['failure reason'])).toEqual([
      'access token required',
      undefined,
      'access token is not for this',
    ]);
    expect(statusOf(own, 'forged')).toBe(401); // a bad token is no better than none
  });
});
