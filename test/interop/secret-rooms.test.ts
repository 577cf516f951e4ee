/**
 * Rooms with a secret and identities between Node and browsers, whose pages come over plain http: there, browsers have no
 * `crypto.subtle`. Needs an address that is not loopback's, since that one counts as secure.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toHex } from '../../src/binary/bytes.ts';
import { type AttachedTracker, attach } from '../../src/server/index.ts';
import { createSecretLink, joinRoom, PeerIdentity, type RoomPeer } from '../../src/signaling/index.ts';
import { BROWSERS, browserAvailable, TestBrowser } from '../browser/browsers.ts';
import { vectors } from '../signaling/security/vectors.ts';

/** What the page shows of itself, and of whom it met. */
type Report = {
  readonly isSecure: boolean;
  readonly hasSubtle: boolean;
  readonly own: string;
  readonly peer: { readonly id: string; readonly identity: string };
};

const PAGE = `<!doctype html><script type="module">
  import { joinRoom, keysFromPassword, parseSecretLink, PeerIdentity } from './signaling.js';
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  globalThis.roomKeyOf = async (password, room, appId) => (await keysFromPassword(password, room, { appId })).roomKey.toHex();
  globalThis.meet = (tracker) => new Promise((resolve) => {
    const identity = PeerIdentity.generate();
    const { room, secret } = parseSecretLink(location.href);
    joinRoom(room, { trackers: [tracker], secret, identity }).onpeer = ({ peer }) => {
      peer.channel.onmessage = ({ data }) => peer.send('heard ' + data);
      resolve({
        isSecure: isSecureContext,
        hasSubtle: globalThis.crypto.subtle !== undefined,
        own: hex(identity.publicKey),
        peer: { id: peer.id, identity: hex(peer.identity) },
      });
    };
  });
</script>`;

const address = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
if (address === undefined) console.warn('secret rooms in pages: skipped, there is no address but loopback');

describe.skipIf(address === undefined)('a secret room, with a page over plain http', () => {
  let server: Server;
  let tracker: AttachedTracker;
  let host: string;

  beforeAll(async () => {
    const input = fileURLToPath(new URL('../../src/signaling/browser.ts', import.meta.url));
    const { output } = await (await rolldown({ input, platform: 'browser' })).generate({ format: 'esm' });
    server = createServer((request, response) => {
      const isScript = request.url === '/signaling.js';
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
      response.end(isScript ? output[0].code : PAGE);
    });
    tracker = attach(server);
    server.listen(0, address);
    await once(server, 'listening');
    host = `${address}:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    tracker?.close();
    server?.closeAllConnections();
    server?.close();
  });

  test.each(BROWSERS.filter(browserAvailable))(
    '%s meets Node, and each knows who the other is',
    { timeout: 60_000 },
    async (name) => {
      const browser = await TestBrowser.launch(name, { exposeHostCandidates: true });
      const identity = PeerIdentity.generate();
      const link = createSecretLink(`http://${host}/`, 'tea & biscuits');
      const room = joinRoom(link.room, { trackers: [`ws://${host}/announce`], secret: link.secret, identity });
      try {
        const page = await browser.openPage(link.url);
        await page.waitForFunction('globalThis.meet !== undefined');
        const met = once(room, 'peer') as unknown as Promise<[{ readonly peer: RoomPeer }]>;
        const report = (await page.evaluate(`meet('ws://${host}/announce')`)) as Report;
        const [{ peer }] = await met;
        expect(report).toMatchObject({ isSecure: false, hasSubtle: false });
        expect(report.peer).toEqual({ id: identity.peerId, identity: toHex(identity.publicKey) });
        expect(toHex(peer.identity!)).toBe(report.own);
        const answered = once(peer.channel, 'message');
        peer.send('hello');
        expect(((await answered) as [MessageEvent])[0].data).toBe('heard hello');

        const [{ password, room: named, appId, roomKey }] = vectors.passwords as [(typeof vectors.passwords)[number]];
        expect(
          await page.evaluate(
            `roomKeyOf(${JSON.stringify(password)}, ${JSON.stringify(named)}, ${JSON.stringify(appId)})`,
          ),
        ).toBe(roomKey);
      } finally {
        await room.leave();
        await browser.close();
      }
    },
  );
});
