/** What the tests of SRTP are made of: profiles, keys, packets. */
import { setU16, setU32 } from '../../src/binary/bytes.ts';
import { nobleCrypto } from '../../src/crypto/noble.ts';
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { InboundSrtp, OutboundSrtp, SRTP_PROFILES, type SrtpOptions, type SrtpProfile } from '../../src/srtp/index.ts';
import { PROFILE_PARAMETERS } from '../../src/srtp/profiles.ts';

export const PROFILES: readonly SrtpProfile[] = Object.keys(SRTP_PROFILES) as SrtpProfile[];
export const PROVIDERS: readonly CryptoProvider[] = [nodeCrypto, nobleCrypto];
export const SSRC = 0xcafe_babe;

export function optionsFor(profile: SrtpProfile, crypto: CryptoProvider = nodeCrypto): SrtpOptions {
  const { keyLength, saltLength } = PROFILE_PARAMETERS[profile];
  return {
    crypto,
    profile,
    masterKey: Uint8Array.from({ length: keyLength }, (_, i) => 7 * i + 1),
    masterSalt: Uint8Array.from({ length: saltLength }, (_, i) => 11 * i + 5),
  };
}

export type RtpParts = { csrcs?: number; extension?: Uint8Array; payload?: Uint8Array; ssrc?: number };

/** An RTP packet; the length of `extension` is rounded up to words. */
export function rtpPacket(sequenceNumber: number, parts: RtpParts = {}): Uint8Array {
  const { csrcs = 0, extension, payload = new Uint8Array([1, 2, 3, 4, 5]), ssrc = SSRC } = parts;
  const words = extension === undefined ? 0 : Math.ceil(extension.length / 4);
  const extensionAt = 12 + 4 * csrcs;
  const payloadAt = extensionAt + (extension === undefined ? 0 : 4 + 4 * words);
  const packet = new Uint8Array(payloadAt + payload.length).fill(0x5a, 12, payloadAt);
  packet[0] = 0x80 | csrcs | (extension === undefined ? 0 : 0x10);
  packet[1] = 96;
  setU16(packet, 2, sequenceNumber);
  setU32(packet, 4, 0x0102_0304);
  setU32(packet, 8, ssrc);
  if (extension !== undefined) {
    setU16(packet, extensionAt, 0xbede);
    setU16(packet, extensionAt + 2, words);
    packet.set(extension, extensionAt + 4);
  }
  packet.set(payload, payloadAt);
  return packet;
}

/** A receiver report with `words` words behind its SSRC. */
export function rtcpPacket(words: number, ssrc: number = SSRC): Uint8Array {
  const packet = new Uint8Array(8 + 4 * words).fill(0x33, 8);
  packet[0] = 0x80;
  packet[1] = 201;
  setU16(packet, 2, 1 + words);
  setU32(packet, 4, ssrc);
  return packet;
}

/** Bytes that stand before a packet in its buffer, so that nothing starts at 0. */
const HEADROOM = 3;

/** The packet, protected; `null` when that was refused. Checks that nothing around it was written to. */
export function protect(out: OutboundSrtp, kind: 'rtp' | 'rtcp', packet: Uint8Array): Uint8Array | null {
  const overhead = kind === 'rtp' ? out.rtpOverhead : out.rtcpOverhead;
  const end = HEADROOM + packet.length;
  const buffer = new Uint8Array(end + overhead + 2).fill(0xee);
  buffer.set(packet, HEADROOM);
  const newEnd = kind === 'rtp' ? out.protectRtp(buffer, HEADROOM, end) : out.protectRtcp(buffer, HEADROOM, end);
  if (newEnd < 0) return null;
  const untouched = [...buffer.subarray(0, HEADROOM), ...buffer.subarray(newEnd)].every((byte) => byte === 0xee);
  if (newEnd !== end + overhead || !untouched) throw new Error('wrote where it should not have');
  return buffer.slice(HEADROOM, newEnd);
}

/** The packet, unprotected in a copy. */
export function unprotect(inbound: InboundSrtp, kind: 'rtp' | 'rtcp', packet: Uint8Array): Uint8Array | null {
  return kind === 'rtp' ? inbound.unprotectRtp(packet.slice()) : inbound.unprotectRtcp(packet.slice());
}

export function pair(profile: SrtpProfile, crypto?: CryptoProvider): { out: OutboundSrtp; inbound: InboundSrtp } {
  const options = optionsFor(profile, crypto);
  return { out: new OutboundSrtp(options), inbound: new InboundSrtp(options) };
}
