/** The browsers' own default: host candidates carry `.local` names in place of addresses (RFC 6762). */
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { browserPeer } from '../browser/browser-peer.ts';
import { BROWSERS, browserAvailable } from '../browser/browsers.ts';
import { expectTransfer, Link } from './link.ts';
import type { Peer } from './peer.ts';
import { settingsPeer, subjectPeer } from './suite.ts';

const LOCAL_NAME = / [0-9a-f-]{36}\.local /;

/** Multicast does not go over loopback: without another interface there is nothing to resolve a name with. */
const hasNetwork: boolean = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ internal }) => !internal),
);

for (const browser of BROWSERS) {
  describe.skipIf(!browserAvailable(browser) || !hasNetwork)(browser, () => {
    let page: Peer;
    let node: Peer;

    beforeAll(async () => {
      [page, node] = await Promise.all([browserPeer(browser), subjectPeer()]);
    }, 60_000);
    afterAll(async () => {
      await Promise.all([page?.dispose(), node?.dispose()]);
    });

    for (const role of ['offering', 'answering'] as const) {
      test(`PureRTC ${role} resolves the browser's .local names when they are all it has`, async () => {
        const pageRole = role === 'offering' ? 'answerer' : 'offerer';
        // None of our candidates reaches the page, so it cannot check us first: its names must be resolved.
        const options = { withhold: (from: 'offerer' | 'answerer') => from !== pageRole };
        const link =
          role === 'offering' ? await Link.connect(node, page, options) : await Link.connect(page, node, options);
        try {
          const { candidates } = link[pageRole];
          expect(candidates.length).toBeGreaterThan(0);
          for (const { candidate } of candidates) expect(candidate).toMatch(LOCAL_NAME);
          await expectTransfer(link.first.near, link.first.far, [{ kind: 'text', size: 1000, seed: 1 }]);
          await expectTransfer(link.first.far, link.first.near, [{ kind: 'text', size: 1000, seed: 2 }]);
        } finally {
          await link.close();
        }
      });
    }

    test('the browser resolves .local names of ours when they are all it gets', async () => {
      const hidden = await settingsPeer('purertc', { mdns: 'offer' });
      const link = await Link.connect(hidden, page, { withhold: (from) => from === 'answerer' });
      try {
        const { candidates } = link.offerer;
        expect(candidates.length).toBeGreaterThan(0);
        for (const { candidate } of candidates) expect(candidate).toMatch(LOCAL_NAME);
        const { local } = await hidden.agent.descriptions({ peer: link.offerer.id });
        expect(local).not.toMatch(/^c=IN IP4 (?!0\.0\.0\.0)/m);
        await expectTransfer(link.first.near, link.first.far, [{ kind: 'text', size: 1000, seed: 3 }]);
      } finally {
        await link.close();
        await hidden.dispose();
      }
    });
  });
}
