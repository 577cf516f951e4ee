/**
 * Which sections share a transport (RFC 9143): those of a bundle, of which the first, the tagged one, speaks for all. A
 * section outside of every bundle has a transport of its own.
 */
import { bundleGroup, isRejected, type SessionDescription } from './description.ts';

/** A section that neither side turned down. */
export interface LiveSection {
  readonly index: number;
  readonly mid: string | null;
}

/**
 * The transports of an answer, in the order of their sections; of each its sections, the tagged one first (RFC 9143 §7.3).
 * What was turned down drops out.
 */
export function sharedTransports<Section extends LiveSection>(
  answer: SessionDescription,
  live: readonly Section[],
): readonly (readonly Section[])[] {
  const placed = new Set<Section>();
  return live.flatMap((section) => {
    if (placed.has(section)) return [];
    const mids = bundleGroup(answer, section.mid)?.mids ?? [];
    const members = mids.flatMap((mid) => live.find((one) => one.mid === mid) ?? []);
    const together = members.length > 0 ? members : [section];
    for (const one of together) placed.add(one);
    return [together];
  });
}

/** The bundles that both sides agreed on: each the mids that live, the tagged one first; and the sections beside them. */
export function negotiatedBundles(
  local: SessionDescription | null,
  remote: SessionDescription | null,
): { readonly bundles: readonly (readonly string[])[]; readonly apart: ReadonlySet<string> } {
  if (local === null || remote === null) return { bundles: [], apart: new Set() };
  const bundles = local.groups.flatMap(({ semantics, mids }) => {
    const both = mids.filter((mid) => bundleGroup(remote, mid) !== undefined);
    return semantics === 'BUNDLE' && both.length > 0 ? [both] : [];
  });
  const apart = local.media.flatMap((section, index) => {
    const theirs = remote.media[index];
    if (section.mid === null || theirs === undefined || isRejected(section) || isRejected(theirs)) return [];
    return bundles.some((mids) => mids.includes(section.mid!)) ? [] : [section.mid];
  });
  return { bundles, apart: new Set(apart) };
}
