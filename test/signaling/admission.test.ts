import { describe, expect, it } from 'vitest';
import { Admission } from '../../src/signaling/admission.ts';
import type { Link } from '../../src/signaling/link.ts';
import { RoomKey } from '../../src/signaling/room-key.ts';
import { PeerIdentity } from '../../src/signaling/security/identity.ts';
import { wireIdFromHex } from '../../src/signaling/wire.ts';

const NOW = Date.UTC(2026, 10, 23);
const alice = PeerIdentity.fromSeed(new Uint8Array(32).fill(1));
const bob = PeerIdentity.fromSeed(new Uint8Array(32).fill(2));

/** Bob lets Alice in, who offered. Everything is told to `log`. */
function admission(identity?: PeerIdentity): { readonly admission: Admission; readonly log: unknown[] } {
  const log: unknown[] = [];
  const link = {
    initiator: false,
    descriptions: { local: 'a=fingerprint:sha-256 BB\r\n', remote: 'a=fingerprint:sha-256 AA\r\n' },
    channel: {},
    signal: ({ introduction }: { introduction: string }) => log.push(introduction),
    recognized: () => {},
  } as unknown as Link;
  const options = {
    link,
    roomKey: RoomKey.fromString('tea'),
    ownId: wireIdFromHex(bob.peerId),
    peerId: wireIdFromHex(alice.peerId),
    offerId: wireIdFromHex('0f'.repeat(20)),
    identity,
    authorize: undefined,
    wallClock: () => NOW,
  };
  const sink = {
    admitted: () => log.push('admitted'),
    refused: (reason: string, isFinal: boolean) =>
      log.push(isFinal ? `refused for good: ${reason}` : `refused: ${reason}`),
    dismissed: () => log.push('dismissed'),
  };
  const made = new Admission(options, sink);
  made.signalOpened();
  made.handleOpen(0);
  return { admission: made, log };
}

/** What Alice says first. */
function hello(): Record<string, unknown> {
  const proof = alice.prove(
    'offerer',
    {
      roomKey: RoomKey.fromString('tea'),
      offerId: wireIdFromHex('0f'.repeat(20)),
      offerer: { peerId: wireIdFromHex(alice.peerId), sdp: 'a=fingerprint:sha-256 AA\r\n' },
      answerer: { peerId: wireIdFromHex(bob.peerId), sdp: 'a=fingerprint:sha-256 BB\r\n' },
    },
    NOW,
  );
  return { introduction: 'hello', proof };
}

function run({ admission: machine }: { readonly admission: Admission }, until: number): void {
  while (machine.nextTimeout <= until) machine.handleTimeout(machine.nextTimeout);
}

describe('admission', () => {
  it('takes a peer that says nothing for a second for one of another kind, where anybody may come in', () => {
    const bobs = admission();
    run(bobs, 999);
    expect(bobs.log).toEqual(['hello']);
    run(bobs, 1_000_000);
    expect(bobs.log).toEqual(['hello', 'admitted']);
  });

  it('answers a peer whose introduction was only late: it would wait for that', () => {
    const bobs = admission();
    run(bobs, 1_000);
    bobs.admission.handleMessage({ introduction: 'hello' });
    bobs.admission.handleMessage({ introduction: 'ready' });
    expect(bobs.log).toEqual(['hello', 'admitted', 'ready']);
  });

  it('waits for proof longer than a lost packet takes, and holds silence against nobody', () => {
    const slow = admission(bob);
    run(slow, 14_999);
    slow.admission.handleMessage(hello());
    slow.admission.handleMessage({ introduction: 'ready' });
    run(slow, 1_000_000);
    expect(slow.log).toEqual(['hello', 'ready', 'admitted']);

    const silent = admission(bob);
    run(silent, 15_000);
    silent.admission.handleMessage(hello());
    expect(silent.log).toEqual(['hello', 'refused: does not introduce itself']);
  });

  it('waits two minutes for the application on the other side', () => {
    const bobs = admission(bob);
    bobs.admission.handleMessage(hello());
    run(bobs, 119_999);
    expect(bobs.log).toEqual(['hello', 'ready']);
    run(bobs, 120_000);
    expect(bobs.log).toEqual(['hello', 'ready', 'refused: took too long to be introduced']);
    expect(bobs.admission.nextTimeout).toBe(Number.POSITIVE_INFINITY);
  });
});
