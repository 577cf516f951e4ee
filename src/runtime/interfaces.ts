/** The machine's addresses, as `node:os` gives them, plus what only Linux's procfs says. */
import { canonicalAddress, isLinkLocal } from '../ice/address.ts';
import { builtin } from './builtin.ts';
import type { NetworkInterface } from './runtime.ts';

/** Flags of `/proc/net/if_inet6` (linux/if_addr.h). */
const IFA_F_TEMPORARY = 0x01;
const IFA_F_DADFAILED = 0x08;
const IFA_F_DEPRECATED = 0x20;
const IFA_F_TENTATIVE = 0x40;
const UNUSABLE = IFA_F_DADFAILED | IFA_F_DEPRECATED | IFA_F_TENTATIVE;

/** @param readsProc whether procfs may be read: Deno would ask the user for it */
export function listInterfaces(readsProc: boolean): NetworkInterface[] {
  const flags = readsProc ? ipv6Flags() : new Map<string, number>();
  const interfaces: NetworkInterface[] = [];
  for (const [name, addresses] of Object.entries(builtin('node:os').networkInterfaces())) {
    for (const { address: text, family, internal, netmask } of addresses ?? []) {
      const address = canonicalAddress(text.split('%')[0]!);
      if (address === null) continue;
      const flag = flags.get(address) ?? 0;
      if (flag & UNUSABLE) continue;
      interfaces.push({
        name,
        address,
        family: family === 'IPv6' ? 6 : 4,
        prefixLength: prefixLength(netmask),
        internal,
        linkLocal: isLinkLocal(address),
        temporary: (flag & IFA_F_TEMPORARY) !== 0,
      });
    }
  }
  return interfaces;
}

/** Lines of `fd000000000000000000000000000002 04 40 00 80 eth0`: address, index, prefix, scope, flags, name, in hex. */
function ipv6Flags(): Map<string, number> {
  const flags = new Map<string, number>();
  try {
    for (const line of builtin('node:fs').readFileSync('/proc/net/if_inet6', 'latin1').split('\n')) {
      const [address, , , , flag] = line.trim().split(/\s+/);
      const literal = canonicalAddress(address?.match(/.{4}/g)?.join(':') ?? '');
      if (literal !== null && flag !== undefined) flags.set(literal, Number.parseInt(flag, 16));
    }
  } catch {
    // Not Linux: nothing is known, everything is offered.
  }
  return flags;
}

/** Masks come as text in both families: `255.255.255.0`, `ffff:ffff::`. */
function prefixLength(netmask: string): number {
  const groups = netmask.includes(':')
    ? netmask.split(':').map((group) => Number.parseInt(group || '0', 16))
    : netmask.split('.').map(Number);
  let bits = 0;
  for (let group of groups) for (; group > 0; group >>>= 1) bits += group & 1;
  return bits;
}
