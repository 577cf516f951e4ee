import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../src/binary/bytes.ts';
import { RoomKey } from '../../../src/signaling/room-key.ts';
import { type Meeting, PeerIdentity, verifyIdentity } from '../../../src/signaling/security/identity.ts';
import { wireIdFromHex } from '../../../src/signaling/wire.ts';
import { vectors } from './vectors.ts';

const NOW = Date.UTC(2026, 10, 23);
const MINUTE = 60_000;
const alice = PeerIdentity.fromSeed(new Uint8Array(32).fill(1));
const bob = PeerIdentity.fromSeed(new Uint8Array(32).fill(2));
const mallory = PeerIdentity.fromSeed(new Uint8Array(32).fill(3));

const sdp = (print: string): string =>
  `v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=fingerprint:sha-256 ${print}\r\n`;
const meeting: Meeting = {
  roomKey: RoomKey.fromString('tea'),
  offerId: wireIdFromHex('0f'.repeat(20)),
  offerer: { peerId: wireIdFromHex(alice.peerId), sdp: sdp('AA:AA') },
  answerer: { peerId: wireIdFromHex(bob.peerId), sdp: sdp('BB:BB') },
};

describe('identities', () => {
  it.each(vectors.identities)('prove the $side as OpenSSL does', (vector) => {
    const identity = PeerIdentity.fromSeed(fromHex(vector.seed));
    expect(toHex(identity.publicKey)).toBe(vector.publicKey);
    expect(identity.peerId).toBe(vector.peerId);
    const recorded: Meeting = {
      roomKey: RoomKey.fromHex(vector.roomKey),
      offerId: wireIdFromHex(vector.offerId),
      offerer: { peerId: wireIdFromHex(vector.offerer.peerId), sdp: vector.offerer.sdp },
      answerer: { peerId: wireIdFromHex(vector.answerer.peerId), sdp: vector.answerer.sdp },
    };
    const proof = identity.prove(vector.side, recorded, vector.time);
    expect(proof.signature).toBe(vector.signature);
    expect(verifyIdentity(proof, vector.side, recorded, vector.time)).toEqual(identity.publicKey);
  });

  it('come back from their seed, and are new each time otherwise', () => {
    const identity = PeerIdentity.generate();
    expect(PeerIdentity.fromSeed(identity.toSeed()).peerId).toBe(identity.peerId);
    expect(PeerIdentity.generate().peerId).not.toBe(identity.peerId);
    expect(() => PeerIdentity.fromSeed(new Uint8Array(31))).toThrow(RangeError);
  });

  it('are verified by each side, over JSON', () => {
    const offered = JSON.parse(JSON.stringify(alice.prove('offerer', meeting, NOW)));
    const answered = JSON.parse(JSON.stringify(bob.prove('answerer', meeting, NOW)));
    expect(bob.verify(offered, 'offerer', meeting, NOW + 2000)).toEqual(alice.publicKey);
    expect(alice.verify(answered, 'answerer', meeting, NOW - 2000)).toEqual(bob.publicKey);
  });

  it('refuse a member who claims the peer id of another', () => {
    expect(verifyIdentity(mallory.prove('offerer', meeting, NOW), 'offerer', meeting, NOW)).toBeNull();
    const mixed = {
      ...mallory.prove('offerer', meeting, NOW),
      publicKey: alice.prove('offerer', meeting, NOW).publicKey,
    };
    expect(verifyIdentity(mixed, 'offerer', meeting, NOW)).toBeNull();
  });

  it('refuse a proof sent back to its maker', () => {
    expect(verifyIdentity(alice.prove('offerer', meeting, NOW), 'answerer', meeting, NOW)).toBeNull();
    const mirrored = { ...meeting, answerer: meeting.offerer };
    expect(verifyIdentity(alice.prove('offerer', mirrored, NOW), 'answerer', mirrored, NOW)).toBeNull();
  });

  const between: readonly (readonly [string, Meeting])[] = [
    ['another room', { ...meeting, roomKey: RoomKey.fromString('coffee') }],
    ['another offer', { ...meeting, offerId: wireIdFromHex('0e'.repeat(20)) }],
    ['another peer', { ...meeting, answerer: { ...meeting.answerer, peerId: wireIdFromHex(mallory.peerId) } }],
    ["another certificate of the signer's", { ...meeting, offerer: { ...meeting.offerer, sdp: sdp('AA:AB') } }],
    ["another certificate of the receiver's", { ...meeting, answerer: { ...meeting.answerer, sdp: sdp('BB:BC') } }],
    ['a certificate more', { ...meeting, answerer: { ...meeting.answerer, sdp: sdp('BB:BB') + sdp('EE:EE') } }],
    [
      'certificates the other way round',
      {
        ...meeting,
        offerer: { ...meeting.offerer, sdp: sdp('BB:BB') },
        answerer: { ...meeting.answerer, sdp: sdp('AA:AA') },
      },
    ],
  ];
  it.each(between)('refuse a proof that was made for %s', (_, other) => {
    expect(verifyIdentity(alice.prove('offerer', other, NOW), 'offerer', meeting, NOW)).toBeNull();
  });

  it('hold for five minutes either way, and the time is signed', () => {
    const proof = alice.prove('offerer', meeting, NOW);
    for (const late of [-5 * MINUTE, 5 * MINUTE])
      expect(verifyIdentity(proof, 'offerer', meeting, NOW + late)).not.toBeNull();
    for (const late of [-5 * MINUTE - 1, 5 * MINUTE + 1])
      expect(verifyIdentity(proof, 'offerer', meeting, NOW + late)).toBeNull();
    expect(verifyIdentity({ ...proof, time: NOW + 1 }, 'offerer', meeting, NOW)).toBeNull();
  });

  it('do not mind how a description writes its fingerprints', () => {
    const proof = alice.prove('offerer', meeting, NOW);
    const twice = `v=0\na=fingerprint:SHA-256 aa:aa\nm=audio 9 UDP/TLS/RTP/SAVPF 0\na=fingerprint:sha-256 AA:AA\n`;
    expect(
      verifyIdentity(proof, 'offerer', { ...meeting, offerer: { ...meeting.offerer, sdp: twice } }, NOW),
    ).not.toBeNull();
  });

  it('want fingerprints to vouch for', () => {
    const bare: Meeting = { ...meeting, offerer: { ...meeting.offerer, sdp: 'v=0\r\n' } };
    expect(() => alice.prove('offerer', bare, NOW)).toThrow(TypeError);
    expect(verifyIdentity(alice.prove('offerer', meeting, NOW), 'offerer', bare, NOW)).toBeNull();
  });

  it('refuse keys of small order, under which a signature fits anything', () => {
    const neutral = new Uint8Array(32);
    neutral[0] = 1;
    const proof = {
      publicKey: Buffer.from(neutral).toString('base64url'),
      time: NOW,
      signature: Buffer.concat([neutral, new Uint8Array(32)]).toString('base64url'),
    };
    const peerId = wireIdFromHex('01d0fabd251fcbbe2b93b4b927b26ad2a1a99077'); // SHA-256 of that key
    expect(verifyIdentity(proof, 'offerer', { ...meeting, offerer: { ...meeting.offerer, peerId } }, NOW)).toBeNull();
  });

  it('survive anything', () => {
    const proof = alice.prove('offerer', meeting, NOW);
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(verifyIdentity(value, 'offerer', meeting, NOW)).toBeNull();
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom('publicKey', 'time', 'signature'), fc.anything(), (field, value) => {
        fc.pre(value !== proof[field as keyof typeof proof]);
        expect(verifyIdentity({ ...proof, [field]: value }, 'offerer', meeting, NOW)).toBeNull();
      }),
    );
  });
});
