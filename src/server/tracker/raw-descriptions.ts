/**
 * Session descriptions as they stand in a message's JSON, escapes and quotes included, so that they are passed on as they came:
 * writing them anew is most of what an announce costs. They are copied only out of messages that have been parsed.
 */
import type { WireOffer } from '../../signaling/wire.ts';

/**
 * How a description begins, in the JSON of every client known. In valid JSON the second quote ends a string, because what is
 * before it is no escape; so the third one begins a string, and that one is a value. Whatever comes before: what is cut out from
 * there to its closing quote is a whole JSON string, and the sender's own.
 */
const KEY = '"sdp":"';
const BACKSLASH = 0x5c;

/** The JSON of the first description in a message; `null` where it is written in some other way. */
export function rawDescription(message: string): string | null {
  return rawStringAt(message, message.indexOf(KEY) + KEY.length - 1);
}

/** The JSON of each offer's description, in their order; `null` when they cannot be told apart. */
export function rawDescriptions(message: string, offers: readonly WireOffer[]): string[] | null {
  const found: string[] = [];
  let position = 0;
  for (const { sdp } of offers) {
    const start = message.indexOf(KEY, position) + KEY.length - 1;
    const raw = rawStringAt(message, start);
    if (raw === null || raw.length < sdp.length + 2) return null;
    found.push(raw);
    position = start + raw.length;
  }
  // One more is that of an offer that was left out, or no offer's at all: which is which is not clear then.
  return message.indexOf(KEY, position) < 0 ? found : null;
}

/** The JSON string whose opening quote is at `start`. */
function rawStringAt(message: string, start: number): string | null {
  if (start < KEY.length - 1) return null; // the key was not found
  for (let end = message.indexOf('"', start + 1); end > 0; end = message.indexOf('"', end + 1)) {
    let first = end;
    while (message.charCodeAt(first - 1) === BACKSLASH) first -= 1;
    if ((end - first) % 2 === 0) return message.slice(start, end + 1);
  }
  return null;
}
