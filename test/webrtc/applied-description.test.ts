/** Which section of a description carries the transport. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseDescription } from '../../src/sdp/index.ts';
import {
  addCandidate,
  applyDescription,
  credentialsOf,
  transportSection,
} from '../../src/webrtc/applied-description.ts';

const read = (name: string) => readFileSync(new URL(`../../fixtures/sdp/${name}.sdp`, import.meta.url), 'utf8');

test('the first of the bundle', () => {
  const content = parseDescription(read('max-bundle-media-offer'));
  expect(transportSection(content)?.index).toBe(0);
  expect(credentialsOf({ content })?.usernameFragment).toBe('Zp7q');
});

test('not one that was turned down, though the bundle names it first', () => {
  const content = parseDescription(read('rejected-audio-answer').replace('BUNDLE 1', 'BUNDLE 0 1'));
  expect(transportSection(content)?.index).toBe(1);
  expect(credentialsOf({ content })?.usernameFragment).toBe('Rt4y');
});

test('none, where all were turned down', () => {
  const content = parseDescription(read('rejected-audio-answer').replace('m=application 9', 'm=application 0'));
  expect(transportSection(content)).toBeNull();
});

test('a candidate makes another description: the one that a script has taken stays as it was', () => {
  const sdp = read('max-bundle-media-offer');
  const applied = applyDescription({ type: 'offer', sdp }, parseDescription(sdp));
  const taken = applied.object;
  const candidate = 'candidate:9 1 udp 2113937151 192.0.2.9 4000 typ host';
  addCandidate(applied, 0, candidate);
  expect(taken.sdp).toBe(sdp);
  expect(applied.object.sdp).toContain(candidate);
  const withIt = applied.object;
  addCandidate(applied, 0, candidate);
  expect(applied.object).toBe(withIt); // it was known
});
