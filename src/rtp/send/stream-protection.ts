/**
 * Forward error correction of one stream that is sent: ULPFEC goes in RED among the packets of media, on their numbers
 * (RFC 5109 §14.1), FlexFEC beside them under an SSRC of its own.
 */

import { RTP } from '../packet.ts';
import { FecEncoder } from '../repair/fec/fec-encoder.ts';
import { encodeRedSingle } from '../repair/red.ts';

/** How FEC goes with its media: in which formats, and how many packets of it for each of theirs, 0 … 1. */
export type FecFormat = { readonly payloadType: number; readonly protection: number } & (
  | { readonly scheme: 'ulpfec'; readonly redPayloadType: number }
  | { readonly scheme: 'flexfec' }
);

/** RED has a byte before a payload that is alone in it (RFC 2198 §3). */
const RED_HEADER_LENGTH = 1;
/** What FEC has before its body, with the longest mask (RFC 5109 §7.3, §7.4; FlexFEC-03 §4.2.2). */
const FEC_HEADER_LENGTH = { ulpfec: 18, flexfec: 32 } as const;
/** Of the header extensions that it covers, at most. */
const COVERED_EXTENSIONS_LENGTH = 64;

/** Bytes before the payload of a packet of media: the byte that RED takes. */
export function redHeaderLength(fec: FecFormat | null): number {
  return fec?.scheme === 'ulpfec' ? RED_HEADER_LENGTH : 0;
}

/** So much smaller packets of media have to be, that the FEC over them fits a packet. */
export function fecOverhead(fec: FecFormat | null): number {
  return fec === null ? 0 : redHeaderLength(fec) + FEC_HEADER_LENGTH[fec.scheme] + COVERED_EXTENSIONS_LENGTH;
}

export class StreamProtection {
  readonly #encoder: FecEncoder;
  readonly #scheme: FecFormat['scheme'];

  constructor(scheme: FecFormat['scheme']) {
    this.#scheme = scheme;
    this.#encoder = new FecEncoder({ scheme });
  }

  get scheme(): FecFormat['scheme'] {
    return this.#scheme;
  }

  /**
   * Takes a packet of media as it is before it leaves, in RED if that goes with the scheme. Yields the payloads that are
   * due behind it.
   * @param packet from the first byte of its header to its end
   */
  protect(packet: Uint8Array, payloadStart: number, fec: FecFormat, isFrameEnd: boolean): readonly Uint8Array[] {
    this.#encoder.protection = fec.protection;
    if (fec.scheme === 'flexfec') return this.#encoder.protect(packet, isFrameEnd);
    // What is protected is the packet without RED.
    const media = new Uint8Array(packet.length - RED_HEADER_LENGTH);
    media.set(packet.subarray(0, payloadStart));
    media.set(packet.subarray(payloadStart + RED_HEADER_LENGTH), payloadStart);
    media[RTP.payloadType] = (media[RTP.payloadType]! & MARKER) | packet[payloadStart]!;
    return this.#encoder.protect(media, isFrameEnd).map((payload) => encodeRedSingle(fec.payloadType, payload));
  }
}

const MARKER = 0x80;
