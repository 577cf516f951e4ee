/**
 * AES-GCM over RTP and RTCP (RFC 7714 §8, §9).
 *
 *     SRTP    header, CSRCs, extension | ciphertext | tag                    the header is additional data
 *     SRTCP   header, SSRC | ciphertext | tag | E, index                     first 8 and last 4 bytes are
 *     nonce   salt XOR (0^16 || SSRC || ROC || SEQ), or salt XOR (0^16 || SSRC || 0^16 || 0 || SRTCP index)
 */
import { concatBytes, setU16, setU32, u16, u32 } from '../binary/bytes.ts';
import { AEAD_TAG_LENGTH, type AeadKey, type AeadName, type CryptoProvider } from '../crypto/provider.ts';
import { RTCP } from './header.ts';
import type { SessionKeys } from './keys.ts';
import { SRTCP_INDEX_LENGTH } from './profiles.ts';
import type { SrtpTransform } from './transform.ts';

const NONCE_LENGTH = 12;
/** Offsets in the nonce; an SRTCP index is a 48-bit one with zeros in front. */
const NONCE = { ssrc: 2, indexHigh: 6, indexLow: 10 } as const;

/** RFC 3711 §3.4, the E flag: encrypted. */
const ENCRYPTED = 0x8000_0000;

export class AeadTransform implements SrtpTransform {
  readonly rtpOverhead: number = AEAD_TAG_LENGTH;
  readonly rtcpOverhead: number = AEAD_TAG_LENGTH + SRTCP_INDEX_LENGTH;
  readonly rtcpIndexDistance: number = SRTCP_INDEX_LENGTH;
  readonly #rtp: KeyedAead;
  readonly #rtcp: KeyedAead;
  /** Scratch for SRTCP's additional data, which does not stand in one piece in the packet. */
  readonly #additionalData = new Uint8Array(RTCP.headerLength + SRTCP_INDEX_LENGTH);

  constructor(crypto: CryptoProvider, aead: AeadName, rtp: SessionKeys, rtcp: SessionKeys) {
    this.#rtp = new KeyedAead(crypto.aead(aead, rtp.encryption), rtp.salt);
    this.#rtcp = new KeyedAead(crypto.aead(aead, rtcp.encryption), rtcp.salt);
  }

  protectRtp(packet: Uint8Array, start: number, payload: number, end: number, ssrc: number, index: number): void {
    const { key } = this.#rtp;
    key.seal(this.#rtp.nonce(ssrc, index), packet.subarray(start, payload), packet, payload, end);
  }

  unprotectRtp(packet: Uint8Array, payload: number, ssrc: number, index: number): boolean {
    return this.#open(this.#rtp, ssrc, index, packet.subarray(0, payload), packet, payload, packet.length);
  }

  protectRtcp(packet: Uint8Array, start: number, end: number, ssrc: number, index: number): void {
    const word = (ENCRYPTED | index) >>> 0;
    const additionalData = this.#fillAdditionalData(packet, start, word);
    this.#rtcp.key.seal(this.#rtcp.nonce(ssrc, index), additionalData, packet, start + RTCP.headerLength, end);
    setU32(packet, end + AEAD_TAG_LENGTH, word);
  }

  unprotectRtcp(packet: Uint8Array, ssrc: number, index: number): boolean {
    const end = packet.length - SRTCP_INDEX_LENGTH;
    const word = u32(packet, end);
    if (word >= ENCRYPTED) {
      const additionalData = this.#fillAdditionalData(packet, 0, word);
      return this.#open(this.#rtcp, ssrc, index, additionalData, packet, RTCP.headerLength, end);
    }
    // §9.3: not encrypted, all of it is additional data. Nobody is known to send this.
    const tagAt = end - AEAD_TAG_LENGTH;
    const additionalData = concatBytes(packet.subarray(0, tagAt), packet.subarray(end));
    return this.#open(this.#rtcp, ssrc, index, additionalData, packet, tagAt, end);
  }

  #open(
    aead: KeyedAead,
    ssrc: number,
    index: number,
    additionalData: Uint8Array,
    packet: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const plaintext = aead.key.open(aead.nonce(ssrc, index), additionalData, packet, start, end);
    if (plaintext === null) return false;
    const inPlace = plaintext.buffer === packet.buffer && plaintext.byteOffset === packet.byteOffset + start;
    if (!inPlace) packet.set(plaintext, start);
    return true;
  }

  #fillAdditionalData(packet: Uint8Array, start: number, word: number): Uint8Array {
    const additionalData = this.#additionalData;
    for (let i = 0; i < RTCP.headerLength; i++) additionalData[i] = packet[start + i]!;
    setU32(additionalData, RTCP.headerLength, word);
    return additionalData;
  }
}

/** A key with the nonces of its packets. */
class KeyedAead {
  readonly key: AeadKey;
  /** Filled anew for each packet: the AEAD does not keep it. */
  readonly #nonce: Uint8Array;
  readonly #saltSsrc: number;
  readonly #saltHigh: number;
  readonly #saltLow: number;

  constructor(key: AeadKey, salt: Uint8Array) {
    this.key = key;
    this.#nonce = salt.slice(0, NONCE_LENGTH);
    this.#saltSsrc = u32(salt, NONCE.ssrc);
    this.#saltHigh = u32(salt, NONCE.indexHigh);
    this.#saltLow = u16(salt, NONCE.indexLow);
  }

  nonce(ssrc: number, index: number): Uint8Array {
    const nonce = this.#nonce;
    setU32(nonce, NONCE.ssrc, this.#saltSsrc ^ ssrc);
    setU32(nonce, NONCE.indexHigh, this.#saltHigh ^ Math.floor(index / 0x1_0000));
    setU16(nonce, NONCE.indexLow, this.#saltLow ^ (index & 0xffff));
    return nonce;
  }
}
