/**
 * RTP packets (RFC 3550 §5.1) with header extensions (RFC 8285), read and written in place.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                           timestamp                           |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |           synchronization source (SSRC) identifier            |
 * +=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+=+
 * |            contributing source (CSRC) identifiers             |   CC of them
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |      defined by profile       |           length              |   if X: 0xBEDE or 0x1000, 32-bit words behind
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                        header extension                       |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                    payload, padding if P                      |
 * ```
 */
import { setU16, setU32, u16, u32 } from '../binary/bytes.ts';

/** Offsets of the fixed header's fields, and what stands in them. */
export const RTP = {
  marker: 1,
  payloadType: 1,
  sequenceNumber: 2,
  timestamp: 4,
  ssrc: 8,
  /** Bytes of the fixed header: where CSRCs, extension or payload begin. */
  headerLength: 12,
  maxCsrcs: 15,
} as const;

const VERSION_2 = 0x80;
const PADDING_BIT = 0x20;
const EXTENSION_BIT = 0x10;
const CSRC_COUNT_MASK = 0x0f;
const MARKER_BIT = 0x80;

/** The "defined by profile" values of RFC 8285 §4.2, §4.3; the two-byte form leaves four bits to the application. */
export const ONE_BYTE_PROFILE = 0xbede;
export const TWO_BYTE_PROFILE = 0x1000;
const TWO_BYTE_PROFILE_MASK = 0xfff0;
export const EXTENSION_HEADER_LENGTH = 4;
/** RFC 8285 §4.2: 15 is reserved, and ends the list. */
const ONE_BYTE_STOP_ID = 15;
export const MAX_ONE_BYTE_ID = 14;
export const MAX_ONE_BYTE_LENGTH = 16;
export const MAX_TWO_BYTE_ID = 255;
export const MAX_TWO_BYTE_LENGTH = 255;
/** One byte of padding at the end counts all of it, itself included. */
const MAX_PADDING = 255;

/** Whether a packet of RTP or RTCP on one port is RTCP: packet type 192 … 223 (RFC 5761 §4). */
export function isRtcp(packet: Uint8Array): boolean {
  const type = packet[1]!;
  return packet.length > 1 && type >= 192 && type <= 223;
}

/**
 * One RTP packet: a view of its bytes, which setters change in place. An object may serve for packet after packet:
 * `read` replaces what it holds, and makes no garbage.
 */
export class RtpPacket {
  #bytes: Uint8Array = NO_BYTES;
  #headerLength = 0;
  #payloadEnd = 0;
  #payload: Uint8Array | null = null;
  /** Where extension elements begin; 0: there are none, or not in a form of RFC 8285. */
  #elementsStart = 0;
  /** 1 or 2: the form of the elements. */
  #elementHeaderLength = 1;

  /** The packet in these bytes, which it keeps; `null` where `read` would say false. */
  static parse(bytes: Uint8Array): RtpPacket | null {
    const packet = new RtpPacket();
    return packet.read(bytes) ? packet : null;
  }

  /**
   * Takes these bytes, after the checks of RFC 3550 A.1: version, not RTCP, CSRCs, extension and padding inside the
   * packet. Says false, and keeps what it had, when they fail. Extension elements are looked at when asked for.
   */
  read(bytes: Uint8Array): boolean {
    const length = bytes.length;
    if (length < RTP.headerLength) return false;
    const first = bytes[0]!;
    if ((first & 0xc0) !== VERSION_2 || isRtcp(bytes)) return false;
    let headerLength = RTP.headerLength + 4 * (first & CSRC_COUNT_MASK);
    let elementsStart = 0;
    let elementHeaderLength = 1;
    if (first & EXTENSION_BIT) {
      const at = headerLength;
      headerLength += EXTENSION_HEADER_LENGTH;
      if (headerLength > length) return false;
      headerLength += 4 * u16(bytes, at + 2);
      const profile = u16(bytes, at);
      if (profile === ONE_BYTE_PROFILE) {
        elementsStart = at + EXTENSION_HEADER_LENGTH;
      } else if ((profile & TWO_BYTE_PROFILE_MASK) === TWO_BYTE_PROFILE) {
        elementsStart = at + EXTENSION_HEADER_LENGTH;
        elementHeaderLength = 2;
      }
    }
    if (headerLength > length) return false;
    let payloadEnd = length;
    if (first & PADDING_BIT) {
      // A.1 asks for less than what is behind the header; packets that are nothing but padding are how senders probe.
      const padding = bytes[length - 1]!;
      if (padding === 0 || padding > length - headerLength) return false;
      payloadEnd = length - padding;
    }
    this.#bytes = bytes;
    this.#headerLength = headerLength;
    this.#payloadEnd = payloadEnd;
    this.#payload = null;
    this.#elementsStart = elementsStart;
    this.#elementHeaderLength = elementHeaderLength;
    return true;
  }

  /** The whole packet. Empty before the first `read`. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get headerLength(): number {
    return this.#headerLength;
  }

  /** Where the payload begins in `bytes`: the same as `headerLength`. */
  get payloadStart(): number {
    return this.#headerLength;
  }

  /** Where the payload ends in `bytes`, and padding begins. */
  get payloadEnd(): number {
    return this.#payloadEnd;
  }

  get payloadLength(): number {
    return this.#payloadEnd - this.#headerLength;
  }

  get paddingLength(): number {
    return this.#bytes.length - this.#payloadEnd;
  }

  /** A view of the payload, without padding: the same one until the next `read`, since many may ask for it. */
  get payload(): Uint8Array {
    this.#payload ??= this.#bytes.subarray(this.#headerLength, this.#payloadEnd);
    return this.#payload;
  }

  get marker(): boolean {
    return (this.#bytes[RTP.marker]! & MARKER_BIT) !== 0;
  }

  set marker(value: boolean) {
    this.#bytes[RTP.marker] = value ? this.#bytes[RTP.marker]! | MARKER_BIT : this.#bytes[RTP.marker]! & ~MARKER_BIT;
  }

  get payloadType(): number {
    return this.#bytes[RTP.payloadType]! & 0x7f;
  }

  set payloadType(value: number) {
    this.#bytes[RTP.payloadType] = (this.#bytes[RTP.payloadType]! & MARKER_BIT) | (value & 0x7f);
  }

  get sequenceNumber(): number {
    return u16(this.#bytes, RTP.sequenceNumber);
  }

  set sequenceNumber(value: number) {
    setU16(this.#bytes, RTP.sequenceNumber, value);
  }

  get timestamp(): number {
    return u32(this.#bytes, RTP.timestamp);
  }

  set timestamp(value: number) {
    setU32(this.#bytes, RTP.timestamp, value);
  }

  get ssrc(): number {
    return u32(this.#bytes, RTP.ssrc);
  }

  set ssrc(value: number) {
    setU32(this.#bytes, RTP.ssrc, value);
  }

  get csrcCount(): number {
    return this.#bytes[0]! & CSRC_COUNT_MASK;
  }

  /** @param index 0 … csrcCount - 1 */
  csrc(index: number): number {
    return u32(this.#bytes, RTP.headerLength + 4 * index);
  }

  /** "defined by profile" of the extension; 0 without one. */
  get extensionProfile(): number {
    if ((this.#bytes[0]! & EXTENSION_BIT) === 0) return 0;
    return u16(this.#bytes, RTP.headerLength + 4 * this.csrcCount);
  }

  /** A new view of the data of the element with this id; `null` when there is none. */
  extension(id: number): Uint8Array | null {
    const at = this.findExtension(id);
    return at < 0 ? null : this.#bytes.subarray(at, at + this.extensionLength(at));
  }

  /** All elements in order, with views of their data. Not for the packet path: that walks by offset. */
  *extensions(): Generator<HeaderExtensionElement, void, undefined> {
    for (let at = this.nextExtension(0); at >= 0; at = this.nextExtension(at)) {
      yield { id: this.extensionId(at), data: this.#bytes.subarray(at, at + this.extensionLength(at)) };
    }
  }

  /** Where the data of the element with this id begins in `bytes`; -1 when there is none. */
  findExtension(id: number): number {
    let at = this.nextExtension(0);
    while (at >= 0 && this.extensionId(at) !== id) at = this.nextExtension(at);
    return at;
  }

  /**
   * Where the data of the next element begins, behind the one whose data begin at `at` (0: the first one); -1 at the
   * end, and where an element does not fit: what stands before it still counts.
   */
  nextExtension(at: number): number {
    if (this.#elementsStart === 0) return -1;
    const bytes = this.#bytes;
    const end = this.#headerLength;
    let next = at === 0 ? this.#elementsStart : at + this.extensionLength(at);
    while (next < end && bytes[next] === 0) next++; // padding, between elements too (RFC 8285 §4.1)
    if (next + this.#elementHeaderLength > end) return -1;
    if (this.#elementHeaderLength === 1) {
      // §4.1: an id of 0 with a length, as §4.2: the id 15, ends the list.
      const id = bytes[next]! >> 4;
      if (id === 0 || id === ONE_BYTE_STOP_ID) return -1;
    }
    next += this.#elementHeaderLength;
    return next + this.extensionLength(next) <= end ? next : -1;
  }

  /** The id of the element whose data begin at `at`. */
  extensionId(at: number): number {
    return this.#elementHeaderLength === 1 ? this.#bytes[at - 1]! >> 4 : this.#bytes[at - 2]!;
  }

  /** The length of the data that begin at `at`; both forms have it in the byte before. */
  extensionLength(at: number): number {
    const length = this.#bytes[at - 1]!;
    return this.#elementHeaderLength === 1 ? (length & 0x0f) + 1 : length;
  }
}

export type HeaderExtensionElement = { readonly id: number; readonly data: Uint8Array };

/** The fields of the fixed header that are always chosen by the sender. */
export type RtpHeader = {
  /** 0 … 127, and not 64 … 95 where RTCP shares the port (RFC 5761 §4). */
  readonly payloadType: number;
  readonly marker: boolean;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly ssrc: number;
};

/**
 * Writes a header into a caller's buffer: `begin`, then `csrc` for each, then `extension` for each, then `end`, which
 * tells where the payload goes. One writer serves for all packets; nothing is allocated.
 */
export class RtpHeaderWriter {
  #bytes: Uint8Array = NO_BYTES;
  #start = 0;
  #at = 0;
  #elementsStart = 0;
  #twoByte = false;

  /** The buffer being written. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /**
   * Writes the fixed header at `offset`.
   * @param twoByte use the two-byte form: when an element needs it (`ExtensionMap.needsTwoByte`) and the peer takes it
   */
  begin(
    bytes: Uint8Array,
    offset: number,
    payloadType: number,
    marker: boolean,
    sequenceNumber: number,
    timestamp: number,
    ssrc: number,
    twoByte = false,
  ): void {
    bytes[offset] = VERSION_2;
    bytes[offset + RTP.payloadType] = (marker ? MARKER_BIT : 0) | payloadType;
    setU16(bytes, offset + RTP.sequenceNumber, sequenceNumber);
    setU32(bytes, offset + RTP.timestamp, timestamp);
    setU32(bytes, offset + RTP.ssrc, ssrc);
    this.#bytes = bytes;
    this.#start = offset;
    this.#at = offset + RTP.headerLength;
    this.#elementsStart = 0;
    this.#twoByte = twoByte;
  }

  /** Adds a contributing source; before the first extension. */
  csrc(ssrc: number): void {
    if (this.#elementsStart !== 0 || (this.#bytes[this.#start]! & CSRC_COUNT_MASK) === RTP.maxCsrcs) {
      throw new RangeError('at most 15 CSRCs, all before the extensions');
    }
    setU32(this.#bytes, this.#at, ssrc);
    this.#bytes[this.#start]!++;
    this.#at += 4;
  }

  /**
   * Adds an element and returns where its `length` bytes of data go.
   * @throws RangeError when the form does not have this id or length
   */
  extension(id: number, length: number): number {
    const isValid = this.#twoByte
      ? id >= 1 && id <= MAX_TWO_BYTE_ID && length >= 0 && length <= MAX_TWO_BYTE_LENGTH
      : id >= 1 && id <= MAX_ONE_BYTE_ID && length >= 1 && length <= MAX_ONE_BYTE_LENGTH;
    if (!isValid) {
      throw new RangeError(
        `extension ${id} of ${length} bytes does not fit the ${this.#twoByte ? 'two' : 'one'}-byte form`,
      );
    }
    if (this.#elementsStart === 0) {
      setU16(this.#bytes, this.#at, this.#twoByte ? TWO_BYTE_PROFILE : ONE_BYTE_PROFILE);
      this.#at += EXTENSION_HEADER_LENGTH;
      this.#elementsStart = this.#at;
      this.#bytes[this.#start]! |= EXTENSION_BIT;
    }
    if (this.#twoByte) {
      this.#bytes[this.#at++] = id;
      this.#bytes[this.#at++] = length;
    } else {
      this.#bytes[this.#at++] = (id << 4) | (length - 1);
    }
    const data = this.#at;
    this.#at += length;
    return data;
  }

  /** Adds an element with a copy of these data. */
  copyExtension(id: number, data: Uint8Array): void {
    const at = this.extension(id, data.length);
    for (let i = 0; i < data.length; i++) this.#bytes[at + i] = data[i]!;
  }

  /** Closes the header and returns where the payload begins. */
  end(): number {
    if (this.#elementsStart !== 0) {
      while ((this.#at - this.#elementsStart) & 3) this.#bytes[this.#at++] = 0;
      setU16(this.#bytes, this.#elementsStart - 2, (this.#at - this.#elementsStart) >> 2);
    }
    this.#bytes = NO_BYTES; // a writer keeps no packet alive
    return this.#at;
  }
}

/** Sets the padding bit and writes `length` bytes (1 … 255) of padding behind the payload; returns the packet's end. */
export function writePadding(bytes: Uint8Array, packetStart: number, payloadEnd: number, length: number): number {
  if (length < 1 || length > MAX_PADDING) throw new RangeError(`padding is 1 to 255 bytes, not ${length}`);
  bytes[packetStart]! |= PADDING_BIT;
  const end = payloadEnd + length;
  bytes.fill(0, payloadEnd, end - 1);
  bytes[end - 1] = length;
  return end;
}

export type RtpPacketFields = RtpHeader & {
  readonly csrcs?: readonly number[];
  readonly extensions?: readonly HeaderExtensionElement[];
  readonly payload: Uint8Array;
  /** Bytes of padding, 0 … 255. */
  readonly padding?: number;
};

/** How many bytes the header extension of these elements takes, with its own header; 0 without any. */
export function extensionBlockLength(elements: readonly HeaderExtensionElement[], twoByte: boolean): number {
  if (elements.length === 0) return 0;
  let length = 0;
  for (const { data } of elements) length += data.length + (twoByte ? 2 : 1);
  return EXTENSION_HEADER_LENGTH + ((length + 3) & ~3);
}

/** Whether one of these elements is out of reach for the one-byte form. */
export function needsTwoByteForm(elements: readonly HeaderExtensionElement[]): boolean {
  return elements.some(
    ({ id, data }) => id > MAX_ONE_BYTE_ID || data.length === 0 || data.length > MAX_ONE_BYTE_LENGTH,
  );
}

/** A new packet made of its fields. Not for the packet path: that writes into its own buffers with `RtpHeaderWriter`. */
export function encodeRtpPacket(fields: RtpPacketFields): Uint8Array {
  const { payloadType, marker, sequenceNumber, timestamp, ssrc, csrcs = [], extensions = [], payload } = fields;
  if (payloadType < 0 || payloadType > 127) throw new RangeError(`payload types are 0 to 127, not ${payloadType}`);
  const padding = fields.padding ?? 0;
  const twoByte = needsTwoByteForm(extensions);
  const bytes = new Uint8Array(
    RTP.headerLength + 4 * csrcs.length + extensionBlockLength(extensions, twoByte) + payload.length + padding,
  );
  const writer = new RtpHeaderWriter();
  writer.begin(bytes, 0, payloadType, marker, sequenceNumber, timestamp, ssrc, twoByte);
  for (const csrc of csrcs) writer.csrc(csrc);
  for (const { id, data } of extensions) writer.copyExtension(id, data);
  const payloadStart = writer.end();
  bytes.set(payload, payloadStart);
  if (padding > 0) writePadding(bytes, 0, payloadStart + payload.length, padding);
  return bytes;
}

const NO_BYTES: Uint8Array = new Uint8Array(0);
