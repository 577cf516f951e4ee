/** Candidates that come after the description: gathered by us, or told by the peer (RFC 8838; W3C webrtc-pc §4.4.1.7). */
import type { MediaSection, SessionDescription } from './description.ts';

/** Names one section, the way RTCIceCandidate does. */
export type SectionTarget = { readonly mid: string } | { readonly mLineIndex: number };

/** Bound on what the text of a description grows to. ICE has its own bound; what is past ours is not written down. */
const MAX_CANDIDATES_PER_SECTION = 1_000;

/**
 * The description with one more candidate attribute (`candidate:…`) in a section.
 * @throws RangeError when there is no such section. @throws TypeError for what cannot be an attribute
 */
export function withCandidate(
  description: SessionDescription,
  target: SectionTarget,
  candidate: string,
): SessionDescription {
  if (!/^candidate:[^\r\n\0]+$/.test(candidate)) throw new TypeError('a candidate attribute begins with "candidate:"');
  return withSection(description, target, (section) => {
    const { candidates } = section;
    const isKnown = candidates.includes(candidate) || candidates.length >= MAX_CANDIDATES_PER_SECTION;
    return isKnown ? section : { ...section, candidates: [...candidates, candidate] };
  });
}

/** The description with `a=end-of-candidates` in a section, or in all of them. @throws RangeError as above */
export function withEndOfCandidates(description: SessionDescription, target: SectionTarget | null): SessionDescription {
  const end = (section: MediaSection): MediaSection => ({ ...section, endOfCandidates: true });
  if (target === null) return { ...description, media: description.media.map(end) };
  return withSection(description, target, end);
}

/** The index of a section; -1 when there is none. */
export function findSection(description: SessionDescription, target: SectionTarget): number {
  if ('mid' in target) return description.media.findIndex(({ mid }) => mid === target.mid);
  return description.media[target.mLineIndex] === undefined ? -1 : target.mLineIndex;
}

function withSection(
  description: SessionDescription,
  target: SectionTarget,
  change: (section: MediaSection) => MediaSection,
): SessionDescription {
  const index = findSection(description, target);
  if (index < 0) throw new RangeError(`there is no section ${JSON.stringify(target)}`);
  return { ...description, media: description.media.with(index, change(description.media[index]!)) };
}
