/** Names and texts that come from others, made harmless for a page, a terminal and a file system. */
import { MAX_FILE_NAME_BYTES, MAX_NAME_LENGTH } from './limits.ts';

const CONTROLS = /\p{Cc}/gu;
const CONTROLS_BUT_LINES = /[^\P{Cc}\n\t]/gu;
/** Characters that turn the direction of what follows, or that nobody sees: `gnp.exe` can look like `exe.png` with them. */
const INVISIBLE = /[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;
const LONE_SURROGATES = /\p{Surrogate}/gu;
/** What Windows has no place for in a name; the separators of paths are gone before. */
const FORBIDDEN_IN_FILES = /[<>:"|?*]/g;
/** Devices of Windows, with any extension. */
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
/** Extensions longer than this are part of the name. */
const MAX_EXTENSION_LENGTH = 16;

/** A display name on one line, of 1 to `MAX_NAME_LENGTH` code points; `Guest` when nothing is left. */
export function cleanName(name: string): string {
  const line = name
    .replace(CONTROLS, ' ')
    .replace(INVISIBLE, '')
    .replace(LONE_SURROGATES, '\ufffd')
    .normalize('NFC')
    .replace(/\s+/gu, ' ')
    .trim();
  return [...line].slice(0, MAX_NAME_LENGTH).join('').trim() || 'Guest';
}

/** A text without control characters (escape sequences of terminals among them), its line ends as `\n`. */
export function cleanText(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(CONTROLS_BUT_LINES, '')
    .replace(/[\u202a-\u202e\u2066-\u2069]/gu, '')
    .replace(LONE_SURROGATES, '\ufffd')
    .trim();
}

/** The last part of a path, as a name that any file system takes and that hides neither the file nor its extension. */
export function cleanFileName(path: string): string {
  const name = path
    .slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
    .replace(CONTROLS, '')
    .replace(INVISIBLE, '')
    .replace(LONE_SURROGATES, '\ufffd')
    .normalize('NFC')
    .replace(FORBIDDEN_IN_FILES, '_')
    .replace(/\s+/gu, ' ')
    .replace(/^[. ]+|[. ]+$/g, '');
  const safe = RESERVED.test(name) ? `_${name}` : name;
  return shorten(safe) || 'file';
}

function shorten(name: string): string {
  if (utf8Length(name) <= MAX_FILE_NAME_BYTES) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= MAX_EXTENSION_LENGTH ? name.slice(dot) : '';
  const characters = [...name.slice(0, name.length - extension.length)];
  let length = utf8Length(extension);
  let kept = '';
  for (const character of characters) {
    length += utf8Length(character);
    if (length > MAX_FILE_NAME_BYTES) break;
    kept += character;
  }
  return kept.trimEnd() + extension;
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
