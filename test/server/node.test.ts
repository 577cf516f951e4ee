import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { attach, type HostOptions, type TrackerLimits } from '../../src/server/index.ts';
import { TestAuthority } from '../runtime/test-authority.ts';
import { Client, meet } from './client.ts';
import { id, ROOM } from './world.ts';

const NO_RATES: Partial<TrackerLimits> = {
  maxConnectionsPerAddress: 1000,
  connectionBurst: 1000,
  messageRate: 1e6,
  messageBurst: 1e6,
  announceRate: 1e6,
  announceBurst: 1e6,
};

let server: Server;
let origin: string;
beforeEach(async () => {
  server = createServer((_, response) => response.end('the page'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** The HTTP status that an upgrade is refused with. */
async function statusOf(client: Client): Promise<number> {
  const error: Error = await client.opened.then(
    () => new Error('the connection was accepted'),
    (reason: Error) => reason,
  );
  return Number(/(\d{3})$/.exec(error.message)?.[1] ?? expect.fail(error.message));
}

describe('a tracker attached to an HTTP server', () => {
  test('lets members meet, on its path, with a query or without', async () => {
    const { tracker, close } = attach(server, '/announce');
    await meet(`${origin}/announce`);
    await meet(`${origin}/announce?token=whatever`);
    expect(tracker.stats).toMatchObject({ connectionsOpened: 4, answersDelivered: 2, connections: 0, rooms: 0 });
    close();
  });

  test('works over TLS, where the server speaks it', async () => {
    const authority = new TestAuthority();
    const { certificateChain: cert, privateKey: key } = authority.issue('127.0.0.1');
    const secure = createSecureServer({ cert, key });
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const { close } = attach(secure, '/announce');
    await meet(`wss://127.0.0.1:${(secure.address() as AddressInfo).port}/announce`, { ca: authority.certificate });
    close();
    secure.close();
  });

  test('leaves pages to the server, and other paths to others', async () => {
    const { close } = attach(server, '/announce');
    const response = await fetch(origin.replace('ws', 'http'));
    expect(await response.text()).toBe('the page');
    expect(await statusOf(new Client(`${origin}/elsewhere`))).toBe(404);
    const second = attach(server, '/second');
    await meet(`${origin}/second`);
    expect(() => attach(server, '/second')).toThrow('already');
    expect(await statusOf(new Client(`${origin}/elsewhere`))).toBe(404);

    let asked = 0;
    server.on('upgrade', (request, socket) => {
      if (request.url !== '/elsewhere') return;
      asked += 1;
      socket.destroy();
    });
    await expect(new Client(`${origin}/elsewhere`).opened).rejects.toThrow('hang up');
    expect(asked).toBe(1);
    close();
    second.close();
  });

  test('closes with 1009 on a message over its size, and takes one just under it', async () => {
    const { close } = attach(server, '/announce', { limits: { maxMessageBytes: 2000 } });
    const client = new Client(`${origin}/announce`);
    await client.opened;
    client.announce({ more: 'x'.repeat(1700) });
    expect(await client.next()).toMatchObject({ kind: 'response' });
    client.announce({ more: 'x'.repeat(2000) });
    expect(await client.closed).toMatchObject({ code: 1009 });
    close();
  });

  test.for<[string, HostOptions, Record<string, string>, number]>([
    ['an origin that is not listed', { origins: ['https://good.example'] }, { origin: 'https://bad.example' }, 403],
    ['no token', { access: { keys: [] } }, {}, 401],
    ['too many from one address', { limits: { connectionBurst: 0.5 } }, {}, 429],
    ['a full tracker', { limits: { maxConnections: 0.5 } }, {}, 101],
  ])('answers %s with an HTTP status', async ([, options, headers, status]) => {
    const { close } = attach(server, '/announce', options);
    const client = new Client(`${origin}/announce`, { headers });
    if (status !== 101) expect(await statusOf(client)).toBe(status);
    else {
      await client.opened;
      expect(await statusOf(new Client(`${origin}/announce`))).toBe(503);
    }
    close();
  });

  test('reads addresses behind trusted proxies from the right', async () => {
    const { close } = attach(server, '/announce', {
      trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'],
      limits: { maxConnectionsPerAddress: 1 },
    });
    const from = (forwardedFor: string): Client =>
      new Client(`${origin}/announce`, { headers: { 'x-forwarded-for': forwardedFor } });
    await from('203.0.113.1, 192.0.2.1, 10.0.0.7').opened;
    expect(await statusOf(from('203.0.113.2, 192.0.2.1'))).toBe(429); // the first entry is the visitor's invention
    await from('192.0.2.2').opened;
    close();
  });

  test('without trusted proxies everybody has the address that the socket shows', async () => {
    const { close } = attach(server, '/announce', { limits: { maxConnectionsPerAddress: 1 } });
    await new Client(`${origin}/announce`, { headers: { 'x-forwarded-for': '192.0.2.1' } }).opened;
    const second = new Client(`${origin}/announce`, { headers: { 'x-forwarded-for': '192.0.2.2' } });
    expect(await statusOf(second)).toBe(429);
    close();
  });

  test('`close` ends connections with 1001, and leaves the server to itself', async () => {
    const { tracker, close } = attach(server, '/announce');
    const client = new Client(`${origin}/announce`);
    await client.opened;
    client.announce();
    await client.next();
    close();
    expect(await client.closed).toMatchObject({ code: 1001 });
    expect(tracker.stats).toMatchObject({ connections: 0, rooms: 0 });
    expect(server.listenerCount('upgrade')).toBe(0);
    expect((await fetch(origin.replace('ws', 'http'))).status).toBe(200);
  });

  test('`drain` sends visitors away with 1012 and takes no more', async () => {
    const { drain, close } = attach(server, '/announce');
    const client = new Client(`${origin}/announce`);
    await client.opened;
    const drained = drain();
    expect(await statusOf(new Client(`${origin}/announce`))).toBe(503);
    expect(await client.closed).toMatchObject({ code: 1012 });
    await drained;
    close();
  });

  test('who breaks the protocol of WebSockets is cut off, and the others do not notice', async () => {
    const { tracker, close } = attach(server, '/announce');
    const { port } = server.address() as AddressInfo;
    const raw = connect(port, '127.0.0.1');
    raw.write(
      'GET /announce HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await new Promise((resolve) => raw.once('data', resolve));
    expect(tracker.connections).toBe(1);
    raw.write(Buffer.from([0x81, 0x01, 0x41])); // a client's frame without a mask: RFC 6455 §5.1
    await new Promise((resolve) => raw.once('close', resolve));
    await expect.poll(() => tracker.connections).toBe(0);
    await meet(`${origin}/announce`);
    close();
  });

  test('messages of one turn to one socket arrive in order', async () => {
    const { close } = attach(server, '/announce');
    const client = new Client(`${origin}/announce`);
    await client.opened;
    for (let i = 0; i < 10; i++) {
      client.announce({ info_hash: ROOM.slice(0, 19) + i });
    }
    for (let i = 0; i < 10; i++) expect(await client.next()).toMatchObject({ infoHash: ROOM.slice(0, 19) + i });
    close();
  });
});

describe('on real sockets', () => {
  test('who does not read gets no more than its bounds, keeps nobody waiting, and is served again when it reads', async () => {
    const limits = { softBufferBytes: 50_000, maxOpenOffers: 10_000, ...NO_RATES };
    const { tracker, close } = attach(server, '/announce', { limits });
    const [slow, author] = [
      new Client(`${origin}/announce`, { name: 'slow' }),
      new Client(`${origin}/announce`, { name: 'a' }),
    ];
    await Promise.all([slow.opened, author.opened]);
    slow.announce();
    await slow.next();
    slow.socket.pause();

    // 16 kB an offer, all for the one who does not read: what the kernel takes, then the soft bound, then nothing.
    const sdp = 'x'.repeat(16_000);
    let sent = 0;
    while (tracker.stats.offersUnplaced < 50 && sent < 3000) {
      author.announce({ offers: [{ offer_id: id(`${sent}`), offer: { type: 'offer', sdp } }] });
      await author.next();
      sent += 1;
    }
    expect(tracker.stats.offersUnplaced).toBe(50);
    expect(tracker.stats.offersDealt).toBe(sent - 50);
    expect(tracker.connections).toBe(2);

    slow.socket.resume();
    for (let i = 0; i < sent - 50; i++) expect(await slow.next()).toMatchObject({ kind: 'offer', offerId: id(`${i}`) });
    await expect
      .poll(async () => {
        author.offer('again');
        await author.next();
        return tracker.stats.offersDealt;
      })
      .toBeGreaterThan(sent - 50);
    close();
  });

  test('who asks and does not read is cut off at the hard bound', async () => {
    const limits = { hardBufferBytes: 100_000, maxScrapedRooms: 1000, ...NO_RATES };
    const { tracker, close } = attach(server, '/announce', { limits });
    const greedy = new Client(`${origin}/announce`);
    await greedy.opened;
    greedy.socket.pause();
    const rooms = Array.from({ length: 1000 }, (_, i) => id(`${i}`));
    const scrape = JSON.stringify({ action: 'scrape', info_hash: rooms }); // 23 kB, and its answer three times that
    await expect
      .poll(() => {
        for (let i = 0; i < 20; i++) greedy.socket.send(scrape);
        return tracker.stats.closedSlow;
      })
      .toBe(1);
    expect(tracker.connections).toBe(0);
    await meet(`${origin}/announce`);
    close();
  });

  test('a storm of visitors who come, join and vanish leaves nothing behind', async () => {
    const { tracker, close } = attach(server, '/announce', { limits: NO_RATES });
    for (let wave = 0; wave < 3; wave++) {
      const clients = Array.from({ length: 60 }, (_, i) => new Client(`${origin}/announce`, { name: `${wave} ${i}` }));
      await Promise.all(clients.map(({ opened }) => opened));
      for (const client of clients) client.offer('a', 'b');
      await Promise.all(clients.map((client) => client.next()));
      for (const client of clients) client.socket.terminate();
    }
    await expect.poll(() => tracker.stats).toMatchObject({ connections: 0, rooms: 0, members: 0 });
    expect(tracker.stats.connectionsOpened).toBe(180);
    await meet(`${origin}/announce`);
    close();
  });
});
