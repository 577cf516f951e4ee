/**
 * Records what the browsers on this machine say about media: `scripts/isolated node scripts/record-descriptions.ts`,
 * with Node 22.18 or newer. Writes fixtures/sdp/media/<browser>-<scene>-<offer or answer>.sdp.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { BROWSERS, findBrowser } from '../test/browser/browsers.ts';
import { DescriptionPage } from '../test/sdp/browser-page.ts';

/** What the offerer and the answerer do before; later steps of a scene go on with the same connections. */
const SCENES: readonly { name: string; offerer: string; answerer?: string; config?: string; goesOn?: true }[] = [
  {
    name: 'call',
    offerer: `addStream(pcs.a, ['audio', 'video']); pcs.a.createDataChannel('');`,
    answerer: `addStream(pcs.b, ['audio', 'video']);`,
  },
  { name: 'stopped', goesOn: true, offerer: 'pcs.a.getTransceivers()[1].stop();' },
  { name: 'recycled', goesOn: true, offerer: `pcs.a.addTransceiver('audio');` },
  {
    name: 'receive',
    offerer: `for (const kind of ['audio', 'video']) pcs.a.addTransceiver(kind, { direction: 'recvonly' });`,
    answerer: `addStream(pcs.b, ['audio', 'video']);`,
  },
  {
    name: 'bare',
    offerer: `pcs.a.addTransceiver(make.audio()); pcs.a.addTransceiver(make.video());
      pcs.a.addTransceiver('video', { direction: 'inactive' });`,
  },
  {
    name: 'simulcast',
    offerer: `const track = make.video(); pcs.a.addTransceiver(track, { direction: 'sendonly',
      streams: [new MediaStream([track])], sendEncodings: [{ rid: 'q', scaleResolutionDownBy: 4 },
      { rid: 'h', scaleResolutionDownBy: 2, active: false }, { rid: 'f' }] });`,
  },
  {
    name: 'max-bundle',
    config: `{ bundlePolicy: 'max-bundle' }`,
    offerer: `addStream(pcs.a, ['audio', 'video']);`,
    answerer: `addStream(pcs.b, ['audio', 'video']);`,
  },
];

const folder = new URL('../fixtures/sdp/media/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const browser of BROWSERS) {
  if (findBrowser(browser) === null) continue;
  const page = await DescriptionPage.open(browser);
  try {
    console.log(page.version);
    for (const { name, offerer, answerer = '', config = '{}', goesOn } of SCENES) {
      if (!goesOn) await page.run(`for (const pc of ['a', 'b']) pcs[pc] = new RTCPeerConnection(${config});`);
      const save = (type: string, sdp: string): void =>
        writeFileSync(new URL(`${browser}-${name}-${type}.sdp`, folder), sdp.replaceAll('\r\n', '\n'));
      await page.run(offerer);
      const offer = await page.setLocal('a');
      save('offer', offer);
      await page.setRemote('b', 'offer', offer);
      await page.run(answerer);
      const answer = await page.setLocal('b');
      save('answer', answer);
      await page.setRemote('a', 'answer', answer);
    }
  } finally {
    await page.close();
  }
}
