/**
 * AES in counter mode and HMAC-SHA1 over RTP and RTCP (RFC 3711 §4.1.1, §4.2.1).
 *
 *     SRTP    header, CSRCs, extension | ciphertext | tag               the tag covers what is before it, and the ROC
 *     SRTCP   header, SSRC | ciphertext | E, index | tag                the tag covers what is before it
 *     IV      (salt · 2^16) XOR (SSRC · 2^64) XOR (index · 2^16)
 */
import { setU16, setU32, u16, u32 } from '../binary/bytes.ts';
import type { AesCmKey, CryptoProvider, HmacKey } from '../crypto/provider.ts';
import { RTCP } from './header.ts';
import type { SessionKeys } from './keys.ts';
import { SRTCP_INDEX_LENGTH } from './profiles.ts';
import type { SrtpTransform } from './transform.ts';

const IV_LENGTH = 16;
/** Offsets in the IV. */
const IV = { ssrc: 4, indexHigh: 8, indexLow: 12 } as const;
const ROC_LENGTH = 4;
/** RFC 3711 §3.4, the E flag: encrypted. */
const ENCRYPTED = 0x8000_0000;

export class AesCmTransform implements SrtpTransform {
  readonly rtpOverhead: number;
  readonly rtcpOverhead: number;
  readonly rtcpIndexDistance: number;
  readonly #rtp: KeyedAesCm;
  readonly #rtcp: KeyedAesCm;

  constructor(
    crypto: CryptoProvider,
    rtp: SessionKeys,
    rtcp: SessionKeys,
    rtpTagLength: number,
    rtcpTagLength: number,
  ) {
    this.rtpOverhead = rtpTagLength;
    this.rtcpOverhead = SRTCP_INDEX_LENGTH + rtcpTagLength;
    this.rtcpIndexDistance = this.rtcpOverhead;
    this.#rtp = new KeyedAesCm(crypto, rtp, rtpTagLength);
    this.#rtcp = new KeyedAesCm(crypto, rtcp, rtcpTagLength);
  }

  protectRtp(packet: Uint8Array, start: number, payload: number, end: number, ssrc: number, index: number): void {
    this.#rtp.crypt(packet, payload, end, ssrc, index);
    // §4.2: authenticated with the ROC behind it, which for that moment stands where the tag comes.
    setU32(packet, end, Math.floor(index / 0x1_0000));
    this.#rtp.writeTag(packet, end, this.#rtp.sign(packet, start, end + ROC_LENGTH));
  }

  unprotectRtp(packet: Uint8Array, payload: number, ssrc: number, index: number): boolean {
    const end = packet.length - this.rtpOverhead;
    this.#rtp.keepTag(packet, end);
    setU32(packet, end, Math.floor(index / 0x1_0000));
    if (!this.#rtp.isKeptTag(this.#rtp.sign(packet, 0, end + ROC_LENGTH))) return false;
    this.#rtp.crypt(packet, payload, end, ssrc, index);
    return true;
  }

  protectRtcp(packet: Uint8Array, start: number, end: number, ssrc: number, index: number): void {
    this.#rtcp.crypt(packet, start + RTCP.headerLength, end, ssrc, index);
    setU32(packet, end, ENCRYPTED | index);
    const tagAt = end + SRTCP_INDEX_LENGTH;
    this.#rtcp.writeTag(packet, tagAt, this.#rtcp.sign(packet, start, tagAt));
  }

  unprotectRtcp(packet: Uint8Array, ssrc: number, index: number): boolean {
    const end = packet.length - this.rtcpOverhead;
    const tagAt = end + SRTCP_INDEX_LENGTH;
    this.#rtcp.keepTag(packet, tagAt);
    if (!this.#rtcp.isKeptTag(this.#rtcp.sign(packet, 0, tagAt))) return false;
    if (u32(packet, end) >= ENCRYPTED) this.#rtcp.crypt(packet, RTCP.headerLength, end, ssrc, index);
    return true;
  }
}

/** Keys of cipher and HMAC, with the initial counters of their packets and the tag at hand. */
class KeyedAesCm {
  readonly #cipher: AesCmKey;
  readonly #hmac: HmacKey;
  /** Filled anew for each packet: the cipher does not keep it. */
  readonly #iv = new Uint8Array(IV_LENGTH);
  readonly #saltSsrc: number;
  readonly #saltHigh: number;
  readonly #saltLow: number;
  readonly #tag: Uint8Array;

  constructor(crypto: CryptoProvider, { encryption, authentication, salt }: SessionKeys, tagLength: number) {
    this.#cipher = crypto.aesCm(encryption);
    this.#hmac = crypto.hmac('sha1', authentication);
    this.#iv.set(salt);
    this.#saltSsrc = u32(salt, IV.ssrc);
    this.#saltHigh = u32(salt, IV.indexHigh);
    this.#saltLow = u16(salt, IV.indexLow);
    this.#tag = new Uint8Array(tagLength);
  }

  /** Encrypts or decrypts. */
  crypt(packet: Uint8Array, start: number, end: number, ssrc: number, index: number): void {
    const iv = this.#iv;
    setU32(iv, IV.ssrc, this.#saltSsrc ^ ssrc);
    setU32(iv, IV.indexHigh, this.#saltHigh ^ Math.floor(index / 0x1_0000));
    setU16(iv, IV.indexLow, this.#saltLow ^ (index & 0xffff));
    this.#cipher.apply(iv, packet, start, end);
  }

  sign(packet: Uint8Array, start: number, end: number): Uint8Array {
    return this.#hmac.sign(packet.subarray(start, end));
  }

  /** Writes the left-most bytes of `signature` (§4.2.1). */
  writeTag(packet: Uint8Array, at: number, signature: Uint8Array): void {
    for (let i = 0; i < this.#tag.length; i++) packet[at + i] = signature[i]!;
  }

  keepTag(packet: Uint8Array, at: number): void {
    for (let i = 0; i < this.#tag.length; i++) this.#tag[i] = packet[at + i]!;
  }

  /** In a time that does not depend on where the two differ. */
  isKeptTag(signature: Uint8Array): boolean {
    let difference = 0;
    for (let i = 0; i < this.#tag.length; i++) difference |= this.#tag[i]! ^ signature[i]!;
    return difference === 0;
  }
}
