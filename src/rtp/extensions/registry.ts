/** Every header extension we know, by its URI. */
import { audioLevelExtension, mixerAudioLevelExtension } from './audio-level.ts';
import { DEPENDENCY_DESCRIPTOR_URI } from './dependency-descriptor.ts';
import { type HeaderExtension, opaqueExtension } from './header-extension.ts';
import { midExtension, repairedRidExtension, ridExtension } from './text.ts';
import {
  absCaptureTimeExtension,
  absSendTimeExtension,
  playoutDelayExtension,
  transmissionOffsetExtension,
} from './timing.ts';
import { transportSequenceExtension, transportSequenceV2Extension } from './transport-sequence.ts';
import { videoLayersAllocationExtension } from './video-layers-allocation.ts';
import { videoOrientationExtension } from './video-orientation.ts';

/** Its values mean something only to who has followed the stream: `DependencyReceiver` reads them. */
export const dependencyDescriptorExtension: HeaderExtension<Uint8Array> = opaqueExtension(DEPENDENCY_DESCRIPTOR_URI);

/** For whoever shows or records packets. Code that needs a certain extension imports that one. */
export const HEADER_EXTENSIONS: ReadonlyMap<string, HeaderExtension<unknown>> = new Map(
  [
    midExtension,
    ridExtension,
    repairedRidExtension,
    absSendTimeExtension,
    transportSequenceExtension,
    transportSequenceV2Extension,
    audioLevelExtension,
    mixerAudioLevelExtension,
    transmissionOffsetExtension,
    videoOrientationExtension,
    playoutDelayExtension,
    absCaptureTimeExtension,
    videoLayersAllocationExtension,
    dependencyDescriptorExtension,
  ].map((extension) => [extension.uri, extension as HeaderExtension<unknown>]),
);
