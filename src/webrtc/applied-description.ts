/** Descriptions in force, and the candidates that are added to them while they are (WebRTC §4.4.1.5, §4.4.2). */
import type { IceCredentials } from '../ice/index.ts';
import {
  effectiveCredentials,
  isRejected,
  type MediaSection,
  type SessionDescription,
  withCandidate,
  withEndOfCandidates,
} from '../sdp/index.ts';
import { type Description, RTCSessionDescription, replaceSdp } from './session-description.ts';
import type { AppliedDescription } from './slots.ts';

export function applyDescription(description: Description, content: SessionDescription): AppliedDescription {
  return { object: new RTCSessionDescription(description), content, transportIndex: null };
}

/** Which ICE generation a section belongs to, by its username fragment. */
export function usernameFragmentOf(content: SessionDescription, section: MediaSection): string | null {
  return effectiveCredentials(content, section)?.usernameFragment ?? null;
}

/** A description, and what offer and answer together have made of it, if they have. */
type Standing = Pick<AppliedDescription, 'content'> & Partial<Pick<AppliedDescription, 'transportIndex'>>;

/**
 * The section that carries the transport's attributes and candidates (RFC 9143 §7.3): the one that was negotiated. Until
 * then, the first of the bundle that is not turned down.
 */
export function transportSection({
  content,
  transportIndex,
}: Standing): { section: MediaSection; index: number } | null {
  const { media, groups } = content;
  const bundle = groups.find(({ semantics }) => semantics === 'BUNDLE')?.mids ?? [];
  const live = media.filter((section) => !isRejected(section));
  const tagged = bundle.flatMap((mid) => live.find((section) => section.mid === mid) ?? [])[0] ?? live[0];
  const index = transportIndex ?? (tagged === undefined ? -1 : media.indexOf(tagged));
  const section = media[index];
  return section === undefined ? null : { section, index };
}

/** The ICE credentials of the transport; `null` when the description has none. */
export function credentialsOf(standing: Standing): IceCredentials | null {
  const found = transportSection(standing);
  return found && effectiveCredentials(standing.content, found.section);
}

/** Adds a candidate-attribute to one section, in the text and in what it says. */
export function addCandidate(applied: AppliedDescription, index: number, candidate: string): void {
  change(applied, index, `a=${candidate}`, withCandidate(applied.content, { mLineIndex: index }, candidate));
}

export function addEndOfCandidates(applied: AppliedDescription, index: number): void {
  if (applied.content.media[index]?.endOfCandidates) return;
  change(applied, index, 'a=end-of-candidates', withEndOfCandidates(applied.content, { mLineIndex: index }));
}

function change(applied: AppliedDescription, index: number, line: string, content: SessionDescription): void {
  if (content.media[index] === applied.content.media[index]) return; // it was known
  applied.content = content;
  replaceSdp(applied.object, appendToSection(applied.object.sdp, index, line));
}

/** The line goes to the end of the `index`th section, so that all else stays as the application gave it. */
function appendToSection(sdp: string, index: number, line: string): string {
  const parts = sdp.split(/^(?=m=)/m);
  parts[index + 1] = `${parts[index + 1]!.trimEnd()}\r\n${line}\r\n`;
  return parts.join('');
}
