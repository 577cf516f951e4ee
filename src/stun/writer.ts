/** STUN messages: writing. Attributes stand in the order of the calls; integrity and fingerprint cover what is before them. */
import { setU16, setU32 } from '../binary/bytes.ts';
import type { HmacKey } from '../crypto/provider.ts';
import { type RandomSource, randomBytes } from '../machine.ts';
import { parseAddress, type SocketAddress } from './address.ts';
import { fingerprintOf, integrityTag } from './integrity.ts';
import {
  MAGIC_COOKIE,
  STUN_HEADER,
  STUN_TLV,
  type StunClass,
  stunMessageType,
  TRANSACTION_ID_LENGTH,
} from './message.ts';
import { STUN_ATTRIBUTE } from './registry.ts';
import {
  ADDRESS_FAMILY,
  ERROR_CODE,
  MAPPED_ADDRESS,
  PASSWORD_ALGORITHM,
  type PasswordAlgorithm,
  xorAddress,
} from './values.ts';

const INITIAL_CAPACITY = 192; // a Binding request of ICE with all it needs
const MAX_TEXT_BYTES = 508; // RFC 8489 §14.3: "fewer than 509 bytes"
const SHA256_TAG_LENGTH = 32;

/** RFC 8489 §5: 96 bits, "uniformly and randomly chosen" and cryptographically so. */
export function newTransactionId(random: RandomSource): Uint8Array {
  return randomBytes(random, TRANSACTION_ID_LENGTH);
}

/**
 * @example
 * const request = new StunWriter('request', BINDING, newTransactionId(random))
 *   .text(STUN_ATTRIBUTE.username, 'evtj:h6vY')
 *   .integrity(keys.sha1)
 *   .fingerprint()
 *   .finish();
 */
export class StunWriter {
  #bytes = new Uint8Array(INITIAL_CAPACITY);
  #length: number = STUN_HEADER.size;

  /** @throws RangeError when `transactionId` is not 12 bytes long */
  constructor(messageClass: StunClass, method: number, transactionId: Uint8Array) {
    if (transactionId.length !== TRANSACTION_ID_LENGTH) {
      throw new RangeError(`a transaction id has ${TRANSACTION_ID_LENGTH} bytes, got ${transactionId.length}`);
    }
    setU16(this.#bytes, STUN_HEADER.type, stunMessageType(messageClass, method));
    setU32(this.#bytes, STUN_HEADER.magicCookie, MAGIC_COOKIE);
    this.#bytes.set(transactionId, STUN_HEADER.transactionId);
  }

  attribute(type: number, value: Uint8Array): this {
    const at = this.#append(type, value.length);
    this.#bytes.set(value, at + STUN_TLV.value);
    return this;
  }

  /** An attribute whose presence is all it says: USE-CANDIDATE. */
  flag(type: number): this {
    this.#append(type, 0);
    return this;
  }

  uint32(type: number, value: number): this {
    const at = this.#append(type, 4);
    setU32(this.#bytes, at + STUN_TLV.value, value);
    return this;
  }

  /** @throws RangeError when the text takes 509 bytes or more */
  text(type: number, text: string): this {
    const value = new TextEncoder().encode(text);
    if (value.length > MAX_TEXT_BYTES) {
      throw new RangeError(`a STUN text has at most ${MAX_TEXT_BYTES} bytes, got ${value.length}`);
    }
    return this.attribute(type, value);
  }

  /** @throws RangeError when the address is not an IP literal */
  address(type: number, address: SocketAddress): this {
    return this.attribute(type, encodeAddress(address));
  }

  /** @throws RangeError when the address is not an IP literal */
  xorAddress(type: number, address: SocketAddress): this {
    return this.attribute(type, xorAddress(encodeAddress(address), this.#bytes));
  }

  /** @throws RangeError when `code` is outside 300 … 699 */
  errorCode(code: number, reason: string): this {
    if (!(code >= 300 && code <= 699)) throw new RangeError(`a STUN error code is 300 to 699, got ${code}`);
    const text = new TextEncoder().encode(reason);
    const value = new Uint8Array(ERROR_CODE.reason + text.length);
    value[ERROR_CODE.class] = Math.floor(code / 100);
    value[ERROR_CODE.number] = code % 100;
    value.set(text, ERROR_CODE.reason);
    return this.attribute(STUN_ATTRIBUTE.errorCode, value);
  }

  unknownAttributes(types: readonly number[]): this {
    const value = new Uint8Array(2 * types.length);
    types.forEach((type, i) => {
      setU16(value, 2 * i, type);
    });
    return this.attribute(STUN_ATTRIBUTE.unknownAttributes, value);
  }

  /** PASSWORD-ALGORITHMS, or PASSWORD-ALGORITHM with a list of one. */
  passwordAlgorithms(type: number, algorithms: readonly PasswordAlgorithm[]): this {
    const size = ({ parameters }: PasswordAlgorithm): number =>
      PASSWORD_ALGORITHM.parameters + ((parameters.length + 3) & ~3);
    const value = new Uint8Array(algorithms.reduce((sum, algorithm) => sum + size(algorithm), 0));
    let at = 0;
    for (const entry of algorithms) {
      setU16(value, at + PASSWORD_ALGORITHM.algorithm, entry.algorithm);
      setU16(value, at + PASSWORD_ALGORITHM.length, entry.parameters.length);
      value.set(entry.parameters, at + PASSWORD_ALGORITHM.parameters);
      at += size(entry);
    }
    return this.attribute(type, value);
  }

  /** MESSAGE-INTEGRITY or, with a SHA-256 key, MESSAGE-INTEGRITY-SHA256, over everything so far. */
  integrity(key: HmacKey): this {
    const isSha256 = key.size === SHA256_TAG_LENGTH;
    const type = isSha256 ? STUN_ATTRIBUTE.messageIntegritySha256 : STUN_ATTRIBUTE.messageIntegrity;
    const tag = integrityTag(this.#bytes, this.#length, key);
    return this.attribute(type, tag);
  }

  /** FINGERPRINT, over everything so far. Must be the last call before `finish`. */
  fingerprint(): this {
    const at = this.#append(STUN_ATTRIBUTE.fingerprint, 4);
    setU32(this.#bytes, at + STUN_TLV.value, fingerprintOf(this.#bytes, at));
    return this;
  }

  /** The message. The writer is of no further use. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Makes room for an attribute, writes its header and the message's new length; gives where it starts. */
  #append(type: number, length: number): number {
    const at = this.#length;
    this.#length = at + STUN_TLV.value + ((length + 3) & ~3);
    if (this.#length - STUN_HEADER.size > 0xffff)
      throw new RangeError('a STUN message has at most 65535 bytes of attributes');
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    setU16(this.#bytes, at + STUN_TLV.type, type);
    setU16(this.#bytes, at + STUN_TLV.length, length);
    setU16(this.#bytes, STUN_HEADER.length, this.#length - STUN_HEADER.size);
    return at;
  }
}

function encodeAddress({ address, port }: SocketAddress): Uint8Array {
  const bytes = parseAddress(address);
  if (bytes === null) throw new RangeError(`expected an IP literal, got "${address}"`);
  const value = new Uint8Array(MAPPED_ADDRESS.address + bytes.length);
  value[MAPPED_ADDRESS.family] = bytes.length === 4 ? ADDRESS_FAMILY.ipv4 : ADDRESS_FAMILY.ipv6;
  setU16(value, MAPPED_ADDRESS.port, port);
  value.set(bytes, MAPPED_ADDRESS.address);
  return value;
}
