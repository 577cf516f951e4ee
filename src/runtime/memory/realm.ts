/** One address space: the open network, or what is behind a NAT. Also what mDNS takes for the local link. */
import type { Attachment } from './attachment.ts';
import type { Nat } from './nat.ts';

export class Realm {
  /** The way out; `null` in the open network. */
  gateway: Nat | null = null;
  /** Whose addresses these are. */
  readonly endpoints: Map<string, Attachment | Nat> = new Map();
  /** Every interface here, addressed or not. */
  readonly attachments: Set<Attachment> = new Set();
}
