/** The headers of one stream that is sent: its numbers, and the extensions that were negotiated (RFC 8285). */
import { type AudioLevel, audioLevelExtension } from '../extensions/audio-level.ts';
import type { ExtensionMap } from '../extensions/extension-map.ts';
import { dependencyDescriptorExtension } from '../extensions/registry.ts';
import { midExtension, repairedRidExtension, ridExtension } from '../extensions/text.ts';
import { absSendTimeExtension } from '../extensions/timing.ts';
import { transportSequenceExtension } from '../extensions/transport-sequence.ts';
import { type VideoOrientation, videoOrientationExtension } from '../extensions/video-orientation.ts';
import { EXTENSION_HEADER_LENGTH, RTP, type RtpHeaderWriter, type RtpPacket } from '../packet.ts';

const ABS_SEND_TIME_LENGTH = 3;
const TRANSPORT_SEQUENCE_LENGTH = 2;

/** What a packet says beside its payload. */
export type HeaderExtras = {
  readonly audioLevel?: AudioLevel;
  readonly orientation?: VideoOrientation;
  /** A dependency descriptor, encoded. */
  readonly dependencyDescriptor?: Uint8Array;
};

const NO_EXTRAS: HeaderExtras = {};

/** What a packet that came says, to be said again when it is sent on. */
export function readHeaderExtras(packet: RtpPacket, extensions: ExtensionMap): HeaderExtras {
  if (packet.extensionProfile === 0) return NO_EXTRAS;
  const audioLevel = extensions.read(packet, audioLevelExtension);
  const orientation = extensions.read(packet, videoOrientationExtension);
  const dependencyDescriptor = extensions.read(packet, dependencyDescriptorExtension);
  if (audioLevel === null && orientation === null && dependencyDescriptor === null) return NO_EXTRAS;
  return {
    ...(audioLevel && { audioLevel }),
    ...(orientation && { orientation }),
    ...(dependencyDescriptor && { dependencyDescriptor }),
  };
}

/** Where the fields stand that are filled in when the packet leaves: offsets of their data, 0 without the extension. */
export type SendTimeFields = { transportSequenceAt: number; absSendTimeAt: number };

export class StreamHeader {
  readonly #extensions: ExtensionMap;
  readonly #mid: string | null;
  readonly #rid: string | null;
  readonly #isRepair: boolean;
  readonly #absSendTimeId: number;
  readonly #transportSequenceId: number;
  /** Of what any packet may have, in the larger form. */
  readonly #elementsLength: number;
  readonly #longestName: number;
  /**
   * Whether packets say which section and which encoding they are of: until the peer has reported on the stream, and so
   * has learned its SSRC (RFC 8852 §3.2: "SHOULD … until … acknowledged").
   */
  isIntroduced = false;

  /** @param isRepair the stream repairs another one: its rid is that one's (RFC 8852 §3.2) */
  constructor(extensions: ExtensionMap, mid: string | null, rid: string | null, isRepair: boolean) {
    this.#extensions = extensions;
    this.#mid = mid;
    this.#rid = rid;
    this.#isRepair = isRepair;
    this.#absSendTimeId = extensions.id(absSendTimeExtension);
    this.#transportSequenceId = extensions.id(transportSequenceExtension);
    const names = [mid, rid].filter((name) => name !== null);
    const lengths = [...names.map((name) => name.length), ABS_SEND_TIME_LENGTH, TRANSPORT_SEQUENCE_LENGTH];
    this.#elementsLength = lengths.reduce((sum, length) => sum + elementLength(length), 0);
    this.#longestName = Math.max(1, ...names.map((name) => name.length));
  }

  /** The most bytes that a header takes, with these extras. */
  maxLength({ audioLevel, orientation, dependencyDescriptor }: HeaderExtras): number {
    let length = this.#elementsLength;
    if (audioLevel !== undefined) length += elementLength(1);
    if (orientation !== undefined) length += elementLength(1);
    if (dependencyDescriptor !== undefined) length += elementLength(dependencyDescriptor.length);
    return RTP.headerLength + EXTENSION_HEADER_LENGTH + ((length + 3) & ~3);
  }

  /** Adds the extensions to a header that was begun; the caller ends it. */
  write(writer: RtpHeaderWriter, extras: HeaderExtras, fields: SendTimeFields): void {
    const map = this.#extensions;
    if (!this.isIntroduced) {
      if (this.#mid !== null) map.write(writer, midExtension, this.#mid);
      if (this.#rid !== null) map.write(writer, this.#isRepair ? repairedRidExtension : ridExtension, this.#rid);
    }
    fields.absSendTimeAt = reserve(writer, this.#absSendTimeId, ABS_SEND_TIME_LENGTH);
    fields.transportSequenceAt = reserve(writer, this.#transportSequenceId, TRANSPORT_SEQUENCE_LENGTH);
    if (extras.audioLevel !== undefined) map.write(writer, audioLevelExtension, extras.audioLevel);
    if (extras.orientation !== undefined) map.write(writer, videoOrientationExtension, extras.orientation);
    const { dependencyDescriptor } = extras;
    if (dependencyDescriptor !== undefined && map.canSend(dependencyDescriptorExtension, dependencyDescriptor.length)) {
      map.write(writer, dependencyDescriptorExtension, dependencyDescriptor);
    }
  }

  /** Whether the header has to be in the two-byte form. */
  needsTwoByte({ dependencyDescriptor }: HeaderExtras): boolean {
    return this.#extensions.formFor(Math.max(this.#longestName, dependencyDescriptor?.length ?? 1));
  }
}

/** In the two-byte form, which is the longer one. */
function elementLength(dataLength: number): number {
  return 2 + dataLength;
}

function reserve(writer: RtpHeaderWriter, id: number, length: number): number {
  return id === 0 ? 0 : writer.extension(id, length);
}
