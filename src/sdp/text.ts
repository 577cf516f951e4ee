/** Session descriptions as text. Signatures only, so far. */
import type { SessionDescription } from './description.ts';

/** Reads SDP. @throws SdpError with code `syntax` and the line at fault */
export function parseDescription(_text: string): SessionDescription {
  throw new Error('under construction');
}

/** Writes SDP, with CRLF after every line. */
export function formatDescription(_description: SessionDescription): string {
  throw new Error('under construction');
}
