/**
 * The lines of an SDP text and their order (RFC 8866 §9): all that can be wrong before anyone asks what a line means.
 *
 * The session's lines must stand in the order of the grammar. Those of a section need not: applications have been
 * adding `b=` lines behind `a=mid` for years, and every browser takes them.
 */
import { SdpError } from './error.ts';

/** Bounds on what is read at all. A Chromium offer with 200 video sections has 1.2 million characters in 30,000 lines. */
const MAX_TEXT_LENGTH = 4_194_304;
const MAX_LINES = 100_000;
const MAX_SECTIONS = 1_000;
/** The longest lines met are SPS/PPS in `a=fmtp` and `a=sctp-init`: hundreds of characters. */
const MAX_LINE_LENGTH = 65_536;

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly type: string;
  readonly value: string;
}

export interface SectionLines {
  readonly media: Line;
  readonly rest: readonly Line[];
}

interface DescriptionLines {
  readonly session: readonly Line[];
  readonly sections: readonly SectionLines[];
}

/** RFC 8866 §9: a session begins with these, once each … */
const SESSION_START: readonly string[] = ['v', 'o', 's'];
/** … and goes on in this order. Times, repetitions and zones may alternate. */
const SESSION_ORDER: Readonly<Record<string, number>> = {
  i: 1,
  u: 2,
  e: 3,
  p: 4,
  c: 5,
  b: 6,
  t: 7,
  r: 7,
  z: 7,
  k: 8,
  a: 9,
};
const SECTION_TYPES: readonly string[] = ['i', 'c', 'b', 'k', 'a'];

/** @throws SdpError with code `syntax` */
export function splitLines(text: string): DescriptionLines {
  const session: Line[] = [];
  const sections: { media: Line; rest: Line[] }[] = [];
  for (const line of readLines(text)) {
    const section = sections.at(-1);
    if (line.type === 'm') {
      if (section === undefined) checkSessionEnd(session, line.number);
      if (sections.length === MAX_SECTIONS)
        throw new SdpError('syntax', `more than ${MAX_SECTIONS} sections`, line.number);
      sections.push({ media: line, rest: [] });
    } else if (section === undefined) {
      checkSessionLine(line, session);
      session.push(line);
    } else {
      if (!SECTION_TYPES.includes(line.type)) throw misplaced(line);
      section.rest.push(line);
    }
  }
  if (sections.length === 0) checkSessionEnd(session, session.length + 1);
  return { session, sections };
}

/** Line ends are CRLF; LF alone and CR alone are taken too. Empty lines may follow the last one. */
function readLines(text: string): Line[] {
  if (text.length > MAX_TEXT_LENGTH) throw new SdpError('syntax', `more than ${MAX_TEXT_LENGTH} characters of SDP`);
  const lines: Line[] = [];
  const texts = text.split(/\r\n|\n|\r/, MAX_LINES + 1);
  if (texts.length > MAX_LINES) throw new SdpError('syntax', `more than ${MAX_LINES} lines`, MAX_LINES + 1);
  let end = texts.length;
  while (end > 0 && texts[end - 1] === '') end--;
  for (let i = 0; i < end; i++) lines.push(readLine(texts[i]!, i + 1));
  return lines;
}

function readLine(text: string, number: number): Line {
  if (text.length > MAX_LINE_LENGTH) throw new SdpError('syntax', `longer than ${MAX_LINE_LENGTH} characters`, number);
  if (!/^[a-z]=/.test(text)) throw new SdpError('syntax', `expected a letter and "=", got ${quote(text)}`, number);
  if (text.includes('\0')) throw new SdpError('syntax', 'has a NUL character', number);
  return { number, type: text[0]!, value: text.slice(2) };
}

function checkSessionLine(line: Line, before: readonly Line[]): void {
  const expected = SESSION_START[before.length];
  if (expected !== undefined) {
    if (line.type === expected) return;
    throw new SdpError('syntax', `expected "${expected}=", got "${line.type}="`, line.number);
  }
  const rank = SESSION_ORDER[line.type];
  if (rank === undefined || rank < (SESSION_ORDER[before.at(-1)!.type] ?? 0)) throw misplaced(line);
}

function checkSessionEnd(session: readonly Line[], number: number): void {
  const missing = SESSION_START[session.length] ?? (session.some(({ type }) => type === 't') ? null : 't');
  if (missing !== null) throw new SdpError('syntax', `expected "${missing}="`, number);
}

function misplaced(line: Line): SdpError {
  return new SdpError('syntax', `"${line.type}=" does not stand in its place`, line.number);
}

/** A line whose form is not that of its type or name. */
export function malformed(line: Line): SdpError {
  return new SdpError('syntax', `malformed ${quote(`${line.type}=${line.value}`)}`, line.number);
}

/** Enough of a text to recognize it in a message. */
function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
