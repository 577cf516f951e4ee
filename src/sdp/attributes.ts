/**
 * The attribute lines of a session or a section: those we act on by name, the others kept as they are.
 *
 * sdp-transform takes the structured ones apart, a line at a time. Over a whole text it would skip what it cannot
 * read, keep the last of several lines and take `rtcp-mux-only` for `rtcp-mux`; here a line that we know by name and
 * cannot read, or that contradicts one before it, is an error with its number (RFC 8829 §5.8).
 */
import { type ParsedLines, parse } from 'sdp-transform';
import type { Attribute, Fingerprint, Group, Setup, TransportAttributes } from './description.ts';
import { SdpError } from './error.ts';
import { type Line, malformed } from './lines.ts';

const MAX_PORT = 65_535;
/** Bound on the mids in all groups together: each section is in one bundle, and in few other groups. */
const MAX_GROUPED_MIDS = 4_000;
const SETUPS: readonly Setup[] = ['actpass', 'active', 'passive', 'holdconn'];

/** What text an attribute has that stands at most once: none, any, or of a certain form. */
const SINGLE: ReadonlyMap<string, RegExp | null> = new Map([
  ['mid', /^\S+$/],
  ['ice-ufrag', /^\S+$/],
  ['ice-pwd', /^\S+$/],
  ['ice-options', /[^ ,]/],
  ['setup', new RegExp(`^(${SETUPS.join('|')})$`)],
  ['tls-id', /^\S+$/],
  ['msid-semantic', /^/],
  ['sctp-port', /^\d{1,5}$/],
  ['max-message-size', /^\d+$/],
  ['ice-lite', null],
  ['extmap-allow-mixed', null],
  ['end-of-candidates', null],
  ['sendrecv', null],
  ['sendonly', null],
  ['recvonly', null],
  ['inactive', null],
  ['bundle-only', null],
  ['rtcp-mux', null],
  ['rtcp-mux-only', null],
  ['rtcp-rsize', null],
]);

/** `a=sctpmap:5000 webrtc-datachannel 1024`, from the drafts before RFC 8841. */
interface SctpMap {
  readonly port: number;
  readonly application: string;
  readonly streams: number;
}

export class AttributeReader {
  readonly groups: Group[] = [];
  readonly candidates: string[] = [];
  /** What is not among the known names, in order. */
  readonly unknown: Attribute[] = [];
  readonly #fingerprints: Fingerprint[] = [];
  readonly #single = new Map<string, string | null>();
  #sctpmap: SctpMap | null = null;
  #groupedMids = 0;

  /** @throws SdpError with code `syntax` */
  read(line: Line, known: ReadonlySet<string>): void {
    const colon = line.value.indexOf(':');
    const name = (colon < 0 ? line.value : line.value.slice(0, colon)).trimEnd();
    const value = colon < 0 ? null : line.value.slice(colon + 1);
    if (name === '') throw malformed(line);
    if (!known.has(name)) this.unknown.push({ name, value });
    else if (name === 'group') this.#readGroup(line);
    else if (name === 'fingerprint') this.#fingerprints.push(readFingerprint(line));
    else if (name === 'sctpmap') this.#sctpmap = readSctpMap(line);
    else if (name === 'candidate') this.candidates.push(line.value.trimEnd());
    else this.#readSingle(name, value, line);
  }

  has(name: string): boolean {
    return this.#single.has(name);
  }

  text(name: string): string | null {
    return this.#single.get(name) ?? null;
  }

  number(name: string): number | null {
    const text = this.text(name);
    return text === null ? null : Number(text);
  }

  get sctpmap(): SctpMap | null {
    return this.#sctpmap;
  }

  get transport(): TransportAttributes {
    return {
      iceUfrag: this.text('ice-ufrag'),
      icePwd: this.text('ice-pwd'),
      iceOptions: this.text('ice-options')?.match(/[^ ,]+/g) ?? null, // libdatachannel writes commas for spaces
      fingerprints: this.#fingerprints,
      setup: SETUPS.find((setup) => setup === this.text('setup')) ?? null,
      tlsId: this.text('tls-id'),
    };
  }

  /** RFC 5888 §5. A group may be empty: Chromium writes `a=group:BUNDLE` when nothing is left to bundle. */
  #readGroup(line: Line): void {
    const [semantics, ...mids] = line.value.slice('group:'.length).trim().split(/ +/);
    if (!semantics) throw malformed(line);
    this.#groupedMids += mids.length + 1;
    if (this.#groupedMids > MAX_GROUPED_MIDS) throw new SdpError('syntax', 'too many mids in groups', line.number);
    this.groups.push({ semantics, mids });
  }

  #readSingle(name: string, value: string | null, line: Line): void {
    const form = SINGLE.get(name);
    const text = form === null ? null : (value?.trim() ?? '');
    if (form && !form.test(text!)) throw malformed(line);
    if (name === 'sctp-port' && Number(text) > MAX_PORT) throw malformed(line);
    if (this.#single.has(name) && this.#single.get(name) !== text) {
      throw new SdpError('syntax', `a second "a=${name}" says something else than the first`, line.number);
    }
    this.#single.set(name, text);
  }
}

/** One line, taken apart by sdp-transform; `null` when its grammar has no place for it. */
function takeApart(line: Line): ParsedLines | null {
  const parsed = parse(`a=${line.value}`);
  return parsed.invalid === undefined ? parsed : null;
}

/** RFC 8122 §5. */
function readFingerprint(line: Line): Fingerprint {
  const { type, hash } = takeApart(line)?.fingerprint ?? {};
  const value = String(hash).toUpperCase();
  if (!/^[0-9A-F]{2}(:[0-9A-F]{2})*$/.test(value)) throw malformed(line);
  return { algorithm: String(type).toLowerCase(), value };
}

function readSctpMap(line: Line): SctpMap {
  const { sctpmapNumber: port, app, maxMessageSize: streams } = takeApart(line)?.sctpmap ?? {};
  if (typeof port !== 'number' || port > MAX_PORT) throw malformed(line);
  return { port, application: String(app), streams: typeof streams === 'number' ? streams : 0 };
}
