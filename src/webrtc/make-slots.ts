/** The constructor's steps (WebRTC §4.4.1.1). */
import { type CryptoProvider, defaultCrypto, generateCertificate } from '../crypto/index.ts';
import { defaultRuntime } from '../runtime/default.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { newSessionId } from '../sdp/index.ts';
import { INTERNAL } from '../webidl/conversions.ts';
import { RTCCertificate } from './certificate.ts';
import type { Configuration } from './configuration.ts';
import { updateNegotiationNeeded } from './negotiation-needed.ts';
import { OperationsChain } from './operations-chain.ts';
import type { PeerConnectionSettings } from './settings.ts';
import type { PeerConnectionSlots } from './slots.ts';
import { StatsIds } from './stats-counters.ts';
import { TaskQueue } from './task-queue.ts';
import { newIceCredentials } from './transports.ts';

/** @throws DOMException InvalidAccessError when a certificate has expired */
export function makeSlots(
  target: EventTarget,
  configuration: Configuration,
  settings: PeerConnectionSettings,
): PeerConnectionSlots {
  const runtime = settings.runtime ?? defaultRuntime();
  const crypto = settings.crypto ?? settings.runtime?.crypto ?? defaultCrypto();
  const now = Date.now();
  if (configuration.certificates.some(({ expires }) => expires <= now)) {
    throw new DOMException('A certificate has expired', 'InvalidAccessError');
  }
  const slots: PeerConnectionSlots = {
    target,
    settings,
    runtime,
    crypto,
    tasks: new TaskQueue(),
    operations: new OperationsChain(() => updateNegotiationNeeded(slots)),
    configuration,
    certificates:
      configuration.certificates.length > 0
        ? Promise.resolve(configuration.certificates)
        : makeOwnCertificate(runtime, crypto, now),
    isClosed: false,
    negotiationNeeded: false,
    signalingState: 'stable',
    iceGatheringState: 'new',
    iceConnectionState: 'new',
    connectionState: 'new',
    currentLocalDescription: null,
    pendingLocalDescription: null,
    currentRemoteDescription: null,
    pendingRemoteDescription: null,
    lastCreatedOffer: '',
    lastCreatedAnswer: '',
    lastCreated: null,
    sdpSessionId: newSessionId(runtime.random),
    setLocalDescriptionCalled: false,
    canTrickleIceCandidates: null,
    initialIceCredentials: newIceCredentials({ runtime, settings }),
    localIceCredentialsToReplace: new Set(),
    dataChannels: new Set(),
    dataChannelOf: new Map(),
    hasCreatedDataChannel: false,
    dataChannelsOpened: 0,
    dataChannelsClosed: 0,
    dataChannelsMade: 0,
    transceivers: [],
    cname: globalThis.crypto.randomUUID(),
    remoteStreams: new Map(),
    offerPlan: [],
    negotiatedMedia: [],
    timers: new Set(),
    transports: [],
    transportsMade: 0,
    sctp: null,
    dataPeer: null,
    sctpCauseCode: null,
    statsIds: new StatsIds(),
  };
  slots.certificates.catch(() => {}); // whoever awaits it is told
  return slots;
}

/** "One or more new RTCCertificate instances are generated for use with this connection": never shared with another. */
async function makeOwnCertificate(
  { random }: Runtime,
  crypto: CryptoProvider,
  now: number,
): Promise<readonly RTCCertificate[]> {
  await undefined; // the constructor does not wait for it
  try {
    return [new RTCCertificate(INTERNAL, await generateCertificate({ crypto, random, now }))];
  } catch (error) {
    throw new DOMException(`The certificate could not be made: ${String(error)}`, 'OperationError');
  }
}
