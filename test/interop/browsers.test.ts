import { browserPeer } from '../browser/browser-peer.ts';
import { BROWSERS, browserAvailable } from '../browser/browsers.ts';
import { interopSuite } from './suite.ts';

for (const browser of BROWSERS) {
  interopSuite({
    title: browser,
    start: () => browserPeer(browser),
    skip: browserAvailable(browser) ? null : 'not installed',
  });
}
