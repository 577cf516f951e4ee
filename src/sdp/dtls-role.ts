/** Who is the DTLS client (RFC 8842 §5, RFC 8829 §5.3.1): the side that says `active`. */
import { effectiveTransport, isRejected, type SessionDescription, type Setup } from './description.ts';

export type DtlsRole = 'client' | 'server';

/** Our role, as far as the two sides' words decide it. */
export function decidedRole(local: Setup | null, remote: Setup | null): DtlsRole | null {
  if (local === 'active' || remote === 'passive') return 'client';
  if (local === 'passive' || remote === 'active') return 'server';
  return null;
}

/** Our role in what was negotiated before; `null` when nothing was. */
export function negotiatedRole(local: SessionDescription | null, remote: SessionDescription | null): DtlsRole | null {
  if (local === null || remote === null) return null;
  for (const [index, section] of local.media.entries()) {
    const theirs = remote.media[index];
    if (theirs === undefined || isRejected(section) || isRejected(theirs)) continue;
    return decidedRole(effectiveTransport(local, section).setup, effectiveTransport(remote, theirs).setup);
  }
  return null;
}
