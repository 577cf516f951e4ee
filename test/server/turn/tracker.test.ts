/** The tracker and the TURN server beside it: credentials that are told with an announce, and end with the connection. */
import { expect, test } from 'vitest';
import { statusPage } from '../../../src/server/index.ts';
import { World as TrackerWorld, type Visitor } from '../world.ts';
import { Lab } from './lab.ts';

type Told = { readonly urls: readonly string[]; readonly username?: string; readonly credential?: string };

/** Both of them, wired as a server would. */
async function start(revokes: boolean): Promise<{ lab: Lab; world: TrackerWorld }> {
  const lab = new Lab();
  const world = new TrackerWorld({
    iceServers: (sessionId) => lab.service.iceServersFor(sessionId),
    ...(revokes && { sessionEnded: (sessionId) => lab.service.revoke(sessionId) }),
  });
  lab.service = await lab.serve({ credentials: [], sessions: { isLive: (name) => world.tracker.isLive(name) } });
  return { lab, world };
}

/** What a visitor is told when it announces itself. */
function announce(visitor: Visitor, extension: boolean): { readonly ice_servers?: readonly Told[] } {
  visitor.announce({ event: 'started', ...(extension && { x: 1 }) });
  return JSON.parse(visitor.texts.at(-1)!) as { ice_servers?: Told[] };
}

function credentialIn({ ice_servers: told = [] }: ReturnType<typeof announce>): { username: string; password: string } {
  const { username, credential } = told.find((server) => server.username !== undefined)!;
  return { username: username!, password: credential! };
}

test('are told to those who ask for them, and good for as long as the connection is there', async () => {
  const { lab, world } = await start(false);
  expect(announce(world.visitor(), false).ice_servers).toBeUndefined();
  const visitor = world.visitor();
  const told = announce(visitor, true);
  expect(told.ice_servers!.flatMap(({ urls }) => urls)).toContain('turn:203.0.113.9:3478?transport=udp');
  const client = await lab.client(credentialIn(told));
  expect(client.machine.state).toBe('allocated');
  visitor.session.closed(world.now);
  expect((await lab.client(credentialIn(told))).failure).toBe(401);
  expect(client.machine.state).toBe('allocated'); // until it comes back for more
  await lab.until(() => client.failure === 401, 'the next refresh', 600_000);
  expect(lab.service.stats.allocations).toBe(0);
  await lab.service.close();
});

test('with sessionEnded, allocations end with the connection', async () => {
  const { lab, world } = await start(true);
  const [one, other] = [world.visitor(), world.visitor()];
  const ended = await lab.client(credentialIn(announce(one, true)));
  const stays = await lab.client(credentialIn(announce(other, true)));
  one.session.closed(world.now);
  expect(lab.service.stats.allocations).toBe(1);
  await lab.run(1_000_000);
  expect([ended.failure, stays.failure]).toEqual([401, undefined]);
  await lab.service.close();
});

test('/stats and /metrics have both', async () => {
  const { lab, world } = await start(false);
  const client = await lab.client(credentialIn(announce(world.visitor(), true)));
  const options = { stats: true, metrics: true, turn: lab.service };
  const stats = JSON.parse(statusPage(world.tracker, '/stats', options)!.body) as { turn: Record<string, number> };
  expect(stats.turn).toMatchObject({ allocations: 1, relays: 1, connections: 0 });
  const { body } = statusPage(world.tracker, '/metrics', options)!;
  expect(body).toContain('# TYPE purertc_turn_allocations gauge\npurertc_turn_allocations 1\n');
  expect(body).toContain('# TYPE purertc_turn_challenges_total counter\npurertc_turn_challenges_total 1\n');
  expect(body).toContain('purertc_tracker_connections 1\n');
  for (const line of body.trim().split('\n'))
    expect(line).toMatch(/^(# TYPE )?purertc_(tracker|turn)_[a-z_]+( gauge| counter| \d+)$/);
  expect(body).not.toContain(client.machine.relayed!.address);
  await lab.service.close();
});
