/** Which RTP header extensions a transceiver negotiates, and which it has (WebRTC Extensions §5). */
import { type HeaderExtensionCapability, headerExtensionCapabilities, type MediaKind } from '../rtp/codecs.ts';
import type { HeaderExtension } from '../sdp/index.ts';
import { type Conversion, Dictionary, enumeration, toDOMString } from '../webidl/conversions.ts';

export interface RTCRtpHeaderExtensionCapability {
  uri: string;
  direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive' | 'stopped';
}

type Capability = Readonly<RTCRtpHeaderExtensionCapability>;

/** "Mandatory to use": without it the streams of a bundle could not be told apart. */
const MANDATORY = 'urn:ietf:params:rtp-hdrext:sdes:mid';

const toDirection = enumeration<Capability['direction']>('RTCRtpTransceiverDirection', [
  'sendrecv',
  'sendonly',
  'recvonly',
  'inactive',
  'stopped',
]);

/** A URI that is empty is as good as missing. */
export const toCapability: Conversion<Capability> = (value, what) => {
  const members = new Dictionary(value, what);
  const uri = members.required('uri', toDOMString);
  if (uri === '') throw new TypeError(`${what}: uri is empty`);
  return { uri, direction: members.required('direction', toDirection) };
};

/** [[HeaderExtensionsToNegotiate]] as scripts see it. */
export function extensionsToNegotiate(kind: MediaKind, chosen: readonly Capability[] | null): Capability[] {
  return (chosen ?? headerExtensionCapabilities(kind)).map(({ uri, direction }) => ({ uri, direction }));
}

/** All that there are; `stopped` where offer and answer did not agree on one. */
export function negotiatedExtensions(kind: MediaKind, agreed: readonly HeaderExtension[]): Capability[] {
  const directions = new Map(agreed.map(({ uri, direction }) => [uri, direction ?? 'sendrecv']));
  return headerExtensionCapabilities(kind).map(({ uri }) => ({ uri, direction: directions.get(uri) ?? 'stopped' }));
}

/**
 * What a script chose, in the shape in which the SDP model takes it.
 * @throws DOMException InvalidModificationError for another list, or one that stops what is mandatory
 */
export function chosenExtensions(kind: MediaKind, given: readonly Capability[]): HeaderExtensionCapability[] {
  const known = headerExtensionCapabilities(kind);
  if (given.length !== known.length || given.some(({ uri }, i) => uri !== known[i]!.uri)) {
    throw new DOMException('Extensions cannot be added, removed or reordered', 'InvalidModificationError');
  }
  if (given.some(({ uri, direction }) => uri === MANDATORY && direction !== 'sendrecv')) {
    throw new DOMException(`${MANDATORY} is mandatory`, 'InvalidModificationError');
  }
  return known.map((extension, i) => ({ ...extension, direction: given[i]!.direction }));
}
