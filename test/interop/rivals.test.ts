import { newestNode, type RivalName, rivalVersion } from './implementations.mjs';
import { processPeer } from './peer.ts';
import { type Gaps, INABILITIES, interopSuite } from './suite.ts';

const GAPS: Record<RivalName, Gaps> = {
  werift: {},
  'node-datachannel': {},
  roamhq: {},
};

for (const rival of Object.keys(GAPS) as RivalName[]) {
  const version = rivalVersion(rival);
  interopSuite({
    title: `${rival} ${version ?? ''}`,
    start: () => processPeer(rival, rival, newestNode(), INABILITIES[rival]),
    gaps: GAPS[rival],
    skip: version === null ? 'not installed: npm run peers' : null,
  });
}
