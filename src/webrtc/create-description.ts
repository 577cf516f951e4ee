/** "Create an offer" and "create an answer" (WebRTC §4.4.2, the methods and their in-parallel steps). */
import type { IceCredentials } from '../ice/index.ts';
import {
  type BundlePolicy,
  formatDescription,
  type GatheredCandidates,
  isIceRestart,
  createAnswer as jsepCreateAnswer,
  createOffer as jsepCreateOffer,
  type LocalModel,
  type NegotiationState,
  type PlannedSection,
  parseDescription,
  planOffer,
  type TransceiverModel,
} from '../sdp/index.ts';
import { credentialsOf } from './applied-description.ts';
import type { RTCCertificate } from './certificate.ts';
import { certificateOf } from './certificate.ts';
import type { ConnectionTransport } from './connection-transport.ts';
import { toCodecFormat } from './rtp-parameters.ts';
import type { TransceiverSlots } from './rtp-transceiver.ts';
import { localDescription, type OfferedTransceiver, type PeerConnectionSlots } from './slots.ts';
import { localMaxMessageSize, newIceCredentials } from './transports.ts';

/** What the promises of `createOffer` and `createAnswer` resolve with: plain, so that the application may edit it. */
export type CreatedDescription<Type extends 'offer' | 'answer'> = { type: Type; sdp: string };

export async function createOffer(
  slots: PeerConnectionSlots,
  options: { readonly iceRestart: boolean },
): Promise<CreatedDescription<'offer'>> {
  if (slots.signalingState !== 'stable' && slots.signalingState !== 'have-local-offer') {
    throw new DOMException(`Cannot create an offer in state '${slots.signalingState}'`, 'InvalidStateError');
  }
  const certificates = await slots.certificates;
  return slots.tasks.settleLater(() => {
    const model = localModel(slots, certificates, offerCredentials(slots, options.iceRestart), 'offer');
    const state = negotiationState(slots);
    const wants = { data: slots.hasCreatedDataChannel };
    const offer = jsepCreateOffer(model, state, wants);
    slots.offerPlan = plannedTransceivers(slots, planOffer(model, state, wants));
    slots.lastCreated = offer;
    slots.lastCreatedOffer = formatDescription(offer);
    return { type: 'offer' as const, sdp: slots.lastCreatedOffer };
  });
}

export async function createAnswer(slots: PeerConnectionSlots): Promise<CreatedDescription<'answer'>> {
  if (slots.signalingState !== 'have-remote-offer' && slots.signalingState !== 'have-local-pranswer') {
    throw new DOMException(`Cannot create an answer in state '${slots.signalingState}'`, 'InvalidStateError');
  }
  const certificates = await slots.certificates;
  return slots.tasks.settleLater(() => {
    const answer = jsepCreateAnswer(
      localModel(slots, certificates, answerCredentials(slots), 'answer'),
      negotiationState(slots),
    );
    slots.lastCreated = answer;
    slots.lastCreatedAnswer = formatDescription(answer);
    return { type: 'answer' as const, sdp: slots.lastCreatedAnswer };
  });
}

/** Whether the last offer would come out otherwise now, so that a parameterless `setLocalDescription` needs a new one. */
export function isOfferOutdated(slots: PeerConnectionSlots, certificates: readonly RTCCertificate[]): boolean {
  if (slots.lastCreatedOffer === '') return true;
  const credentials = credentialsOf({ content: parseDescription(slots.lastCreatedOffer) }) ?? credentialsInUse(slots);
  const { usernameFragment } = credentials;
  const isForgotten = !slots.transports[0]?.peer && usernameFragment !== slots.initialIceCredentials.usernameFragment;
  if (isForgotten || slots.localIceCredentialsToReplace.has(usernameFragment)) return true;
  const model = localModel(slots, certificates, credentials, 'offer');
  const again = jsepCreateOffer(model, negotiationState(slots), { data: slots.hasCreatedDataChannel });
  return formatDescription(again) !== slots.lastCreatedOffer;
}

function localModel(
  slots: PeerConnectionSlots,
  certificates: readonly RTCCertificate[],
  credentials: IceCredentials,
  type: 'offer' | 'answer',
): LocalModel {
  const [first, ...others] = slots.transports;
  return {
    sessionId: slots.sdpSessionId,
    transport: {
      ice: credentials,
      iceLite: slots.settings.iceLite ?? false,
      fingerprints: certificates.flatMap((certificate) => certificateOf(certificate).fingerprints),
      ...(first && gatheredCandidates(first, credentials)),
    },
    gatheredApart: new Map(
      others.flatMap((transport) => {
        const [tag] = transport.sections;
        return tag === undefined ? [] : [[tag, gatheredCandidates(transport, credentials)] as const];
      }),
    ),
    sctp: { maxMessageSize: localMaxMessageSize(slots) },
    transceivers: slots.transceivers.map((transceiver) => transceiverModel(transceiver, type)),
    bundlePolicy: bundlePolicyOf(slots),
    cname: slots.cname,
  };
}

/**
 * One that is stopping is as good as stopped in an offer. In an answer it is no more than inactive: only an offer of ours
 * ends it (WebRTC §5.4.1, of `stop`: "future calls to createOffer … generate a zero port").
 */
function transceiverModel(
  { kind, mid, mLineIndex, direction, stopping, stopped, sender, preferredCodecs, chosenExtensions }: TransceiverSlots,
  type: 'offer' | 'answer',
): TransceiverModel {
  const { streamIds, trackId, encodings } = sender.slots;
  return {
    kind,
    mid,
    mLineIndex,
    direction,
    stopped: type === 'offer' ? stopping : stopped,
    streams: streamIds,
    trackId,
    codecPreferences: preferredCodecs.map(toCodecFormat),
    ...(chosenExtensions !== null && { headerExtensions: chosenExtensions }),
    sendEncodings: sender.slots.sink.encodingModels(encodings),
    receiveSimulcast: 'asOffered',
  };
}

/** The sections that are for a transceiver. */
function plannedTransceivers(
  { transceivers }: PeerConnectionSlots,
  sections: readonly PlannedSection[],
): OfferedTransceiver[] {
  return sections.flatMap((section, mLineIndex) =>
    section.use === 'media' ? [{ transceiver: transceivers[section.transceiver]!, mLineIndex, mid: section.mid }] : [],
  );
}

/** One transport where all have to share a socket or a listener: a peer's checks name no section, only the credentials. */
export function bundlePolicyOf({ configuration, settings }: PeerConnectionSlots): BundlePolicy {
  return settings.udpSocket || settings.tcpListener ? 'max-bundle' : configuration.bundlePolicy;
}

/** What is known by now goes into the description (RFC 8829 §5.2.1: "candidates gathered so far"). */
function gatheredCandidates({ ice }: ConnectionTransport, credentials: IceCredentials): GatheredCandidates {
  if (ice.slots.localParameters?.usernameFragment !== credentials.usernameFragment) return {};
  return {
    candidates: ice.slots.localCandidates.map(({ candidate }) => candidate),
    endOfCandidates: ice.slots.gathererState === 'complete',
  };
}

export function negotiationState(slots: PeerConnectionSlots): NegotiationState {
  return {
    currentLocal: slots.currentLocalDescription?.content ?? null,
    currentRemote: slots.currentRemoteDescription?.content ?? null,
    pendingLocal: slots.pendingLocalDescription?.content ?? null,
    pendingRemote: slots.pendingRemoteDescription?.content ?? null,
    lastCreated: slots.lastCreated,
  };
}

/** Those in use, unless they are to be replaced: by `iceRestart: true` or by `restartIce`. */
function offerCredentials(slots: PeerConnectionSlots, iceRestart: boolean): IceCredentials {
  const inUse = credentialsInUse(slots);
  const wasNegotiated = localDescription(slots) !== null && credentialsOf(localDescription(slots)!) !== null;
  const replace = iceRestart && wasNegotiated;
  return replace || slots.localIceCredentialsToReplace.has(inUse.usernameFragment) ? newIceCredentials(slots) : inUse;
}

/** RFC 8829 §5.3.1: an offer with new credentials asks for new ones in the answer; any other one keeps them. */
function answerCredentials(slots: PeerConnectionSlots): IceCredentials {
  const { currentRemote, pendingRemote } = negotiationState(slots);
  if (pendingRemote === null || !isIceRestart(currentRemote, pendingRemote)) return credentialsInUse(slots);
  const provisional = slots.pendingLocalDescription && credentialsOf(slots.pendingLocalDescription);
  return provisional ?? newIceCredentials(slots);
}

function credentialsInUse(slots: PeerConnectionSlots): IceCredentials {
  return slots.transports[0]?.peer?.session.ice.localCredentials ?? slots.initialIceCredentials;
}
