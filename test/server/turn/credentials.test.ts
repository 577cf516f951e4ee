/** Who may use a service: users, period secrets, resolvers, and sessions that live and end. */
import { describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../../src/crypto/node.ts';
import { PeriodSecrets, type TurnService } from '../../../src/server/turn/index.ts';
import { ephemeralCredential, ephemeralCredentials, TURN_METHOD } from '../../../src/turn/index.ts';
import { Asker, Lab, type LabClient } from './lab.ts';

type Credential = { readonly username: string; readonly password: string };

/** What a browser would take out of `iceServersFor`. */
function credentialOf(service: TurnService, sessionId: string): Credential {
  const turn = service.iceServersFor(sessionId).find(({ username }) => username !== undefined)!;
  return { username: turn.username!, password: turn.credential! };
}

describe('credentials of a live session', () => {
  /** Sessions `a` and `b` are live. */
  async function start(): Promise<{ lab: Lab; live: Set<string> }> {
    const live = new Set(['a', 'b']);
    const lab = await Lab.start({ credentials: [], sessions: { isLive: (id) => live.has(id) } });
    return { lab, live };
  }

  test('make allocations, which are kept for hours after the credential’s own end', async () => {
    const { lab } = await start();
    const credential = credentialOf(lab.service, 'a');
    const client = await lab.client(credential);
    expect(client.machine.state).toBe('allocated');
    lab.unix += 3601;
    await lab.run(2 * 3_600_000);
    expect(client.machine.state).toBe('allocated');
    expect((await lab.client(credential)).failure).toBe(401); // but nothing new is made with it
    await lab.service.close();
  });

  test('are refused once the session is over, whatever their stamp says', async () => {
    const { lab, live } = await start();
    const credential = credentialOf(lab.service, 'a');
    live.delete('a');
    expect((await lab.client(credential)).failure).toBe(401);
    expect((await lab.client(credentialOf(lab.service, 'b'))).machine.state).toBe('allocated');
    await lab.service.close();
  });

  test('the session ends: its allocation ends at its next refresh, and nobody else’s', async () => {
    const { lab, live } = await start();
    const ended = await lab.client(credentialOf(lab.service, 'a'));
    const other = await lab.client(credentialOf(lab.service, 'b'));
    await lab.run(100_000);
    live.delete('a');
    await lab.until(() => ended.failure !== undefined, 'it fails', 1_000_000);
    expect(ended.failure).toBe(401);
    expect(lab.network.now).toBeLessThan(600_000); // not when its lifetime was over: when it asked for more
    expect(lab.service.stats.allocations).toBe(1);
    await lab.run(1_200_000);
    expect(other.machine.state).toBe('allocated');
    await lab.service.close();
  });

  test.each([
    ['CreatePermission', TURN_METHOD.createPermission],
    ['ChannelBind', TURN_METHOD.channelBind],
    ['Refresh', TURN_METHOD.refresh],
  ])('the session ends: the next %s ends the allocation', async (_, method) => {
    const { lab, live } = await start();
    const asker = new Asker(lab, credentialOf(lab.service, 'a'));
    expect(await asker.allocate()).toBe(200);
    live.delete('a');
    expect(await asker.ask(method)).toBe(401);
    expect(lab.service.stats).toMatchObject({ allocations: 0, relays: 0 });
    await lab.service.close();
  });

  test('revoke does not wait: all allocations of the session, by whatever credential', async () => {
    const { lab, live } = await start();
    const clients: LabClient[] = [await lab.client(credentialOf(lab.service, 'a'))];
    lab.unix += 30;
    clients.push(await lab.client({ ...credentialOf(lab.service, 'a'), transport: 'tcp' }));
    clients.push(await lab.client(credentialOf(lab.service, 'b')));
    live.delete('a');
    expect(lab.service.revoke('a')).toBe(2);
    expect(lab.service.stats).toMatchObject({ allocations: 1, relays: 1 });
    const peer = lab.newHost();
    const received: Uint8Array[] = [];
    const socket = peer.bind({ address: '0.0.0.0', onPacket: (packet) => received.push(packet) });
    for (const client of clients) client.send('x', { address: '198.51.100.4', port: socket.localAddress.port });
    await lab.run(1000);
    expect(received).toHaveLength(1);
    await lab.service.close();
  });

  test('a stranger who names a session that is over, or one that lives, ends nothing', async () => {
    const { lab, live } = await start();
    const client = await lab.client(credentialOf(lab.service, 'a'));
    live.delete('a');
    const stranger = new Asker(lab, { username: '2000000:a', password: 'guessed' });
    expect(await stranger.allocate()).toBe(401);
    const other = new Asker(lab, { username: '2000000:b', password: 'guessed' });
    expect(await other.allocate()).toBe(401);
    expect(client.machine.state).toBe('allocated');
    expect(lab.service.stats.allocations).toBe(1);
    await lab.service.close();
  });

  test.each([
    [
      'expired',
      (c: Credential, lab: Lab) => {
        lab.unix += 3600;
        return c;
      },
    ],
    ['a later end than was signed', (c: Credential) => ({ ...c, username: c.username.replace('1003600', '2003600') })],
    ['another session than was signed', (c: Credential) => ({ ...c, username: c.username.replace(':a', ':b') })],
    ['a password cut short', (c: Credential) => ({ ...c, password: c.password.slice(0, -1) })],
    ['no stamp', (c: Credential) => ({ ...c, username: 'a' })],
    [
      'signed by another server',
      () => ephemeralCredential(nodeCrypto, 'some other secret', 'a', 1_003_600) satisfies Credential,
    ],
  ])('%s: 401', async (_, change) => {
    const { lab } = await start();
    const credential = change(credentialOf(lab.service, 'a'), lab) as Credential;
    expect((await lab.client(credential)).failure).toBe(401);
    await lab.service.close();
  });

  test('servers that share the secret take each other’s', async () => {
    const sessions = { isLive: () => true, secret: 'of the cluster' };
    const [one, other] = [await Lab.start({ sessions }), await Lab.start({ sessions })];
    expect((await other.client(credentialOf(one.service, 'a'))).machine.state).toBe('allocated');
    await one.service.close();
    await other.service.close();
  });

  test('hexadecimal names, names with colons, and none that a username could not hold', async () => {
    const lab = await Lab.start({ sessions: { isLive: (id) => id === 'a:b:c' } });
    expect((await lab.client(credentialOf(lab.service, 'a:b:c'))).machine.state).toBe('allocated');
    expect((await lab.client(credentialOf(lab.service, 'b:c'))).failure).toBe(401);
    for (const name of ['', 'x'.repeat(257)]) expect(() => lab.service.iceServersFor(name)).toThrow(RangeError);
    await lab.service.close();
  });
});

describe('period secrets', () => {
  const make = (now: () => number, masterSecret = 'master'): PeriodSecrets =>
    new PeriodSecrets({ crypto: nodeCrypto, masterSecret, periodSeconds: 3600, unixSeconds: now });

  test('known answer: an ephemeral credential under base64 of HMAC-SHA-256(master, period)', () => {
    const tag = nodeCrypto.hmac('sha256', new TextEncoder().encode('master')).sign(new TextEncoder().encode('277'));
    const secret = btoa(String.fromCharCode(...tag));
    const issued = make(() => 1_000_000).issue('carol', 600); // ⌊1,000,600 / 3600⌋ = 277
    expect(issued).toEqual(ephemeralCredential(nodeCrypto, secret, 'carol', 1_000_600));
  });

  test('a credential is good until it ends, over the change of secrets; a found-out secret is not', async () => {
    const lab = new Lab();
    const periods = make(() => lab.unix);
    lab.service = await lab.serve({ credentials: [periods.resolve] });
    lab.unix = 1_000_799; // the period ends at 1,000,800
    const credential = periods.issue('carol', 600);
    lab.unix += 500;
    expect((await lab.client(credential)).machine.state).toBe('allocated');
    const tag = nodeCrypto.hmac('sha256', new TextEncoder().encode('master')).sign(new TextEncoder().encode('277'));
    const foundOut = btoa(String.fromCharCode(...tag));
    const forged = ephemeralCredential(nodeCrypto, foundOut, 'mallory', lab.unix + 600);
    expect((await lab.client(forged)).failure).toBe(401);
    lab.unix += 101;
    expect((await lab.client(credential)).failure).toBe(401);
    await lab.service.close();
  });

  test('another master secret, or none, or no period', async () => {
    const lab = new Lab();
    lab.service = await lab.serve({ credentials: [make(() => lab.unix).resolve] });
    expect((await lab.client(make(() => lab.unix, 'servant').issue('carol', 600))).failure).toBe(401);
    await lab.service.close();
    expect(() => make(() => 0, '')).toThrow(RangeError);
    expect(() => new PeriodSecrets({ crypto: nodeCrypto, masterSecret: 'x', periodSeconds: 0 })).toThrow(RangeError);
  });
});

test('several kinds side by side: each is asked until one knows the name', async () => {
  const lab = new Lab();
  const shared = ephemeralCredentials({
    crypto: nodeCrypto,
    secrets: () => ['north'],
    unixSeconds: () => lab.unix,
  });
  const asked: string[] = [];
  const resolver = (username: string): { password: string } | null => {
    asked.push(username);
    return username === 'from a database' ? { password: 'x' } : null;
  };
  lab.service = await lab.serve({ credentials: [shared, resolver], sessions: { isLive: (id) => id === 'live' } });
  const states = [
    await lab.client(ephemeralCredential(nodeCrypto, 'north', 'carol', lab.unix + 60)),
    await lab.client(credentialOf(lab.service, 'live')),
    await lab.client({ username: 'from a database', password: 'x' }),
    await lab.client({ username: 'constructor', password: 'x' }),
  ].map(({ failure }) => failure);
  expect(states).toEqual([undefined, undefined, undefined, 401]);
  expect(new Set(asked)).toEqual(new Set(['from a database', 'constructor']));
  await lab.service.close();
});

test('a name of the prototype is no user', async () => {
  const lab = await Lab.start();
  expect((await lab.client({ username: '__proto__', password: '[object Object]' })).failure).toBe(401);
  expect((await lab.client({ username: 'toString', password: 'x' })).failure).toBe(401);
  await lab.service.close();
});
