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
import { type Description, RTCSessionDescription } from './session-description.ts';
import type { AppliedDescription } from './slots.ts';

export function applyDescription(description: Description, content: SessionDescription): AppliedDescription {
  return { object: new RTCSessionDescription(description), content, tags: null };
}

/** Which ICE generation a section belongs to, by its username fragment. */
export function usernameFragmentOf(content: SessionDescription, section: MediaSection): string | null {
  return effectiveCredentials(content, section)?.usernameFragment ?? null;
}

/** The first section that speaks for a transport: the first of the bundle that is not turned down (RFC 9143 §7.3). */
export function transportSection({
  media,
  groups,
}: SessionDescription): { section: MediaSection; index: number } | null {
  const bundle = groups.find(({ semantics }) => semantics === 'BUNDLE')?.mids ?? [];
  const live = media.filter((section) => !isRejected(section));
  const tagged = bundle.flatMap((mid) => live.find((section) => section.mid === mid) ?? [])[0] ?? live[0];
  return tagged === undefined ? null : { section: tagged, index: media.indexOf(tagged) };
}

/** The ICE credentials of a local description, which all transports have in common; `null` when it has none. */
export function credentialsOf({ content }: Pick<AppliedDescription, 'content'>): IceCredentials | null {
  const found = transportSection(content);
  return found && effectiveCredentials(content, found.section);
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
  // Another object, as in browsers: one that a script has taken before, to send it by itself, stays as it is.
  const { type, sdp } = applied.object;
  applied.object = new RTCSessionDescription({ type, sdp: appendToSection(sdp, index, line) });
}

/** The line goes to the end of the `index`th section, so that all else stays as the application gave it. */
function appendToSection(sdp: string, index: number, line: string): string {
  const parts = sdp.split(/^(?=m=)/m);
  parts[index + 1] = `${parts[index + 1]!.trimEnd()}\r\n${line}\r\n`;
  return parts.join('');
}
