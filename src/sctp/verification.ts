/** Whose packet is it? Verification tags, their exceptions, and packets out of the blue (RFC 9260 §8.4, §8.5, §8.5.1). */
import { u32 } from '../binary/bytes.ts';
import { CHUNK, CHUNK_HEADER, chunkLength, FLAG_TAG_REFLECTED, padded } from './packet/chunk.ts';
import { HEADER } from './packet/common-header.ts';
import { encodeShutdownComplete } from './packet/control-chunks.ts';
import { CAUSE, decodeCauses, encodeAbortChunk } from './packet/error-cause.ts';
import { decodeInit } from './packet/init-chunk.ts';
import type { SctpState } from './types.ts';

/** `accept`: its chunks are handled. `init`: it is an INIT, alone. `outOfTheBlue`: it may be answered, and no more. */
export type Verdict = 'accept' | 'init' | 'discard' | 'outOfTheBlue';

/** @param peerTag 0 while the peer's tag is unknown */
export function judgePacket(
  packet: Uint8Array,
  state: SctpState,
  hasEnded: boolean,
  localTag: number,
  peerTag: number,
): Verdict {
  const tag = u32(packet, HEADER.verificationTag);
  const type = packet[HEADER.size + CHUNK_HEADER.type]!;
  const flags = packet[HEADER.size + CHUNK_HEADER.flags]!;
  if (type === CHUNK.init || tag === 0) {
    // "SHOULD verify that the packet contains only an INIT chunk. Otherwise, … silently discard the packet." (§8.5.1 A)
    const length = chunkLength(packet, HEADER.size);
    const isAlone = length > 0 && packet.length <= HEADER.size + padded(length);
    if (type !== CHUNK.init || tag !== 0 || !isAlone) return 'discard';
    return hasEnded ? 'outOfTheBlue' : 'init';
  }
  // Its tag is judged together with the cookie (§8.5.1 D).
  if (type === CHUNK.cookieEcho && !hasEnded) return 'accept';
  if ((type === CHUNK.abort || type === CHUNK.shutdownComplete) && (flags & FLAG_TAG_REFLECTED) !== 0) {
    return tag === peerTag ? 'accept' : 'discard'; // §8.5.1 B, C
  }
  // §8.5.1 E: a SHUTDOWN ACK for an association that is only forming belongs to one before it.
  const isForming = state === 'cookieWait' || state === 'cookieEchoed';
  if (type === CHUNK.shutdownAck && isForming) return 'outOfTheBlue';
  if (state === 'closed') return 'outOfTheBlue';
  return tag === localTag ? 'accept' : 'discard';
}

/** What a packet out of the blue is answered with, and the tag of the answer; `null` for silence (§8.4). */
export function answerOutOfTheBlue(packet: Uint8Array): { chunk: Uint8Array; tag: number } | null {
  const tag = u32(packet, HEADER.verificationTag);
  const length = chunkLength(packet, HEADER.size);
  const chunk = packet.subarray(HEADER.size, HEADER.size + length);
  switch (packet[HEADER.size + CHUNK_HEADER.type]) {
    case CHUNK.cookieEcho: // §5.1.5: none of our cookies is left, and others are silently discarded
    case CHUNK.cookieAck:
    case CHUNK.shutdownComplete:
      return null;
    case CHUNK.error:
      if (decodeCauses(chunk)?.some(({ type }) => type === CAUSE.staleCookie) !== false) return null;
      break;
    case CHUNK.init: {
      // 3: "the Verification Tag of the packet containing the ABORT chunk MUST be the Initiate Tag of the received INIT"
      const init = decodeInit(chunk);
      const initiateTag = 'problem' in init ? init.initiateTag : init.parameters.initiateTag;
      return initiateTag === 0 ? null : { chunk: encodeAbortChunk([]), tag: initiateTag };
    }
    case CHUNK.shutdownAck:
      return { chunk: encodeShutdownComplete(FLAG_TAG_REFLECTED), tag };
  }
  // "If the OOTB packet contains an ABORT chunk", wherever in it, there is no answer either.
  for (let at: number = HEADER.size; at < packet.length; ) {
    const length = chunkLength(packet, at);
    if (length === 0 || packet[at] === CHUNK.abort) return null;
    at += padded(length);
  }
  return { chunk: encodeAbortChunk([], FLAG_TAG_REFLECTED), tag };
}
