/**
 * ICE candidates as data, their text form (RFC 8839 §5.1) and their priorities (RFC 8445 §5.1.2).
 *
 *   candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998
 *             │ │  │      │          │       │        │          └ the base, for diagnostics
 *             │ │  │      │          │       │        └ host, srflx, prflx or relay
 *             │ │  │      │          └ where to send; a browser may put a .local name here
 *             │ │  │      └ the sender's preference among its own candidates
 *             │ │  └ UDP, or TCP with a tcptype (RFC 6544 §4.5)
 *             │ └ component: 1 everywhere in WebRTC (rtcp-mux)
 *             └ foundation: equal for candidates that will probably work or fail together
 */

export type CandidateType = 'host' | 'srflx' | 'prflx' | 'relay';

/** A candidate as it is told to, or heard from, the peer. */
export type IceCandidate = {
  readonly foundation: string;
  readonly component: number;
  readonly protocol: 'udp' | 'tcp';
  /** 1 … 2^31 - 1 by RFC 8839; up to 2^32 - 1 is accepted. */
  readonly priority: number;
  /** An IP literal or, for an obfuscated host candidate, a `.local` name. */
  readonly address: string;
  readonly port: number;
  readonly type: CandidateType;
  /** The base of a reflexive candidate, the mapped address of a relayed one; `0.0.0.0` or `::` when kept private. */
  readonly relatedAddress?: string;
  readonly relatedPort?: number;
  readonly tcpType?: 'active' | 'passive' | 'so';
  /** Says which generation of credentials the candidate belongs to (`ufrag`, draft-ietf-mmusic-trickle-ice-sip). */
  readonly usernameFragment?: string;
  /** Every other name and value at the end of the line, in order. Read, never acted on. */
  readonly extensions?: readonly (readonly [name: string, value: string])[];
};

/** Bound on the text that is looked at: real lines are under 250 characters; a longer one is not a candidate. */
const MAX_CANDIDATE_TEXT = 2_048;

const MAX_PORT = 65_535;
const ICE_CHARS = '[A-Za-z0-9+/]';
const TYPES: readonly string[] = ['host', 'srflx', 'prflx', 'relay'] satisfies CandidateType[];
const TCP_TYPES: readonly string[] = ['active', 'passive', 'so'];
/** The fields in front of the extensions. Foundations outside ice-char are met in the wild and harmless. */
const HEAD =
  /^(?:a=)?candidate:(\S{1,32}) (\d{1,3}) (\S+) (\d{1,10}) (\S+) (\d{1,5}) typ (\S+)(?: raddr (\S+))?(?: rport (\d{1,5}))?(?: (.*))?$/i;

/** A candidate-attribute (`candidate:…`, with or without `a=`); `null` for what the grammar or we do not know. */
export function parseCandidate(text: string): IceCandidate | null {
  const line = text.trim();
  if (line.length > MAX_CANDIDATE_TEXT) return null;
  const match = HEAD.exec(line);
  if (match === null) return null;
  const [, foundation, component, transport, priority, address, port, type, relatedAddress, relatedPort, tail] = match;
  const protocol = transport!.toLowerCase();
  const candidateType = type!.toLowerCase();
  if (protocol !== 'udp' && protocol !== 'tcp') return null;
  if (!isCandidateType(candidateType)) return null;
  if (Number(component) < 1 || Number(component) > 256) return null;
  if (Number(priority) > 0xffff_ffff || Number(port) > MAX_PORT || Number(relatedPort ?? 0) > MAX_PORT) return null;
  const extensions = parseExtensions(tail);
  if (extensions === null) return null;
  const tcpType = take(extensions, 'tcptype')?.toLowerCase();
  if (protocol === 'tcp' && !isTcpType(tcpType)) return null; // RFC 6544 §4.5: MUST be present
  const usernameFragment = take(extensions, 'ufrag');
  return {
    foundation: foundation!,
    component: Number(component),
    protocol,
    priority: Number(priority),
    address: address!,
    port: Number(port),
    type: candidateType,
    ...(relatedAddress !== undefined && { relatedAddress }),
    ...(relatedPort !== undefined && { relatedPort: Number(relatedPort) }),
    ...(isTcpType(tcpType) && { tcpType }),
    ...(usernameFragment !== undefined && { usernameFragment }),
    ...(extensions.length > 0 && { extensions }),
  };
}

/** The candidate-attribute, without `a=`. `ufrag` is written when the candidate carries one, as browsers do. */
export function formatCandidate(candidate: IceCandidate): string {
  const { foundation, component, protocol, priority, address, port, type } = candidate;
  let text = `candidate:${foundation} ${component} ${protocol} ${priority} ${address} ${port} typ ${type}`;
  if (candidate.relatedAddress !== undefined) text += ` raddr ${candidate.relatedAddress}`;
  if (candidate.relatedPort !== undefined) text += ` rport ${candidate.relatedPort}`;
  if (candidate.tcpType !== undefined) text += ` tcptype ${candidate.tcpType}`;
  if (candidate.usernameFragment !== undefined) text += ` ufrag ${candidate.usernameFragment}`;
  for (const [name, value] of candidate.extensions ?? []) text += ` ${name} ${value}`;
  return text;
}

/**
 * RFC 8445 §5.1.2.2: the recommended type preferences; and those of TCP, below every UDP candidate but relayed ones
 * (RFC 6544 §4.2: "For RTP-based media streams, it is RECOMMENDED that UDP candidates are preferred").
 */
const TYPE_PREFERENCES: Readonly<Record<'udp' | 'tcp', Readonly<Record<CandidateType, number>>>> = {
  udp: { host: 126, prflx: 110, srflx: 100, relay: 0 },
  tcp: { host: 90, prflx: 80, srflx: 70, relay: 0 },
};

/** RFC 8445 §5.1.2.1: priority = 2^24 × type preference + 2^8 × local preference + (256 - component). */
export function candidatePriority(
  type: CandidateType,
  localPreference: number,
  component = 1,
  protocol: 'udp' | 'tcp' = 'udp',
): number {
  return 2 ** 24 * TYPE_PREFERENCES[protocol][type] + 2 ** 8 * localPreference + (256 - component);
}

/** RFC 8839 §5.4: 4 to 256 ice-chars. */
export function isUsernameFragment(text: string): boolean {
  return new RegExp(`^${ICE_CHARS}{4,256}$`).test(text);
}

/** RFC 8839 §5.4: 22 to 256 ice-chars. */
export function isPassword(text: string): boolean {
  return new RegExp(`^${ICE_CHARS}{22,256}$`).test(text);
}

function isCandidateType(text: string): text is CandidateType {
  return TYPES.includes(text);
}

function isTcpType(text: string | undefined): text is 'active' | 'passive' | 'so' {
  return text !== undefined && TCP_TYPES.includes(text);
}

/** Names and values alternate; `null` when a name has no value. */
function parseExtensions(tail: string | undefined): [string, string][] | null {
  if (tail === undefined || tail === '') return [];
  const words = tail.split(' ');
  if (words.length % 2 !== 0) return null;
  const pairs: [string, string][] = [];
  for (let i = 0; i < words.length; i += 2) pairs.push([words[i]!, words[i + 1]!]);
  return pairs;
}

/** Removes the first extension of that name and gives its value. */
function take(extensions: [string, string][], name: string): string | undefined {
  const index = extensions.findIndex(([key]) => key.toLowerCase() === name);
  return index < 0 ? undefined : extensions.splice(index, 1)[0]![1];
}
