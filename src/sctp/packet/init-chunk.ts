/**
 * INIT and INIT ACK (RFC 9260 §3.3.2, §3.3.3): the same fields, and a cookie in the answer.
 *
 * ```
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |   Type = 1, 2 |  Chunk Flags  |      Chunk Length             |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                         Initiate Tag                          |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |          Advertised Receiver Window Credit (a_rwnd)           |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |  Number of Outbound Streams   |   Number of Inbound Streams   |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |                          Initial TSN                          |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * \              Optional/Variable-Length Parameters              \
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */
import { concatBytes, setU16, setU32, u16, u32 } from '../../binary/bytes.ts';
import { CHUNK, decodeParameters, encodeChunk, encodeParameter, unknownParameterRule } from './chunk.ts';

/** Offsets from the start of the chunk. */
const INIT = { initiateTag: 4, aRwnd: 8, outboundStreams: 12, inboundStreams: 14, initialTsn: 16, size: 20 } as const;

/** RFC 9260 §3.3.2, §3.3.3; RFC 5061 §4.2.7; RFC 3758 §3.1. */
const PARAMETER = {
  ipv4Address: 5,
  ipv6Address: 6,
  stateCookie: 7,
  unrecognizedParameter: 8,
  cookiePreservative: 9,
  hostNameAddress: 11,
  supportedAddressTypes: 12,
  supportedExtensions: 0x8008,
  forwardTsnSupported: 0xc000,
} as const;

/** RFC 9260 §3.3.2: "The Advertised Receiver Window Credit MUST NOT be smaller than 1500." */
const MIN_A_RWND = 1500;

/** Parameters reported back from one chunk, in bytes: a peer cannot make us reflect more (RFC 9260 §3.2.2). */
const MAX_REPORTED_BYTES = 256;

/** What both chunks say about their sender. */
export type InitParameters = {
  readonly initiateTag: number;
  /** Bytes. */
  readonly aRwnd: number;
  readonly outboundStreams: number;
  readonly inboundStreams: number;
  readonly initialTsn: number;
  /** FORWARD TSN (RFC 3758). */
  readonly partialReliability: boolean;
  /** RE-CONFIG (RFC 6525). */
  readonly reConfig: boolean;
};

export type InitChunk = {
  readonly parameters: InitParameters;
  /** INIT ACK only. */
  readonly cookie: Uint8Array | null;
  /** A deprecated Host Name Address is there: the whole parameter. */
  readonly hostName: Uint8Array | null;
  /** Parameters we do not know and are asked to report, each with its header. */
  readonly unrecognized: readonly Uint8Array[];
};

/** Why an INIT or INIT ACK cannot be answered normally. */
export type InitProblem = 'malformed' | 'zeroTag' | 'smallWindow' | 'noStreams';

/** Reads a whole INIT or INIT ACK chunk. */
export function decodeInit(chunk: Uint8Array): InitChunk | { problem: InitProblem; initiateTag: number } {
  if (chunk.length < INIT.size) return { problem: 'malformed', initiateTag: 0 };
  const initiateTag = u32(chunk, INIT.initiateTag);
  if (initiateTag === 0) return { problem: 'zeroTag', initiateTag };
  const aRwnd = u32(chunk, INIT.aRwnd);
  const outboundStreams = u16(chunk, INIT.outboundStreams);
  const inboundStreams = u16(chunk, INIT.inboundStreams);
  if (aRwnd < MIN_A_RWND) return { problem: 'smallWindow', initiateTag };
  if (outboundStreams === 0 || inboundStreams === 0) return { problem: 'noStreams', initiateTag };
  const list = decodeParameters(chunk.subarray(INIT.size));
  if (list === null) return { problem: 'malformed', initiateTag };

  let cookie: Uint8Array | null = null;
  let hostName: Uint8Array | null = null;
  let partialReliability = false;
  let reConfig = false;
  let extensions: Uint8Array | null = null;
  const unrecognized: Uint8Array[] = [];
  let reportedBytes = 0;
  parameters: for (const { type, bytes, value } of list) {
    switch (type) {
      case PARAMETER.stateCookie:
        cookie ??= value.slice();
        break;
      case PARAMETER.hostNameAddress:
        hostName ??= bytes.slice();
        break;
      case PARAMETER.forwardTsnSupported:
        partialReliability = true;
        break;
      case PARAMETER.supportedExtensions:
        extensions ??= value;
        break;
      case PARAMETER.ipv4Address: // RFC 8261 §5: SCTP over DTLS is single-homed; addresses mean nothing here.
      case PARAMETER.ipv6Address:
      case PARAMETER.supportedAddressTypes:
      case PARAMETER.cookiePreservative:
      case PARAMETER.unrecognizedParameter:
        break;
      default: {
        const rule = unknownParameterRule(type);
        if (rule.report && reportedBytes + bytes.length <= MAX_REPORTED_BYTES) {
          unrecognized.push(bytes.slice());
          reportedBytes += bytes.length;
        }
        if (!rule.goOn) break parameters;
      }
    }
  }
  if (extensions !== null) {
    // RFC 3758 has a parameter of its own; being listed here says the same (RFC 5061 §4.2.7).
    partialReliability ||= extensions.includes(CHUNK.forwardTsn);
    reConfig = extensions.includes(CHUNK.reConfig);
  }
  return {
    parameters: {
      initiateTag,
      aRwnd,
      outboundStreams,
      inboundStreams,
      initialTsn: u32(chunk, INIT.initialTsn),
      partialReliability,
      reConfig,
    },
    cookie,
    hostName,
    unrecognized,
  };
}

/** An INIT, or with a `cookie` an INIT ACK that reports the `unrecognized` parameters of the INIT. */
export function encodeInit(
  parameters: InitParameters,
  cookie?: Uint8Array,
  unrecognized: readonly Uint8Array[] = [],
): Uint8Array {
  const fixed = new Uint8Array(INIT.size - 4);
  setU32(fixed, INIT.initiateTag - 4, parameters.initiateTag);
  setU32(fixed, INIT.aRwnd - 4, parameters.aRwnd);
  setU16(fixed, INIT.outboundStreams - 4, parameters.outboundStreams);
  setU16(fixed, INIT.inboundStreams - 4, parameters.inboundStreams);
  setU32(fixed, INIT.initialTsn - 4, parameters.initialTsn);
  const parts: Uint8Array[] = [fixed];
  if (cookie !== undefined) parts.push(encodeParameter(PARAMETER.stateCookie, cookie));
  const extensions: number[] = [];
  if (parameters.reConfig) extensions.push(CHUNK.reConfig);
  if (parameters.partialReliability) {
    parts.push(encodeParameter(PARAMETER.forwardTsnSupported, new Uint8Array(0)));
    extensions.push(CHUNK.forwardTsn);
  }
  if (extensions.length > 0) {
    parts.push(encodeParameter(PARAMETER.supportedExtensions, Uint8Array.from(extensions)));
  }
  for (const parameter of unrecognized) parts.push(encodeParameter(PARAMETER.unrecognizedParameter, parameter));
  return encodeChunk(cookie === undefined ? CHUNK.init : CHUNK.initAck, 0, concatBytes(...parts));
}
