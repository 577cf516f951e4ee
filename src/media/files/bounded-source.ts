/**
 * A stop for mediabunny on damaged Matroska files. Up to 1.61.0 at least, its search for the next element that makes
 * sense never ends when there is none: it asks for the last 8 bytes again and again, without giving way to anything else.
 */
import type { Source } from 'mediabunny';
import { MediaFileError } from './media-file.ts';

/** Bound: how often in a row the same bytes may be asked for. Sound files do so a few times. */
const MAX_REPEATS = 1000;

type Reads = { _read?: (start: number, end: number, ...rest: unknown[]) => unknown };

/** The same source, which throws when it is asked for the same bytes without end. */
export function boundedSource<S extends Source>(source: S): S {
  const inner = source as unknown as Reads;
  const read = inner._read;
  if (read === undefined) return source; // not public, and not there any more
  let lastStart = -1;
  let lastEnd = -1;
  let repeats = 0;
  inner._read = function (this: S, start, end, ...rest) {
    repeats = start === lastStart && end === lastEnd ? repeats + 1 : 0;
    lastStart = start;
    lastEnd = end;
    if (repeats > MAX_REPEATS) throw new MediaFileError('the file is damaged');
    return read.call(this, start, end, ...rest);
  };
  return source;
}
