/** What a server makes of a ClientHello: one choice from each list, in the server's order of preference, or an alert. */
import type { NamedGroup } from '../crypto/provider.ts';
import type { CipherSuite } from './cipher-suites.ts';
import {
  decodeEmpty,
  decodePointFormats,
  decodeProtocolNames,
  decodeRenegotiationInfo,
  decodeServerNames,
  decodeSupportedVersions,
  decodeUint16List,
  decodeUseSrtp,
  EXTENSION,
  UNCOMPRESSED,
} from './extensions.ts';
import { GROUPS } from './groups.ts';
import { type Failure, failure } from './handshake.ts';
import { type ClientHello, NULL_COMPRESSION, TLS_EMPTY_RENEGOTIATION_INFO_SCSV } from './hellos.ts';
import type { Settings } from './settings.ts';
import { chooseScheme, type SignatureScheme } from './signature-schemes.ts';
import { SRTP_PROFILES, type SrtpProfile } from './srtp-profiles.ts';
import { chooseVersion } from './version.ts';

export type Agreed = {
  readonly kind: 'agreed';
  readonly version: number;
  readonly suite: CipherSuite;
  readonly group: NamedGroup;
  readonly signatureScheme: SignatureScheme;
  readonly srtpProfile: SrtpProfile | undefined;
  readonly alpnProtocol: string | undefined;
  readonly extendedMasterSecret: boolean;
  readonly secureRenegotiation: boolean;
};

/** Unknown versions, suites, groups, schemes, profiles and extensions are passed over: GREASE (RFC 8701) is made of them. */
export function agree(hello: ClientHello, settings: Settings): Agreed | Failure {
  const offer = readOffer(hello);
  if (offer.kind === 'failure') return offer;
  const version = chooseVersion(hello.version, offer.versions);
  if (version === null) return failure('protocol_version', 'the client speaks no version of ours');
  // RFC 5246 §7.4.1.2: compression_methods "MUST contain, and all implementations MUST support, CompressionMethod.null".
  if (!hello.compressionMethods.includes(NULL_COMPRESSION)) {
    return failure('illegal_parameter', 'the client insists on compression');
  }
  if (!offer.pointFormats.includes(UNCOMPRESSED)) {
    return failure('illegal_parameter', 'the client takes no uncompressed points (RFC 8422 §5.1.2)');
  }
  if (offer.renegotiatedConnection.length > 0) {
    return failure('handshake_failure', 'renegotiation_info is not empty in the first handshake (RFC 5746 §3.6)');
  }
  if (settings.requireExtendedMasterSecret && !offer.extendedMasterSecret) {
    return failure('handshake_failure', 'the client does not do the extended master secret (RFC 7627 §5.2)');
  }
  const { certificate } = settings;
  const keyType = certificate!.privateKey.type;
  // RFC 8422 §4: the curves are for the key exchange and, with ECDSA, for the certificate too.
  const curveRefused = keyType.kind === 'ecdsa' && !offer.groups.includes(GROUPS[keyType.curve]);
  const group = settings.groups.find((name) => offer.groups.includes(GROUPS[name]));
  const suite = settings.cipherSuites.find(
    ({ id, authentication }) => authentication === keyType.kind && hello.cipherSuites.includes(id),
  );
  const signatureScheme = chooseScheme(settings.signatureSchemes, offer.signatureSchemes, keyType);
  if (group === undefined || curveRefused) return failure('handshake_failure', 'no elliptic curve in common');
  if (suite === undefined) return failure('handshake_failure', 'no cipher suite in common that fits our certificate');
  if (signatureScheme === undefined) return failure('handshake_failure', 'no signature scheme in common');
  const alpnProtocol = settings.alpnProtocols.find((name) => offer.protocols?.includes(name));
  if (settings.alpnProtocols.length > 0 && offer.protocols && alpnProtocol === undefined) {
    return failure('no_application_protocol', 'no ALPN protocol in common (RFC 7301 §3.2)');
  }
  return {
    kind: 'agreed',
    version,
    suite,
    group,
    signatureScheme,
    srtpProfile: settings.srtpProfiles.find((name) => offer.srtpProfiles.includes(SRTP_PROFILES[name])),
    alpnProtocol,
    extendedMasterSecret: offer.extendedMasterSecret,
    secureRenegotiation: offer.secureRenegotiation,
  };
}

/** The extensions of a ClientHello as lists; what is not there stands as its default. */
type Offer = {
  readonly kind: 'offer';
  readonly versions: readonly number[] | undefined;
  readonly groups: readonly number[];
  readonly signatureSchemes: readonly number[];
  readonly pointFormats: ArrayLike<number> & { includes(format: number): boolean };
  readonly srtpProfiles: readonly number[];
  readonly protocols: readonly string[] | undefined;
  readonly renegotiatedConnection: Uint8Array;
  readonly secureRenegotiation: boolean;
  readonly extendedMasterSecret: boolean;
};

/** RFC 8422 §4 leaves the choice to the server when the client names no groups; every peer has this one. */
const GROUPS_IF_UNNAMED: readonly number[] = [GROUPS.secp256r1];

function readOffer({ extensions, cipherSuites }: ClientHello): Offer | Failure {
  /** `undefined`: not there; `null`: malformed. */
  const read = <Value>(type: number, decode: (data: Uint8Array) => Value | null): Value | null | undefined => {
    const data = extensions.get(type);
    return data && decode(data);
  };
  const serverNames = read(EXTENSION.serverName, decodeServerNames);
  const versions = read(EXTENSION.supportedVersions, decodeSupportedVersions);
  const groups = read(EXTENSION.supportedGroups, decodeUint16List);
  const signatureSchemes = read(EXTENSION.signatureAlgorithms, decodeUint16List);
  const pointFormats = read(EXTENSION.ecPointFormats, decodePointFormats);
  const useSrtp = read(EXTENSION.useSrtp, decodeUseSrtp);
  const protocols = read(EXTENSION.applicationLayerProtocolNegotiation, decodeProtocolNames);
  const renegotiation = read(EXTENSION.renegotiationInfo, decodeRenegotiationInfo);
  const extendedMasterSecret = read(EXTENSION.extendedMasterSecret, decodeEmpty);
  if (
    serverNames === null ||
    versions === null ||
    groups === null ||
    signatureSchemes === null ||
    pointFormats === null ||
    useSrtp === null ||
    protocols === null ||
    renegotiation === null ||
    extendedMasterSecret === null
  ) {
    return failure('decode_error', 'malformed extension in the ClientHello');
  }
  return {
    kind: 'offer',
    versions,
    groups: groups ?? GROUPS_IF_UNNAMED,
    signatureSchemes: signatureSchemes ?? [], // RFC 5246 §7.4.1.4.1 then means SHA-1, which RFC 9155 forbids
    pointFormats: pointFormats ?? [UNCOMPRESSED],
    srtpProfiles: useSrtp?.profiles ?? [],
    protocols,
    renegotiatedConnection: renegotiation ?? new Uint8Array(0),
    secureRenegotiation: renegotiation !== undefined || cipherSuites.includes(TLS_EMPTY_RENEGOTIATION_INFO_SCSV),
    extendedMasterSecret: extendedMasterSecret !== undefined,
  };
}
