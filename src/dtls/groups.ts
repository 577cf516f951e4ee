/** Named groups by their code points (RFC 8422 §5.1.1). */
import type { NamedGroup } from '../crypto/provider.ts';

export const GROUPS: Readonly<Record<NamedGroup, number>> = { x25519: 29, secp256r1: 23, secp384r1: 24 };

/** In order of preference. */
export const DEFAULT_GROUPS: readonly NamedGroup[] = ['x25519', 'secp256r1', 'secp384r1'];

export function groupById(id: number): NamedGroup | undefined {
  return DEFAULT_GROUPS.find((name) => GROUPS[name] === id);
}
