/**
 * Transport addresses: IP literals as text, because that is what sockets, SDP and people use, and as bytes where STUN
 * wants them. STUN and ICE compare the canonical text (RFC 5952), so two spellings of one address are one.
 */
import { setU16, u16 } from '../binary/bytes.ts';

/** One end of a UDP path. `address` is an IP literal without brackets; no names, no zone identifiers. */
export type SocketAddress = { readonly address: string; readonly port: number };

/** 4 or 6 for an IP literal, 0 for anything else: a name, a zone identifier (`fe80::1%eth0`), an empty string. */
export function addressFamily(address: string): 4 | 6 | 0 {
  const bytes = parseAddress(address);
  if (bytes === null) return 0;
  return bytes.length === IPV4_LENGTH ? 4 : 6;
}

const IPV4_LENGTH = 4;
const IPV6_LENGTH = 16;
const IPV6_GROUPS = 8;

/** The 4 or 16 bytes of an IP literal in network order; `null` for anything else. */
export function parseAddress(address: string): Uint8Array | null {
  return address.includes(':') ? parseIpv6(address) : parseIpv4(address);
}

/** The canonical text of 4 or 16 address bytes (RFC 5952 for IPv6). Throws `RangeError` for any other length. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === IPV4_LENGTH) return bytes.join('.');
  if (bytes.length === IPV6_LENGTH) return formatIpv6(bytes);
  throw new RangeError(`an address has 4 or 16 bytes, got ${bytes.length}`);
}

/** The canonical spelling of an IP literal: `null` when it is none. */
export function canonicalAddress(address: string): string | null {
  const bytes = parseAddress(address);
  return bytes === null ? null : formatAddress(bytes);
}

/** Whether both name the same address and port; both must be canonical. */
export function sameSocketAddress(a: SocketAddress, b: SocketAddress): boolean {
  return a.port === b.port && a.address === b.address;
}

/** For maps and logs: `192.0.2.1:5000`, `[2001:db8::1]:5000`. */
export function formatSocketAddress({ address, port }: SocketAddress): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** 127.0.0.0/8 (RFC 1122 §3.2.1.3) and ::1 (RFC 4291 §2.5.3). */
export function isLoopback(address: string): boolean {
  const bytes = parseAddress(address);
  if (bytes === null) return false;
  return bytes.length === IPV4_LENGTH ? bytes[0] === 127 : bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
}

/** 169.254.0.0/16 (RFC 3927) and fe80::/10 (RFC 4291 §2.5.6). */
export function isLinkLocal(address: string): boolean {
  const bytes = parseAddress(address);
  if (bytes === null) return false;
  return bytes.length === IPV4_LENGTH
    ? bytes[0] === 169 && bytes[1] === 254
    : bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
}

/** 0.0.0.0 and ::, which name every interface and so none. */
export function isUnspecified(address: string): boolean {
  return parseAddress(address)?.every((byte) => byte === 0) ?? false;
}

/**
 * Whether a host candidate may carry this address. RFC 8445 §5.1.1.1: IPv4-compatible (::/96), site-local (fec0::/10)
 * and IPv4-mapped (::ffff:0:0/96) addresses are left out; so are unspecified and multicast ones.
 */
export function isCandidateAddress(address: string): boolean {
  const bytes = parseAddress(address);
  if (bytes === null) return false;
  if (bytes.length === IPV4_LENGTH) return bytes[0]! > 0 && bytes[0]! < 224; // below multicast, RFC 5771
  if (bytes[0] === 0xff) return false; // multicast, RFC 4291 §2.7
  if (bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0xc0) return false; // site-local
  const high = bytes.subarray(0, 10).every((byte) => byte === 0);
  if (!high) return true;
  const marker = u16(bytes, 10);
  return marker !== 0xffff && (marker !== 0 || isLoopback(address));
}

function parseIpv4(text: string): Uint8Array | null {
  const parts = text.split('.');
  if (parts.length !== IPV4_LENGTH) return null;
  const bytes = new Uint8Array(IPV4_LENGTH);
  for (let i = 0; i < IPV4_LENGTH; i++) {
    const part = parts[i]!;
    // No leading zeros: some parsers read them as octal (RFC 6943 §3.1.1).
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    bytes[i] = Number(part);
  }
  return bytes;
}

/** RFC 4291 §2.2: eight groups, one `::` for a run of zero groups, the last two groups possibly as IPv4. */
function parseIpv6(text: string): Uint8Array | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (head === null || tail === null) return null;
  const missing = IPV6_GROUPS - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const bytes = new Uint8Array(IPV6_LENGTH);
  head.forEach((group, i) => {
    setU16(bytes, 2 * i, group);
  });
  tail.forEach((group, i) => {
    setU16(bytes, 2 * (head.length + missing + i), group);
  });
  return bytes;
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (mayEndInIpv4 && i === parts.length - 1 && part.includes('.')) {
      const ipv4 = parseIpv4(part);
      if (ipv4 === null) return null;
      groups.push(u16(ipv4, 0), u16(ipv4, 2));
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(part)) return null;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

/** RFC 5952 §4: lower case, no leading zeros, `::` for the longest run of two or more zero groups, the first of equals. */
function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: IPV6_GROUPS }, (_, i) => u16(bytes, 2 * i));
  let runStart = -1;
  let runLength = 1;
  for (let i = 0; i < IPV6_GROUPS; i++) {
    let end = i;
    while (end < IPV6_GROUPS && groups[end] === 0) end++;
    if (end - i > runLength) {
      runStart = i;
      runLength = end - i;
    }
    if (end > i) i = end;
  }
  const isMapped = runStart === 0 && runLength === 5 && groups[5] === 0xffff; // RFC 5952 §5
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (isMapped) return `::ffff:${bytes.subarray(12).join('.')}`;
  if (runStart < 0) return text(groups);
  return `${text(groups.slice(0, runStart))}::${text(groups.slice(runStart + runLength))}`;
}
