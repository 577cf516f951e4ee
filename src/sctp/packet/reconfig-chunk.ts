/**
 * RE-CONFIG (RFC 6525 §3.1, §4): one or two parameters, each a request or a response.
 *
 * ```
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * | Type = 130    |  Chunk Flags  |      Chunk Length             |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   Outgoing SSN Reset Request (13):   request number | response number | last TSN | stream, stream, …
 *   Re-configuration Response  (16):   response number | result
 *   any other request (14, 15, 17, 18): request number | …
 * ```
 */
import { concatBytes, setU16, setU32, u16, u32 } from '../../binary/bytes.ts';
import { CHUNK, CHUNK_HEADER, decodeParameters, encodeChunk, encodeParameter } from './chunk.ts';

/** RFC 6525 §4, Table 2. */
const PARAMETER = {
  outgoingSsnReset: 13,
  incomingSsnReset: 14,
  ssnTsnReset: 15,
  response: 16,
  addOutgoingStreams: 17,
  addIncomingStreams: 18,
} as const;

/** RFC 6525 §4.4, Table 3. */
export const RESULT = {
  nothingToDo: 0,
  performed: 1,
  denied: 2,
  wrongSsn: 3,
  alreadyInProgress: 4,
  badSequenceNumber: 5,
  inProgress: 6,
} as const;

export type OutgoingResetRequest = {
  readonly kind: 'outgoingReset';
  readonly requestNumber: number;
  /** The peer's request this one also answers, or its last one. */
  readonly responseNumber: number;
  readonly lastAssignedTsn: number;
  /** Empty: all streams. */
  readonly streamIds: readonly number[];
};

export type ReConfigResponse = { readonly kind: 'response'; readonly responseNumber: number; readonly result: number };

export type ReConfigParameter =
  | OutgoingResetRequest
  | ReConfigResponse
  /** A request we answer but never perform. */
  | { readonly kind: 'otherRequest'; readonly requestNumber: number };

/** RFC 6525 §3.1: "each RE-CONFIG chunk holds at least one parameter and at most two parameters". */
const MAX_PARAMETERS = 2;

/** Bytes of a RE-CONFIG chunk with one Outgoing SSN Reset Request before its list of streams. */
export const RESET_REQUEST_OVERHEAD: number = CHUNK_HEADER.size + 16;

/** The parameters of a whole chunk; `null` when malformed or not one of the allowed combinations. */
export function decodeReConfig(chunk: Uint8Array): ReConfigParameter[] | null {
  const list = decodeParameters(chunk.subarray(CHUNK_HEADER.size));
  if (list === null || list.length === 0 || list.length > MAX_PARAMETERS) return null;
  const decoded: ReConfigParameter[] = [];
  for (const { type, value } of list) {
    switch (type) {
      case PARAMETER.outgoingSsnReset: {
        if (value.length < 12) return null;
        const streamIds: number[] = [];
        for (let at = 12; at + 2 <= value.length; at += 2) streamIds.push(u16(value, at));
        decoded.push({
          kind: 'outgoingReset',
          requestNumber: u32(value, 0),
          responseNumber: u32(value, 4),
          lastAssignedTsn: u32(value, 8),
          streamIds,
        });
        break;
      }
      case PARAMETER.response:
        if (value.length < 8) return null;
        decoded.push({ kind: 'response', responseNumber: u32(value, 0), result: u32(value, 4) });
        break;
      case PARAMETER.incomingSsnReset:
      case PARAMETER.ssnTsnReset:
      case PARAMETER.addOutgoingStreams:
      case PARAMETER.addIncomingStreams:
        if (value.length < 4) return null;
        decoded.push({ kind: 'otherRequest', requestNumber: u32(value, 0) });
        break;
      default:
        return null;
    }
  }
  return decoded;
}

export function encodeOutgoingReset(request: OutgoingResetRequest): Uint8Array {
  const value = new Uint8Array(12 + 2 * request.streamIds.length);
  setU32(value, 0, request.requestNumber);
  setU32(value, 4, request.responseNumber);
  setU32(value, 8, request.lastAssignedTsn);
  request.streamIds.forEach((streamId, i) => {
    setU16(value, 12 + 2 * i, streamId);
  });
  return encodeChunk(CHUNK.reConfig, 0, encodeParameter(PARAMETER.outgoingSsnReset, value));
}

export function encodeReConfigResponses(responses: readonly ReConfigResponse[]): Uint8Array {
  const parameters = responses.map(({ responseNumber, result }) => {
    const value = new Uint8Array(8);
    setU32(value, 0, responseNumber);
    setU32(value, 4, result);
    return encodeParameter(PARAMETER.response, value);
  });
  return encodeChunk(CHUNK.reConfig, 0, concatBytes(...parameters));
}
