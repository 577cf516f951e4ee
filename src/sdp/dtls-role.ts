/** Who is the DTLS client (RFC 8842 §5, RFC 8829 §5.3.1): the side that says `active`. */
import { effectiveTransport, isRejected, type SessionDescription, type Setup } from './description.ts';

export type DtlsRole = 'client' | 'server';

/** Our role, as far as the two sides' words decide it. */
export function decidedRole(local: Setup | null, remote: Setup | null): DtlsRole | null {
  if (local === 'active' || remote === 'passive') return 'client';
  if (local === 'passive' || remote === 'active') return 'server';
  return null;
}

/** Our role on the transport of one section, as it was negotiated before; `null` when it was not. */
export function negotiatedRole(
  local: SessionDescription | null,
  remote: SessionDescription | null,
  index: number,
): DtlsRole | null {
  const [ours, theirs] = [local?.media[index], remote?.media[index]];
  if (!local || !remote || !ours || !theirs || isRejected(ours) || isRejected(theirs)) return null;
  return decidedRole(effectiveTransport(local, ours).setup, effectiveTransport(remote, theirs).setup);
}
