/**
 * Browsers' handshakes, replayed: with the recorded certificate, random bytes, datagrams and times our machines must
 * send what they sent then, bit for bit, and come to the same end.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { certificateFromDer } from '../../src/crypto/index.ts';
import { nobleCrypto } from '../../src/crypto/noble.ts';
import type { RandomSource } from '../../src/machine.ts';
import {
  parseStun,
  readText,
  STUN_ATTRIBUTE,
  shortTermKeys,
  unknownRequiredAttributes,
  verifyFingerprint,
  verifyIntegrity,
} from '../../src/stun/index.ts';
import { HandshakePeer, type Recording } from './handshake-peer.ts';

const FIXTURES = new URL('../../fixtures/handshakes/', import.meta.url);

const UNDERSTOOD: ReadonlySet<number> = new Set(Object.values(STUN_ATTRIBUTE));

/** Gives recorded bytes again, and no others. */
class ReplayedRandom implements RandomSource {
  #left: Uint8Array;

  constructor(base64: string) {
    this.#left = bytes(base64);
  }

  fill(target: Uint8Array): void {
    if (target.length > this.#left.length) throw new Error('more randomness is drawn than was recorded');
    target.set(this.#left.subarray(0, target.length));
    this.#left = this.#left.subarray(target.length);
  }

  get bytesLeft(): number {
    return this.#left.length;
  }
}

function bytes(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'));
}

type Replay = { sent: string[]; events: string[]; peer: HandshakePeer; randomLeft: number };

/** Does to a fresh machine what was done to the recorded one; `tamper` may change what the browser sends, or drop it. */
function replay(
  recording: Recording,
  tamper: (packet: Uint8Array, index: number) => Uint8Array | null = (p) => p,
): Replay {
  const dtlsRandom = new ReplayedRandom(recording.random.dtls);
  const sctpRandom = new ReplayedRandom(recording.random.sctp);
  const sent: string[] = [];
  const events: string[] = [];
  const { der, pkcs8 } = recording.certificate;
  const peer = new HandshakePeer({
    crypto: nobleCrypto,
    certificate: certificateFromDer(nobleCrypto, { chain: [bytes(der)], pkcs8: bytes(pkcs8) }),
    role: recording.dtlsRole,
    fingerprints: [recording.browserFingerprint],
    dtlsRandom,
    sctpRandom,
    transmit: (packet) => sent.push(Buffer.from(packet).toString('base64')),
    event: (event) => events.push(event),
  });
  let received = 0;
  for (const step of recording.log) {
    if ('start' in step) peer.start(step.at);
    else if ('timeout' in step) peer.handleTimeout(step.at);
    else if ('received' in step) {
      const packet = tamper(bytes(step.received), received++);
      if (packet !== null) peer.handlePacket(packet, step.at);
    }
  }
  return { sent, events, peer, randomLeft: dtlsRandom.bytesLeft + sctpRandom.bytesLeft };
}

const names = readdirSync(FIXTURES).filter((name) => name.endsWith('.json'));

test('both browsers are recorded in both DTLS roles', () => {
  expect(names.sort()).toEqual([
    'chromium-client.json',
    'chromium-server.json',
    'firefox-client.json',
    'firefox-server.json',
  ]);
});

describe.each(names)('%s', (name) => {
  const recording = JSON.parse(readFileSync(new URL(name, FIXTURES), 'utf8')) as Recording;

  test('our machines send the same bytes again, draw the same randomness and tell the same story', () => {
    const { sent, events, peer, randomLeft } = replay(recording);
    expect(sent).toEqual(recording.log.flatMap((step) => ('sent' in step ? [step.sent] : [])));
    expect(events).toEqual(recording.events);
    expect(events).toEqual(
      expect.arrayContaining(['dtls connected', 'sctp connected', 'message Hello from the browser']),
    );
    expect(randomLeft).toBe(0);
    expect(peer.nextTimeout).toBe(Infinity); // it was closed; nothing is pending
  });

  test('a flipped bit in any of the browser’s datagrams never throws, and never lets other data through', () => {
    const count = recording.log.filter((step) => 'received' in step).length;
    for (let victim = 0; victim < count; victim++) {
      const { events } = replay(recording, (packet, index) => {
        if (index === victim) packet[packet.length - 1]! ^= 1;
        return packet;
      });
      for (const event of events) if (event.startsWith('message')) expect(recording.events).toContain(event);
      if (victim === 0) expect(events).not.toContain('dtls connected');
    }
  });

  test('the ICE packets authenticate, and hold nothing that we would have to refuse', () => {
    const { localCredentials: local, remoteCredentials: remote, packets } = recording.ice;
    let requests = 0;
    let responses = 0;
    for (const packet of packets) {
      if (!('received' in packet)) continue;
      const message = parseStun(bytes(packet.received))!;
      expect(message).not.toBeNull();
      expect(verifyFingerprint(message)).toBe(true);
      expect(unknownRequiredAttributes(message, UNDERSTOOD)).toEqual([]);
      if (message.messageClass === 'request') {
        requests++;
        expect(verifyIntegrity(message, shortTermKeys(nobleCrypto, local.password))).toBe('sha1');
        const username = readText(message, STUN_ATTRIBUTE.username);
        expect(username).toBe(`${local.usernameFragment}:${remote.usernameFragment}`);
      } else {
        responses++;
        expect(message.messageClass).toBe('success');
        expect(verifyIntegrity(message, shortTermKeys(nobleCrypto, remote.password))).toBe('sha1');
      }
    }
    expect(requests).toBeGreaterThan(0);
    expect(responses).toBeGreaterThan(0);
  });
});
