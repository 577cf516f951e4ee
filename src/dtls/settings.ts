/** `DtlsOptions`, checked and with every default filled in. */
import type { CryptoProvider, NamedGroup } from '../crypto/provider.ts';
import type { RandomSource } from '../machine.ts';
import { type CipherSuite, cipherSuiteByName, cipherSuitesFor } from './cipher-suites.ts';
import { MIN_MTU } from './flight.ts';
import { DEFAULT_GROUPS, GROUPS } from './groups.ts';
import type { DtlsCertificate, DtlsOptions, DtlsRole, VerifyCertificate } from './options.ts';
import { DEFAULT_SIGNATURE_SCHEMES, SIGNATURE_SCHEMES, type SignatureScheme } from './signature-schemes.ts';
import { SRTP_PROFILES, type SrtpProfile } from './srtp-profiles.ts';

/** WebRTC's usual datagram: what is left of the 1280 bytes any IPv6 path carries, with room for headers and tunnels. */
const DEFAULT_MTU = 1200;
/** The largest UDP payload over IPv4: 65,535 bytes less both headers. */
const MAX_MTU = 65_507;
/**
 * RFC 6347 §4.2.4.1 wants 1 s, for peers that know nothing of their path. In WebRTC, ICE has just measured it, and the
 * user waits: browsers start at 50 ms. 200 ms is above nearly every round trip, and a second copy of a flight is cheap.
 */
const DEFAULT_INITIAL_TIMEOUT_MS = 200;
/** 200 ms doubled twelve times, no more than 60 s each: six minutes and a half. */
const DEFAULT_MAX_RETRANSMISSIONS = 12;

const MAX_ALPN_NAME_LENGTH = 255; // RFC 7301 §3.1

export type Settings = {
  readonly crypto: CryptoProvider;
  readonly random: RandomSource;
  readonly role: DtlsRole;
  readonly certificate: DtlsCertificate | null;
  readonly clientCertificate: 'none' | 'optional' | 'required';
  readonly verifyCertificate: VerifyCertificate;
  readonly cipherSuites: readonly CipherSuite[];
  readonly groups: readonly NamedGroup[];
  readonly signatureSchemes: readonly SignatureScheme[];
  readonly srtpProfiles: readonly SrtpProfile[];
  readonly alpnProtocols: readonly string[];
  readonly requireExtendedMasterSecret: boolean;
  readonly cookie: { readonly secret: Uint8Array | null; readonly clientAddress: Uint8Array } | null;
  readonly maxRetransmissions: number;
  readonly handshakeTimeoutMs: number;
  readonly keylog: ((line: string) => void) | null;
  readonly mtu: number;
  readonly initialTimeoutMs: number;
};

/** @throws TypeError or RangeError that says which option is wrong */
export function resolveOptions(options: DtlsOptions): Settings {
  const { role, certificate, clientCertificate = 'none', verifyCertificate, cookie = false } = options;
  if (role !== 'client' && role !== 'server') throw new TypeError(`role is 'client' or 'server', not ${String(role)}`);
  if (role === 'server' && certificate === undefined) throw new TypeError('a DTLS server needs a certificate');
  if (certificate !== undefined && certificate.chain.length === 0) {
    throw new TypeError('certificate.chain needs at least the certificate of the private key');
  }
  const peerShowsCertificate = role === 'client' || clientCertificate !== 'none';
  if (peerShowsCertificate && verifyCertificate === undefined) {
    throw new TypeError('verifyCertificate is needed: without it any peer would do; compare the fingerprint there');
  }
  return {
    crypto: options.crypto,
    random: options.random,
    role,
    certificate: certificate ?? null,
    clientCertificate: oneOf('clientCertificate', clientCertificate, ['none', 'optional', 'required']),
    verifyCertificate: verifyCertificate ?? (() => false),
    cipherSuites: list('cipherSuites', options.cipherSuites, cipherSuitesFor(options.crypto), cipherSuiteByName),
    groups: list('groups', options.groups, DEFAULT_GROUPS, (name) => (Object.hasOwn(GROUPS, name) ? name : undefined)),
    signatureSchemes: list('signatureSchemes', options.signatureSchemes, DEFAULT_SIGNATURE_SCHEMES, (name) =>
      Object.hasOwn(SIGNATURE_SCHEMES, name) ? name : undefined,
    ),
    srtpProfiles: list('srtpProfiles', options.srtpProfiles, [], (name) =>
      Object.hasOwn(SRTP_PROFILES, name) ? name : undefined,
    ),
    alpnProtocols: list('alpnProtocols', options.alpnProtocols, [], checkedProtocolName),
    requireExtendedMasterSecret: options.requireExtendedMasterSecret ?? true,
    cookie: resolveCookie(cookie),
    maxRetransmissions: checkedNumber('maxRetransmissions', options.maxRetransmissions, DEFAULT_MAX_RETRANSMISSIONS, 0),
    handshakeTimeoutMs: checkedNumber('handshakeTimeoutMs', options.handshakeTimeoutMs, Infinity, 1),
    keylog: options.keylog ?? null,
    mtu: checkedMtu(options.mtu ?? DEFAULT_MTU),
    initialTimeoutMs: checkedTimeout(options.initialTimeoutMs ?? DEFAULT_INITIAL_TIMEOUT_MS),
  };
}

/** @throws RangeError */
export function checkedMtu(mtu: number): number {
  if (!Number.isInteger(mtu) || mtu < MIN_MTU || mtu > MAX_MTU) {
    throw new RangeError(`mtu is a whole number of bytes from ${MIN_MTU} to ${MAX_MTU}, not ${mtu}`);
  }
  return mtu;
}

/** @throws RangeError */
export function checkedTimeout(ms: number): number {
  if (!(ms > 0)) throw new RangeError(`a first timeout is more than 0 ms (or Infinity), not ${ms}`);
  return ms;
}

function checkedNumber(option: string, value: number | undefined, standard: number, least: number): number {
  if (value === undefined) return standard;
  if (!(value >= least)) throw new RangeError(`${option} is a number from ${least} up, not ${value}`);
  return value;
}

/** A list of names that must not be empty where it is given, each one known, none twice. */
function list<Name, Value>(
  option: string,
  names: readonly Name[] | undefined,
  standard: readonly Value[],
  find: (name: Name) => Value | undefined,
): readonly Value[] {
  if (names === undefined) return standard;
  if (names.length === 0 && standard.length > 0) throw new TypeError(`${option} is empty: nothing could be agreed`);
  return [...new Set(names)].map((name) => {
    const value = find(name);
    if (value === undefined) throw new TypeError(`${option} has an unknown entry: ${String(name)}`);
    return value;
  });
}

function oneOf<Value>(option: string, value: Value, values: readonly Value[]): Value {
  if (!values.includes(value)) throw new TypeError(`${option} is one of ${values.join(', ')}, not ${String(value)}`);
  return value;
}

function checkedProtocolName(name: string): string | undefined {
  const length = new TextEncoder().encode(name).length;
  return length > 0 && length <= MAX_ALPN_NAME_LENGTH ? name : undefined;
}

function resolveCookie(cookie: NonNullable<DtlsOptions['cookie']>): Settings['cookie'] {
  if (cookie === false) return null;
  return cookie === true ? { secret: null, clientAddress: new Uint8Array(0) } : cookie;
}
