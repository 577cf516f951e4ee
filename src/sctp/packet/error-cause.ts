/** Error causes, which ERROR and ABORT carry (RFC 9260 §3.3.10, §3.3.7). They have the form of parameters. */
import { concatBytes, setU16, setU32, u32 } from '../../binary/bytes.ts';
import { CHUNK, CHUNK_HEADER, decodeParameters, encodeChunk, encodeParameter, type Parameter } from './chunk.ts';

/** RFC 9260 §3.3.10 Table 11. */
export const CAUSE = {
  invalidStreamIdentifier: 1,
  missingMandatoryParameter: 2,
  staleCookie: 3,
  outOfResource: 4,
  unresolvableAddress: 5,
  unrecognizedChunkType: 6,
  invalidMandatoryParameter: 7,
  unrecognizedParameters: 8,
  noUserData: 9,
  cookieReceivedWhileShuttingDown: 10,
  restartWithNewAddresses: 11,
  userInitiatedAbort: 12,
  protocolViolation: 13,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map([
  [CAUSE.invalidStreamIdentifier, 'invalid stream identifier'],
  [CAUSE.missingMandatoryParameter, 'missing mandatory parameter'],
  [CAUSE.staleCookie, 'stale cookie'],
  [CAUSE.outOfResource, 'out of resource'],
  [CAUSE.unresolvableAddress, 'unresolvable address'],
  [CAUSE.unrecognizedChunkType, 'unrecognized chunk type'],
  [CAUSE.invalidMandatoryParameter, 'invalid mandatory parameter'],
  [CAUSE.unrecognizedParameters, 'unrecognized parameters'],
  [CAUSE.noUserData, 'no user data'],
  [CAUSE.cookieReceivedWhileShuttingDown, 'cookie received while shutting down'],
  [CAUSE.restartWithNewAddresses, 'restart with new addresses'],
  [CAUSE.userInitiatedAbort, 'user-initiated abort'],
  [CAUSE.protocolViolation, 'protocol violation'],
]);

/** Longest text sent with an ABORT or taken from one, in bytes; what is longer is cut. */
const MAX_REASON_BYTES = 128;

const EMPTY = new Uint8Array(0);

export function encodeCause(code: number, information: Uint8Array = EMPTY): Uint8Array {
  return encodeParameter(code, information);
}

/** A cause whose information is text: user-initiated abort and protocol violation. */
export function encodeTextCause(code: number, text: string): Uint8Array {
  return encodeCause(code, new TextEncoder().encode(text).subarray(0, MAX_REASON_BYTES));
}

export function encodeStreamCause(streamId: number): Uint8Array {
  const information = new Uint8Array(4);
  setU16(information, 0, streamId);
  return encodeCause(CAUSE.invalidStreamIdentifier, information);
}

export function encodeNoUserDataCause(tsn: number): Uint8Array {
  const information = new Uint8Array(4);
  setU32(information, 0, tsn);
  return encodeCause(CAUSE.noUserData, information);
}

export function encodeMissingParameterCause(type: number): Uint8Array {
  const information = new Uint8Array(6);
  setU32(information, 0, 1);
  setU16(information, 4, type);
  return encodeCause(CAUSE.missingMandatoryParameter, information);
}

/** "If the sender does not wish to provide the Measure of Staleness, it SHOULD set this field to the value of zero." */
export function encodeStaleCookieCause(): Uint8Array {
  return encodeCause(CAUSE.staleCookie, new Uint8Array(4));
}

export function encodeErrorChunk(causes: readonly Uint8Array[]): Uint8Array {
  return encodeChunk(CHUNK.error, 0, concatBytes(...causes));
}

export function encodeAbortChunk(causes: readonly Uint8Array[], flags = 0): Uint8Array {
  return encodeChunk(CHUNK.abort, flags, concatBytes(...causes));
}

/** The causes of an ERROR or ABORT chunk; `null` for a format error. */
export function decodeCauses(chunk: Uint8Array): Parameter[] | null {
  return decodeParameters(chunk.subarray(CHUNK_HEADER.size));
}

/** The first cause of a list in words, and its text when it has one. */
export function describeCauses(causes: readonly Parameter[]): { readonly code?: number; readonly message: string } {
  const first = causes[0];
  if (first === undefined) return { message: 'no cause given' };
  const name = NAMES.get(first.type) ?? `error cause ${first.type}`;
  if (first.type === CAUSE.noUserData && first.value.length >= 4) {
    return { code: first.type, message: `${name}, TSN ${u32(first.value, 0)}` };
  }
  if (first.type !== CAUSE.userInitiatedAbort && first.type !== CAUSE.protocolViolation) {
    return { code: first.type, message: name };
  }
  const text = new TextDecoder().decode(first.value.subarray(0, MAX_REASON_BYTES));
  return { code: first.type, message: text === '' ? name : `${name}: ${text}` };
}
