import { nobleCrypto } from '../../src/crypto/noble.ts';
import { browserPeer } from '../browser/browser-peer.ts';
import { BROWSERS, browserAvailable } from '../browser/browsers.ts';
import { interopSuite, settingsPeer } from './suite.ts';

/** Everything that the provider has a part in. */
const ENCRYPTED = [
  'opens a channel, with the same id, label and kind at both ends',
  'carries text and binary both ways, 1 byte to 256 KiB, with equal SHA-256',
  'carries both ways at once, more than any buffer holds',
];

for (const browser of BROWSERS) {
  interopSuite({
    title: browser,
    start: () => browserPeer(browser),
    skip: browserAvailable(browser) ? null : 'not installed',
  });
  interopSuite({
    title: `${browser}, noble provider`,
    start: () => browserPeer(browser),
    subject: () => settingsPeer('purertc noble', { crypto: nobleCrypto }),
    only: ENCRYPTED,
    skip: browserAvailable(browser) ? null : 'not installed',
  });
}
