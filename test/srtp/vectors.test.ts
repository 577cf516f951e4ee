/** Bytes that others agreed on: the RFCs' own, and libsrtp's. */
import { describe, expect, test } from 'vitest';
import aesCmVectors from '../../fixtures/crypto/aes-cm.json' with { type: 'json' };
import keyDerivation from '../../fixtures/srtp/key-derivation.json' with { type: 'json' };
import libsrtpPackets from '../../fixtures/srtp/libsrtp.json' with { type: 'json' };
import gcmVectors from '../../fixtures/srtp/rfc7714.json' with { type: 'json' };
import { fromHex, setU16, toHex, u32 } from '../../src/binary/bytes.ts';
import {
  deriveSrtpKeys,
  InboundSrtp,
  OutboundSrtp,
  type SrtpProfile,
  srtpKeyingMaterialLength,
} from '../../src/srtp/index.ts';
import { deriveSessionKeys } from '../../src/srtp/keys.ts';
import { PROFILE_PARAMETERS } from '../../src/srtp/profiles.ts';
import { createTransform } from '../../src/srtp/transform.ts';
import { optionsFor, PROFILES, PROVIDERS, protect, rtpPacket, unprotect } from './packets.ts';

describe.each(PROVIDERS)('with $name', (crypto) => {
  test('RFC 3711 B.3: session keys from master key and salt', () => {
    const keys = { masterKey: fromHex(keyDerivation.masterKey), masterSalt: fromHex(keyDerivation.masterSalt) };
    const { rtp, rtcp } = deriveSessionKeys(crypto, 'SRTP_AES128_CM_HMAC_SHA1_80', keys);
    expect(toHex(rtp.encryption)).toBe(keyDerivation.encryption);
    expect(toHex(rtp.salt)).toBe(keyDerivation.salt);
    expect(toHex(rtp.authentication)).toBe(keyDerivation.authentication);
    const all = [rtp, rtcp].flatMap(({ encryption, salt, authentication }) => [encryption, salt, authentication]);
    expect(new Set(all.map((key) => toHex(key.subarray(0, 12)))).size).toBe(6);
  });

  test('RFC 3711 B.2: the key stream of a packet', () => {
    const { key, keyStream } = aesCmVectors[0]!;
    const none = { encryption: new Uint8Array(16), authentication: new Uint8Array(20), salt: new Uint8Array(14) };
    const rtp = { ...none, encryption: fromHex(key), salt: fromHex('f0f1f2f3f4f5f6f7f8f9fafbfcfd') };
    const transform = createTransform(crypto, 'SRTP_AES128_CM_HMAC_SHA1_80', { rtp, rtcp: none });
    const packet = new Uint8Array(12 + 48 + transform.rtpOverhead);
    transform.protectRtp(packet, 0, 12, 60, 0, 0);
    expect(toHex(packet.subarray(12, 60))).toBe(
      keyStream
        .slice(0, 3)
        .map(({ block }) => block)
        .join(''),
    );
  });

  test.each(gcmVectors)('$source: $profile', (vector) => {
    const keys = { encryption: fromHex(vector.key), authentication: new Uint8Array(0), salt: fromHex(vector.salt) };
    const transform = createTransform(crypto, vector.profile as SrtpProfile, { rtp: keys, rtcp: keys });
    const plain = fromHex(vector.plain);
    const packet = fromHex(vector.protected);
    if (vector.kind === 'rtp') {
      const sealed = new Uint8Array(packet.length);
      sealed.set(plain);
      transform.protectRtp(sealed, 0, 12, plain.length, u32(plain, 8), vector.index);
      expect(toHex(sealed)).toBe(vector.protected);
      expect(transform.unprotectRtp(packet, 12, u32(plain, 8), vector.index)).toBe(true);
    } else {
      if (!vector.source.includes('tagged only')) {
        const sealed = new Uint8Array(packet.length);
        sealed.set(plain);
        transform.protectRtcp(sealed, 0, plain.length, u32(plain, 4), vector.index);
        expect(toHex(sealed)).toBe(vector.protected);
      }
      expect(transform.unprotectRtcp(packet, u32(plain, 4), vector.index)).toBe(true);
    }
    expect(toHex(packet.subarray(0, plain.length))).toBe(vector.plain);
  });

  test.each(libsrtpPackets)(
    'packets by libsrtp, $profile, $masterKey',
    ({ profile, masterKey, masterSalt, packets }) => {
      const options = {
        crypto,
        profile: profile as SrtpProfile,
        masterKey: fromHex(masterKey),
        masterSalt: fromHex(masterSalt),
      };
      const inbound = new InboundSrtp(options);
      // libsrtp numbers its SRTCP packets from 1.
      const rtcp = new Map(
        packets.filter(({ kind }) => kind === 'rtcp').map(({ plain }) => [u32(fromHex(plain), 4), 0]),
      );
      const out = new OutboundSrtp({ ...options, indices: { rtp: new Map(), rtcp } });
      for (const packet of packets) {
        const kind = packet.kind as 'rtp' | 'rtcp';
        expect(toHex(unprotect(inbound, kind, fromHex(packet.protected))!)).toBe(packet.plain);
        expect(toHex(protect(out, kind, fromHex(packet.plain))!)).toBe(packet.protected);
      }
    },
  );
});

describe.each(PROFILES)('%s', (profile) => {
  test('RFC 5764 §4.2: client key, server key, client salt, server salt', () => {
    const { keyLength, saltLength } = PROFILE_PARAMETERS[profile];
    const material = new Uint8Array(srtpKeyingMaterialLength(profile));
    let at = 0;
    for (const [fill, length] of [
      [1, keyLength],
      [2, keyLength],
      [3, saltLength],
      [4, saltLength],
    ] as const) {
      material.fill(fill, at, at + length);
      at += length;
    }
    const client = { masterKey: new Uint8Array(keyLength).fill(1), masterSalt: new Uint8Array(saltLength).fill(3) };
    const server = { masterKey: new Uint8Array(keyLength).fill(2), masterSalt: new Uint8Array(saltLength).fill(4) };
    expect(at).toBe(material.length);
    expect(deriveSrtpKeys(profile, 'client', material)).toEqual({ local: client, remote: server });
    expect(deriveSrtpKeys(profile, 'server', material)).toEqual({ local: server, remote: client });
    expect(() => deriveSrtpKeys(profile, 'client', material.subarray(1))).toThrow(RangeError);
  });

  test('both providers make the same packets, at every roll-over counter', () => {
    for (const rollOverCounter of [0, 1, 0x7fff, 0x8000, 0xffff, 0x8000_0000, 0xffff_fffe]) {
      const indices = { rtp: new Map([[0xffff_fff0, rollOverCounter * 0x1_0000 + 0xffff]]), rtcp: new Map() };
      const [one, other] = PROVIDERS.map((crypto) => {
        const out = new OutboundSrtp({ ...optionsFor(profile, crypto), indices });
        return toHex(protect(out, 'rtp', rtpPacket(7, { ssrc: 0xffff_fff0, csrcs: 2 }))!);
      });
      expect(one).toBe(other);
    }
  });

  test('a key or salt of another length is a RangeError', () => {
    const options = optionsFor(profile);
    for (const wrong of [{ masterKey: new Uint8Array(15) }, { masterSalt: new Uint8Array(13) }]) {
      expect(() => new OutboundSrtp({ ...options, ...wrong })).toThrow(RangeError);
      expect(() => new InboundSrtp({ ...options, ...wrong })).toThrow(RangeError);
    }
  });
});

test('RFC 3711 §4.1.1: packets of one index differ between sources, of one source between indices', () => {
  const out = new OutboundSrtp(optionsFor('SRTP_AES128_CM_HMAC_SHA1_80'));
  const seen = new Set<string>();
  for (const ssrc of [1, 2, 0x8000_0001]) {
    for (let i = 0; i < 10; i++) {
      const packet = rtpPacket(0, { ssrc, payload: new Uint8Array(16) });
      setU16(packet, 2, 0xfffb + i);
      seen.add(toHex(protect(out, 'rtp', packet)!.subarray(12, 28)));
    }
  }
  expect(seen.size).toBe(30);
});
