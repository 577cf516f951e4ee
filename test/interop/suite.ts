/** Runs the scenarios for one pair of peers, each of them offering once. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ImplementationName, loadImplementation } from './implementations.mjs';
import { type Inability, localPeer, type Peer } from './peer.ts';
import { SCENARIOS } from './scenarios.ts';

type Role = 'offering' | 'answering';

/** Scenarios the other stack cannot do, by PureRTC's role and by title, with the reason, which shows in the test's title. */
export type Gaps = { readonly [Part in Role | 'either']?: { readonly [scenario: string]: string } };

/**
 * What is under test: PureRTC, in this process. INTEROP_SUBJECT puts a rival in its place, which is how the harness
 * itself was proved.
 */
export const SUBJECT: ImplementationName = (process.env['INTEROP_SUBJECT'] ?? 'purertc') as ImplementationName;

export async function subjectPeer(): Promise<Peer> {
  if (SUBJECT !== 'purertc') return localPeer(SUBJECT, await loadImplementation(SUBJECT), INABILITIES[SUBJECT]);
  const { RTCPeerConnection } = await import('../../src/index.ts');
  // lib.dom's class and ours differ in what is media; the agent uses neither.
  return localPeer('purertc', {
    RTCPeerConnection: RTCPeerConnection as unknown as typeof globalThis.RTCPeerConnection,
  });
}

/** What the rivals cannot do at their end, as seen with the versions in test/peers/package.json. */
export const INABILITIES: { readonly [Name in ImplementationName]?: readonly Inability[] } = {
  werift: [
    'send Blobs',
    'send empty messages',
    'tell the kind of a channel',
    'send labels in UTF-8',
    'send partially reliable unordered channels',
    'flush on close',
    'receive all before a reset',
  ],
  'node-datachannel': ['tell the kind of a channel', 'flush on close', 'receive all before a reset'],
  roamhq: ['send Blobs', 'flush on close'],
};

export type PairOptions = {
  title: string;
  start: () => Promise<Peer>;
  gaps?: Gaps;
  /** The whole pair is left out when this is not null; it is the reason. */
  skip?: string | null;
};

export function interopSuite({ title, start, gaps = {}, skip = null }: PairOptions): void {
  for (const name of Object.values(gaps).flatMap(Object.keys)) {
    if (!(name in SCENARIOS)) throw new Error(`no scenario is called “${name}”`);
  }
  describe.skipIf(skip !== null)(skip === null ? title : `${title} (skipped: ${skip})`, () => {
    let subject: Peer;
    let other: Peer;

    beforeAll(async () => {
      [subject, other] = await Promise.all([subjectPeer(), start()]);
    }, 60_000);

    afterEach(async () => {
      await Promise.all([subject.agent.reset(), other.agent.reset()]);
      expect([...subject.takeFaults(), ...other.takeFaults()]).toEqual([]);
    });

    afterAll(async () => {
      await Promise.all([subject?.dispose(), other?.dispose()]);
    });

    for (const role of ['offering', 'answering'] as const satisfies Role[]) {
      describe(`PureRTC ${role}`, () => {
        for (const [name, scenario] of Object.entries(SCENARIOS)) {
          const gap = gaps.either?.[name] ?? gaps[role]?.[name];
          test.skipIf(gap !== undefined)(gap === undefined ? name : `${name} (not done by it: ${gap})`, async () => {
            await (role === 'offering' ? scenario(subject, other) : scenario(other, subject));
          });
        }
      });
    }
  });
}
