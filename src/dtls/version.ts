/**
 * Which version of DTLS to speak. Alone in its module so that 1.3 can be added to the choice without touching either
 * handshake: both versions grow out of the same two hellos.
 *
 * Versions are the ones' complement of TLS's, so a later one is a smaller number: 1.0 is {254, 255}, 1.2 {254, 253}.
 */

/** Not spoken (RFC 8996), but the first records of a handshake carry it (RFC 6347 §4.2.1). */
export const DTLS_1_0 = 0xfeff;
export const DTLS_1_2 = 0xfefd;

export const DTLS_MAJOR_VERSION = 0xfe;

/** What we speak, best first. 1.3, 0xfefc, is not among them yet. */
const SUPPORTED_VERSIONS: readonly number[] = [DTLS_1_2];

/**
 * The server's choice; `null` when there is none (alert protocol_version).
 * @param legacyVersion `client_version` of the ClientHello: the latest the client speaks (RFC 5246 §7.4.1.2), unless…
 * @param supportedVersions …this extension says it better (RFC 8446 §4.2.1: then legacy_version "MUST NOT" be used)
 */
export function chooseVersion(legacyVersion: number, supportedVersions: readonly number[] | undefined): number | null {
  for (const version of SUPPORTED_VERSIONS) {
    if (supportedVersions ? supportedVersions.includes(version) : isAtLeast(legacyVersion, version)) return version;
  }
  return null;
}

/** Whether a server may answer us with `version`. */
export function isVersionOffered(version: number): boolean {
  return SUPPORTED_VERSIONS.includes(version);
}

function isAtLeast(offered: number, version: number): boolean {
  return offered <= version;
}
