import { newestNode, type RivalName, rivalVersion } from './implementations.mjs';
import { processPeer } from './peer.ts';
import { type Gaps, INABILITIES, interopSuite } from './suite.ts';

const NO_RESTART = 'libdatachannel has no ICE restart';

const GAPS: Record<RivalName, Gaps> = {
  werift: {},
  'node-datachannel': {
    either: {
      'an ICE restart by the offerer loses nothing of the traffic': NO_RESTART,
      'an ICE restart by the answerer loses nothing of the traffic': NO_RESTART,
    },
    offering: { 'renegotiates from either side while open': 'its second offer never comes once it has answered' },
  },
  roamhq: {},
};

for (const rival of Object.keys(GAPS) as RivalName[]) {
  const version = rivalVersion(rival);
  if (version === null) console.warn(`${rival} is not installed, its tests are skipped: npm run peers`);
  interopSuite({
    title: `${rival} ${version ?? ''}`,
    start: () => processPeer(rival, rival, newestNode(), INABILITIES[rival]),
    gaps: GAPS[rival],
    skip: version === null ? 'not installed' : null,
  });
}
