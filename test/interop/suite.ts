/** Runs the scenarios for one pair of peers, each of them offering once. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { PeerConnectionSettings } from '../../src/index.ts';
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

/** PureRTC with settings of its own, in this process. */
export async function settingsPeer(name: string, settings: PeerConnectionSettings): Promise<Peer> {
  const { RTCPeerConnection } = await import('../../src/index.ts');
  class WithSettings extends RTCPeerConnection {
    constructor(configuration: ConstructorParameters<typeof RTCPeerConnection>[0]) {
      super(configuration, settings);
    }
  }
  return localPeer(name, { RTCPeerConnection: WithSettings });
}

export async function subjectPeer(): Promise<Peer> {
  if (SUBJECT !== 'purertc') return localPeer(SUBJECT, await loadImplementation(SUBJECT), INABILITIES[SUBJECT]);
  return settingsPeer('purertc', {});
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
  ],
  'node-datachannel': ['tell the kind of a channel', 'flush on close'],
  roamhq: ['send Blobs', 'flush on close'],
};

export type PairOptions = {
  title: string;
  start: () => Promise<Peer>;
  /** Who meets it; PureRTC in this process unless told. */
  subject?: () => Promise<Peer>;
  /** These scenarios and no others. */
  only?: readonly string[];
  gaps?: Gaps;
  /** The whole pair is left out when this is not null; it is the reason. */
  skip?: string | null;
};

export function interopSuite(options: PairOptions): void {
  const { title, start, subject: startSubject = subjectPeer, only, gaps = {}, skip = null } = options;
  for (const name of [...Object.values(gaps).flatMap(Object.keys), ...(only ?? [])]) {
    if (!(name in SCENARIOS)) throw new Error(`no scenario is called “${name}”`);
  }
  describe.skipIf(skip !== null)(skip === null ? title : `${title} (skipped: ${skip})`, () => {
    let subject: Peer;
    let other: Peer;

    beforeAll(async () => {
      [subject, other] = await Promise.all([startSubject(), start()]);
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
          if (only?.includes(name) === false) continue;
          const gap = gaps.either?.[name] ?? gaps[role]?.[name];
          test.skipIf(gap !== undefined)(gap === undefined ? name : `${name} (not done by it: ${gap})`, async () => {
            await (role === 'offering' ? scenario(subject, other) : scenario(other, subject));
          });
        }
      });
    }
  });
}
