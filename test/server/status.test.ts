import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { jsonLines, statusHandler, statusPage, statusResponse } from '../../src/server/index.ts';
import { wireIdToHex } from '../../src/signaling/wire.ts';
import { ROOM, World } from './world.ts';

const ALL = { stats: true, metrics: true };

test('/healthz is ok as long as somebody answers, /readyz until it drains', () => {
  const world = new World();
  expect(statusPage(world.tracker, '/healthz')).toMatchObject({ status: 200, body: '{"status":"ok"}\n' });
  expect(statusPage(world.tracker, '/readyz')).toMatchObject({ status: 200, body: '{"status":"ready"}\n' });
  world.tracker.drain(world.now);
  expect(statusPage(world.tracker, '/healthz')).toMatchObject({ status: 200 });
  expect(statusPage(world.tracker, '/readyz')).toMatchObject({ status: 503, body: '{"status":"draining"}\n' });
});

test('/readyz of a node that is cut off says so, and is ready or not as you choose', () => {
  const counters = { framesDroppedTag: 3 };
  const silent = { roomChanged() {}, remoteMembers: () => 0, remoteSeeders: () => 0, place() {}, park() {} };
  const link = { isUp: false, counters, ...silent };
  const { tracker } = new World({ cluster: link });
  expect(statusPage(tracker, '/readyz')).toMatchObject({ status: 200, body: expect.stringContaining('degraded') });
  expect(statusPage(tracker, '/readyz', { readyWhenAlone: false })).toMatchObject({ status: 503 });
  expect(statusPage(tracker, '/metrics', ALL)!.body).toContain('purertc_tracker_cluster_up 0\n');
  expect(statusPage(tracker, '/metrics', ALL)!.body).toContain('purertc_cluster_frames_dropped_tag_total 3\n');
  link.isUp = true;
  expect(statusPage(tracker, '/readyz')).toMatchObject({ status: 200, body: '{"status":"ready"}\n' });
});

test('/stats and /metrics count, and name nobody', () => {
  const world = new World();
  const [, second] = world.members(3, { left: 0 });
  second!.offer('o');
  expect(JSON.parse(statusPage(world.tracker, '/stats', ALL)!.body)).toMatchObject({
    connections: 3,
    rooms: 1,
    members: 3,
    announces: 4,
    offersDealt: 1,
  });
  const { body, contentType } = statusPage(world.tracker, '/metrics', ALL)!;
  expect(contentType).toContain('version=0.0.4');
  expect(body).toContain('# TYPE purertc_tracker_members gauge\npurertc_tracker_members 3\n');
  expect(body).toContain('# TYPE purertc_tracker_offers_dealt_total counter\npurertc_tracker_offers_dealt_total 1\n');
  for (const line of body.trim().split('\n')) expect(line).toMatch(/^(# TYPE [a-z_]+ (counter|gauge)|[a-z_]+ \d+)$/);
  for (const page of ['/stats', '/metrics']) {
    const text = statusPage(world.tracker, page, ALL)!.body;
    for (const secret of [ROOM, wireIdToHex(ROOM), second!.peerId, second!.ip]) expect(text).not.toContain(secret);
    expect(statusPage(world.tracker, page)).toBeNull(); // unless asked for
  }
});

test('serves requests of Node, and leaves the others to you', async () => {
  const { tracker } = new World();
  const handle = statusHandler(tracker, ALL);
  const server = createServer((request, response) => handle(request, response) || response.end('yours'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const text = async (path: string, init?: RequestInit): Promise<string> => (await fetch(origin + path, init)).text();
  expect(await text('/healthz?from=probe')).toBe('{"status":"ok"}\n');
  expect(await text('/healthz', { method: 'HEAD' })).toBe('');
  expect(await text('/healthz', { method: 'POST' })).toBe('yours');
  expect(await text('/elsewhere')).toBe('yours');
  server.close();
});

test('serves requests of the Fetch standard', async () => {
  const { tracker } = new World();
  const response = statusResponse(tracker, new Request('http://example.org/metrics'), ALL);
  expect(await response!.text()).toContain('purertc_tracker_connections 0');
  expect(statusResponse(tracker, new Request('http://example.org/'))).toBeNull();
});

test('logs are JSON lines without addresses and keys, and no more than ten a second for long', () => {
  const lines: string[] = [];
  let unixTimeMs = 1.7e12;
  const world = new World({
    limits: { connectionBurst: 1, maxFaultsPerMinute: 1 },
    log: jsonLines(
      (line) => lines.push(line),
      () => unixTimeMs,
    ),
  });
  const visitor = world.visitor({ ip: '192.0.2.7' });
  visitor.say('{');
  visitor.say('{');
  for (let i = 0; i < 100; i++)
    world.tracker.admit({ ip: '192.0.2.7', origin: 'https://secret.example', url: '/' }, world.now);
  expect(lines).toHaveLength(50);
  unixTimeMs += 1000;
  world.tracker.drain(world.now);
  const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(entries[0]).toEqual({ time: new Date(1.7e12).toISOString(), event: 'cutOff', reason: 'faults' });
  expect(entries[1]).toMatchObject({ event: 'refused', status: 429 });
  expect(entries[50]).toMatchObject({ event: 'draining', suppressed: 51 });
  expect(lines.join('')).not.toMatch(/192\.0\.2|secret|\.\.\.\./);
});
