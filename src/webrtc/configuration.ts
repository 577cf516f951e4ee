/** RTCConfiguration (WebRTC §4.2): conversion, validation, and "set a configuration" (§4.4.1.6). */

import {
  type Conversion,
  Dictionary,
  enforceOctet,
  enumeration,
  instance,
  isObject,
  sequence,
  toDOMString,
  toUSVString,
} from '../webidl/conversions.ts';
import { RTCCertificate } from './certificate.ts';
import { type IceServerUrl, parseIceServerUrl } from './ice-server-url.ts';

export type RTCIceTransportPolicy = 'all' | 'relay';
export type RTCBundlePolicy = 'balanced' | 'max-compat' | 'max-bundle';
export type RTCRtcpMuxPolicy = 'require';

export interface RTCIceServer {
  urls: string | string[];
  username?: string;
  credential?: string;
}

export interface RTCConfiguration {
  iceServers?: RTCIceServer[];
  iceTransportPolicy?: RTCIceTransportPolicy;
  bundlePolicy?: RTCBundlePolicy;
  rtcpMuxPolicy?: RTCRtcpMuxPolicy;
  /** Made by `generateCertificate`. The type is lib.dom's, so that its RTCConfiguration fits; others are a TypeError. */
  certificates?: Pick<RTCCertificate, 'expires' | 'getFingerprints'>[];
  iceCandidatePoolSize?: number;
}

/** What `getConfiguration` gives. */
export interface RTCFullConfiguration extends Required<RTCConfiguration> {
  certificates: RTCCertificate[];
}

/** A server after validation. */
export type IceServer = {
  readonly urls: readonly string[];
  readonly parsedUrls: readonly IceServerUrl[];
  readonly username: string | undefined;
  readonly credential: string | undefined;
};

/** The [[Configuration]] slot. */
export type Configuration = {
  readonly iceServers: readonly IceServer[];
  readonly iceTransportPolicy: RTCIceTransportPolicy;
  readonly bundlePolicy: RTCBundlePolicy;
  readonly rtcpMuxPolicy: RTCRtcpMuxPolicy;
  readonly certificates: readonly RTCCertificate[];
  readonly iceCandidatePoolSize: number;
};

/** "Truncate iceServers to the maximum number of supported elements." Each server costs a request per local address. */
const MAX_ICE_SERVERS = 32;

/** RFC 8489 §14.3: a USERNAME is at most 508 bytes. */
const MAX_USERNAME_BYTES = 508;

const toIceTransportPolicy = enumeration('RTCIceTransportPolicy', ['relay', 'all']);
const toBundlePolicy = enumeration('RTCBundlePolicy', ['balanced', 'max-compat', 'max-bundle']);
/** `negotiate` is of older versions of the specification, and still understood: well enough to say no. */
const toRtcpMuxPolicy = enumeration('RTCRtcpMuxPolicy', ['require', 'negotiate']);
const toCertificates = sequence(instance(RTCCertificate, 'RTCCertificate'));

/** `(USVString or sequence<USVString>)`, as a list. */
const toUrls: Conversion<string[]> = (value, what) =>
  isObject(value) && Symbol.iterator in value ? sequence(toUSVString)(value, what) : [toUSVString(value, what)];

type IceServerInit = Omit<IceServer, 'parsedUrls'>;

const toIceServer: Conversion<IceServerInit> = (value, what) => {
  const members = new Dictionary(value, what);
  return {
    credential: members.optional('credential', toDOMString),
    urls: members.required('urls', toUrls),
    username: members.optional('username', toDOMString),
  };
};

/**
 * Converts and validates a configuration, and compares it with the one in force.
 * @param current `null` in the constructor
 * @param wasNegotiated whether `setLocalDescription` has been called: the pool is fixed from then on
 * @throws TypeError, or DOMException: InvalidModificationError, NotSupportedError, SyntaxError, InvalidAccessError
 */
export function makeConfiguration(
  value: unknown,
  current: Configuration | null,
  wasNegotiated: boolean,
): Configuration {
  const members = new Dictionary(value, 'RTCConfiguration');
  const bundlePolicy = members.withDefault('bundlePolicy', toBundlePolicy, 'balanced');
  const certificates = members.withDefault('certificates', toCertificates, []);
  const iceCandidatePoolSize = members.withDefault('iceCandidatePoolSize', enforceOctet, 0);
  const servers = members.withDefault('iceServers', sequence(toIceServer), []);
  const iceTransportPolicy = members.withDefault('iceTransportPolicy', toIceTransportPolicy, 'all');
  const rtcpMuxPolicy = members.withDefault<'require' | 'negotiate'>('rtcpMuxPolicy', toRtcpMuxPolicy, 'require');

  if (rtcpMuxPolicy === 'negotiate') {
    const name = current === null ? 'NotSupportedError' : 'InvalidModificationError';
    throw new DOMException('RTCP is always multiplexed with RTP', name);
  }
  const configuration = { bundlePolicy, certificates, iceCandidatePoolSize, iceTransportPolicy, rtcpMuxPolicy };
  if (current !== null) requireUnchanged(configuration, current, wasNegotiated);
  return { ...configuration, iceServers: servers.slice(0, MAX_ICE_SERVERS).map(validateServer) };
}

/** `getConfiguration()`: a copy that the caller may change. */
export function exportConfiguration(configuration: Configuration): RTCFullConfiguration {
  return {
    ...configuration,
    certificates: [...configuration.certificates],
    iceServers: configuration.iceServers.map(({ urls, username, credential }) => ({
      urls: [...urls],
      ...(username !== undefined && { username }),
      ...(credential !== undefined && { credential }),
    })),
  };
}

/** What cannot change during the life of a connection. */
function requireUnchanged(
  next: Omit<Configuration, 'iceServers'>,
  current: Configuration,
  wasNegotiated: boolean,
): void {
  const changed = (member: string): never => {
    throw new DOMException(`${member} cannot be changed`, 'InvalidModificationError');
  };
  const sameCertificates =
    next.certificates.length === current.certificates.length &&
    next.certificates.every((certificate, i) => certificate === current.certificates[i]);
  if (!sameCertificates) changed('certificates');
  if (next.bundlePolicy !== current.bundlePolicy) changed('bundlePolicy');
  if (next.rtcpMuxPolicy !== current.rtcpMuxPolicy) changed('rtcpMuxPolicy');
  if (wasNegotiated && next.iceCandidatePoolSize !== current.iceCandidatePoolSize) {
    changed('iceCandidatePoolSize, once setLocalDescription has been called,');
  }
}

/** "Set a configuration", the steps for one server. */
function validateServer(server: IceServerInit): IceServer {
  if (server.urls.length === 0) throw new DOMException('RTCIceServer.urls is empty', 'SyntaxError');
  const parsedUrls = server.urls.map((url) => {
    const parsed = parseIceServerUrl(url);
    if (parsed === null) throw new DOMException(`'${url}' is not a valid STUN or TURN URL`, 'SyntaxError');
    return parsed;
  });
  if (parsedUrls.some(({ scheme }) => scheme === 'turn' || scheme === 'turns')) {
    if (server.username === undefined || server.credential === undefined) {
      throw new DOMException('A TURN server needs a username and a credential', 'InvalidAccessError');
    }
    if (new TextEncoder().encode(server.username).length > MAX_USERNAME_BYTES) {
      throw new DOMException(`A username has at most ${MAX_USERNAME_BYTES} bytes`, 'InvalidAccessError');
    }
  }
  return { ...server, parsedUrls };
}
