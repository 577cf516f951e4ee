/**
 * RTCPeerConnection (WebRTC §4.4): the methods and attributes. Each takes its arguments as Web IDL says, and hands over
 * to the algorithm of that name in the files beside; the state is in `slots.ts`.
 */
import { defaultCrypto } from '../crypto/index.ts';
import { type MediaStreamLike, MediaStreamTrack, type MediaStreamTrackLike } from '../media/tracks.ts';
import {
  Dictionary,
  exposeInterface,
  INTERNAL,
  instance,
  nullable,
  requireArguments,
  toBoolean,
  toCallback,
} from '../webidl/conversions.ts';
import {
  type AnyEventHandler,
  defineEventHandlers,
  type EventHandler,
  type TypedEventTargetConstructor,
} from '../webidl/event-handlers.ts';
import { addIceCandidate } from './add-ice-candidate.ts';
import { makeCertificate, RTCCertificate } from './certificate.ts';
import { closeConnection } from './close.ts';
import {
  exportConfiguration,
  makeConfiguration,
  type RTCConfiguration,
  type RTCFullConfiguration,
} from './configuration.ts';
import { type CreatedDescription, createAnswer, createOffer } from './create-description.ts';
import type { RTCDataChannel } from './data-channel.ts';
import type { RTCDataChannelEvent } from './data-channel-event.ts';
import { createDataChannel, type RTCDataChannelInit } from './data-channels.ts';
import { type RTCIceCandidateInit, toCandidateInit } from './ice-candidate.ts';
import { makeSlots } from './make-slots.ts';
import { applyOfferToReceive } from './offer-to-receive.ts';
import type { RTCPeerConnectionIceErrorEvent } from './peer-connection-ice-error-event.ts';
import type { RTCPeerConnectionIceEvent } from './peer-connection-ice-event.ts';
import { restartIce } from './restart-ice.ts';
import type { RTCRtpReceiver } from './rtp-receiver.ts';
import type { RTCRtpSender, RTCRtpSenderLike } from './rtp-sender.ts';
import type { RTCRtpTransceiver } from './rtp-transceiver.ts';
import type { RTCSctpTransport } from './sctp-transport.ts';
import {
  type RTCLocalSessionDescriptionInit,
  type RTCSessionDescription,
  type RTCSessionDescriptionInit,
  toDescription,
  toLocalDescription,
} from './session-description.ts';
import { setLocalDescription, setRemoteDescription } from './set-description.ts';
import type { PeerConnectionSettings } from './settings.ts';
import {
  localDescription,
  type PeerConnectionSlots,
  type RTCIceConnectionState,
  type RTCIceGatheringState,
  type RTCPeerConnectionState,
  type RTCSignalingState,
  remoteDescription,
} from './slots.ts';
import { collectStats, selectTrack } from './stats.ts';
import type { RTCStatsReport } from './stats-report.ts';
import type { RTCTrackEvent } from './track-event.ts';
import { addTrack, addTransceiver, openTransceivers, type RTCRtpTransceiverInit, removeTrack } from './transceivers.ts';
import { serversOf } from './transports.ts';

export interface RTCOfferOptions {
  iceRestart?: boolean;
  offerToReceiveAudio?: boolean;
  offerToReceiveVideo?: boolean;
}

// biome-ignore lint/complexity/noBannedTypes: the specification's dictionary has no members
export type RTCAnswerOptions = {};

export interface RTCPeerConnectionEventMap {
  connectionstatechange: Event;
  datachannel: RTCDataChannelEvent;
  icecandidate: RTCPeerConnectionIceEvent;
  icecandidateerror: RTCPeerConnectionIceErrorEvent;
  iceconnectionstatechange: Event;
  icegatheringstatechange: Event;
  negotiationneeded: Event;
  signalingstatechange: Event;
  track: RTCTrackEvent;
}

export type RTCPeerConnectionErrorCallback = (error: DOMException) => void;
export type RTCSessionDescriptionCallback = (description: RTCSessionDescriptionInit) => void;

interface RTCPeerConnectionHandlers {
  get onconnectionstatechange(): AnyEventHandler;
  set onconnectionstatechange(handler: EventHandler<Event>);
  get ondatachannel(): AnyEventHandler;
  set ondatachannel(handler: EventHandler<RTCDataChannelEvent>);
  get onicecandidate(): AnyEventHandler;
  set onicecandidate(handler: EventHandler<RTCPeerConnectionIceEvent>);
  get onicecandidateerror(): AnyEventHandler;
  set onicecandidateerror(handler: EventHandler<RTCPeerConnectionIceErrorEvent>);
  get oniceconnectionstatechange(): AnyEventHandler;
  set oniceconnectionstatechange(handler: EventHandler<Event>);
  get onicegatheringstatechange(): AnyEventHandler;
  set onicegatheringstatechange(handler: EventHandler<Event>);
  get onnegotiationneeded(): AnyEventHandler;
  set onnegotiationneeded(handler: EventHandler<Event>);
  get onsignalingstatechange(): AnyEventHandler;
  set onsignalingstatechange(handler: EventHandler<Event>);
  get ontrack(): AnyEventHandler;
  set ontrack(handler: EventHandler<RTCTrackEvent>);
}

const Target: TypedEventTargetConstructor<RTCPeerConnectionEventMap, RTCPeerConnectionHandlers> = EventTarget as never;

export class RTCPeerConnection extends Target {
  readonly #slots: PeerConnectionSlots;

  static {
    defineEventHandlers(RTCPeerConnection, [
      'connectionstatechange',
      'datachannel',
      'icecandidate',
      'icecandidateerror',
      'iceconnectionstatechange',
      'icegatheringstatechange',
      'negotiationneeded',
      'signalingstatechange',
      'track',
    ]);
    exposeInterface(RTCPeerConnection, 'RTCPeerConnection');
  }

  /** @param settings PureRTC's own, which browsers ignore: see docs/api.md */
  constructor(configuration: RTCConfiguration | null = {}, settings: PeerConnectionSettings = {}) {
    super();
    this.#slots = makeSlots(this, makeConfiguration(configuration, null, false), settings);
  }

  /** ECDSA on P-256 or P-384, or RSASSA-PKCS1-v1_5 with 2048 bits or more, as Web Crypto names them. */
  static generateCertificate(keygenAlgorithm: AlgorithmIdentifier): Promise<RTCCertificate> {
    return makeCertificate(keygenAlgorithm, defaultCrypto(), Date.now(), (made) => new RTCCertificate(INTERNAL, made));
  }

  // Negotiation

  createOffer(options?: RTCOfferOptions): Promise<CreatedDescription<'offer'>>;
  createOffer(
    successCallback: RTCSessionDescriptionCallback,
    failureCallback: RTCPeerConnectionErrorCallback,
    options?: RTCOfferOptions,
  ): Promise<void>;
  createOffer(...args: unknown[]): Promise<unknown> {
    return withCallbacks(args, 0, (options) => {
      const members = new Dictionary(options, 'RTCOfferOptions');
      const iceRestart = members.withDefault('iceRestart', toBoolean, false);
      const offerToReceive = {
        audio: members.optional('offerToReceiveAudio', toBoolean),
        video: members.optional('offerToReceiveVideo', toBoolean),
      };
      if (!this.#slots.isClosed) applyOfferToReceive(this.#slots, offerToReceive);
      return this.#slots.operations.chain(() => createOffer(this.#slots, { iceRestart }));
    });
  }

  createAnswer(options?: RTCAnswerOptions): Promise<CreatedDescription<'answer'>>;
  createAnswer(
    successCallback: RTCSessionDescriptionCallback,
    failureCallback: RTCPeerConnectionErrorCallback,
  ): Promise<void>;
  createAnswer(...args: unknown[]): Promise<unknown> {
    return withCallbacks(args, 0, () => this.#slots.operations.chain(() => createAnswer(this.#slots)));
  }

  setLocalDescription(description?: RTCLocalSessionDescriptionInit): Promise<void>;
  setLocalDescription(
    description: RTCLocalSessionDescriptionInit,
    successCallback: () => void,
    failureCallback: RTCPeerConnectionErrorCallback,
  ): Promise<void>;
  setLocalDescription(...args: unknown[]): Promise<void> {
    return withCallbacks(args, 1, (description) => {
      const init = toLocalDescription(description);
      return this.#slots.operations.chain(() => setLocalDescription(this.#slots, init));
    });
  }

  setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void>;
  setRemoteDescription(
    description: RTCSessionDescriptionInit,
    successCallback: () => void,
    failureCallback: RTCPeerConnectionErrorCallback,
  ): Promise<void>;
  setRemoteDescription(description?: unknown, ...callbacks: unknown[]): Promise<void> {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    const count = arguments.length;
    return withCallbacks([description, ...callbacks], 1, () => {
      requireArguments(count, 1, 'setRemoteDescription');
      const init = toDescription(description);
      return this.#slots.operations.chain(() => setRemoteDescription(this.#slots, init));
    });
  }

  addIceCandidate(candidate?: RTCIceCandidateInit | null): Promise<void>;
  addIceCandidate(
    candidate: RTCIceCandidateInit,
    successCallback: () => void,
    failureCallback: RTCPeerConnectionErrorCallback,
  ): Promise<void>;
  addIceCandidate(...args: unknown[]): Promise<void> {
    return withCallbacks(args, 1, (candidate) => {
      const init = toCandidateInit(new Dictionary(candidate, 'RTCIceCandidateInit'));
      if (init.candidate !== '' && init.sdpMid === null && init.sdpMLineIndex === null) {
        throw new TypeError('addIceCandidate: one of sdpMid and sdpMLineIndex must be given');
      }
      return this.#slots.operations.chain(() => addIceCandidate(this.#slots, init));
    });
  }

  restartIce(): void {
    restartIce(this.#slots);
  }

  get localDescription(): RTCSessionDescription | null {
    return localDescription(this.#slots)?.object ?? null;
  }

  get currentLocalDescription(): RTCSessionDescription | null {
    return this.#slots.currentLocalDescription?.object ?? null;
  }

  get pendingLocalDescription(): RTCSessionDescription | null {
    return this.#slots.pendingLocalDescription?.object ?? null;
  }

  get remoteDescription(): RTCSessionDescription | null {
    return remoteDescription(this.#slots)?.object ?? null;
  }

  get currentRemoteDescription(): RTCSessionDescription | null {
    return this.#slots.currentRemoteDescription?.object ?? null;
  }

  get pendingRemoteDescription(): RTCSessionDescription | null {
    return this.#slots.pendingRemoteDescription?.object ?? null;
  }

  /** `null` before there is a remote description. */
  get canTrickleIceCandidates(): boolean | null {
    return this.#slots.canTrickleIceCandidates;
  }

  // State

  get signalingState(): RTCSignalingState {
    return this.#slots.signalingState;
  }

  get iceGatheringState(): RTCIceGatheringState {
    return this.#slots.iceGatheringState;
  }

  get iceConnectionState(): RTCIceConnectionState {
    return this.#slots.iceConnectionState;
  }

  get connectionState(): RTCPeerConnectionState {
    return this.#slots.connectionState;
  }

  getConfiguration(): RTCFullConfiguration {
    return exportConfiguration(this.#slots.configuration);
  }

  /** New ICE servers and a new transport policy count from the next gathering on: `restartIce` brings it about. */
  setConfiguration(configuration: RTCConfiguration = {}): void {
    const slots = this.#slots;
    if (slots.isClosed) throw new DOMException('The connection is closed', 'InvalidStateError');
    slots.configuration = makeConfiguration(configuration, slots.configuration, slots.setLocalDescriptionCalled);
    const servers = serversOf(slots.configuration);
    const { iceTransportPolicy: transportPolicy } = slots.configuration;
    for (const { peer } of slots.transports) peer?.configure({ servers, transportPolicy });
  }

  close(): void {
    closeConnection(this.#slots);
  }

  // Data

  get sctp(): RTCSctpTransport | null {
    return this.#slots.sctp?.object ?? null;
  }

  createDataChannel(label: string, dataChannelDict: RTCDataChannelInit = {}): RTCDataChannel {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'createDataChannel');
    return createDataChannel(this.#slots, label, dataChannelDict);
  }

  /** @param selector a track: only what is about its sender or receiver, and what that refers to */
  async getStats(selector: MediaStreamTrackLike | null = null): Promise<RTCStatsReport> {
    const track = nullable(instance(MediaStreamTrack, 'MediaStreamTrack'))(selector, 'selector');
    return collectStats(this.#slots, track === null ? null : selectTrack(this.#slots, track));
  }

  // Media

  getSenders(): RTCRtpSender[] {
    return openTransceivers(this.#slots).map(({ sender }) => sender.object);
  }

  getReceivers(): RTCRtpReceiver[] {
    return openTransceivers(this.#slots).map(({ receiver }) => receiver.object);
  }

  getTransceivers(): RTCRtpTransceiver[] {
    return this.#slots.transceivers.map(({ object }) => object);
  }

  addTrack(track: MediaStreamTrackLike, ...streams: MediaStreamLike[]): RTCRtpSender {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'addTrack');
    return addTrack(this.#slots, track, streams);
  }

  removeTrack(sender: RTCRtpSenderLike): void {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'removeTrack');
    removeTrack(this.#slots, sender);
  }

  addTransceiver(trackOrKind: MediaStreamTrackLike | string, init: RTCRtpTransceiverInit = {}): RTCRtpTransceiver {
    // biome-ignore lint/complexity/noArguments: Web IDL counts what was passed, undefined included
    requireArguments(arguments.length, 1, 'addTransceiver');
    return addTransceiver(this.#slots, trackOrKind, init);
  }
}

/**
 * "Legacy Interface Extensions" (WebRTC §4.4.3): with callbacks after the `before`th argument, a method tells them the
 * outcome and returns a promise that is fulfilled at once. Otherwise the promise tells, conversion errors included.
 */
function withCallbacks<T>(
  args: readonly unknown[],
  before: 0 | 1,
  method: (argument: unknown) => Promise<T>,
): Promise<T> {
  const run = async (argument: unknown): Promise<T> => method(argument);
  const isLegacy = before === 0 ? typeof args[0] === 'function' && args.length > 1 : args.length > before + 1;
  if (!isLegacy) return run(args[0]);
  const legacy = async (): Promise<void> => {
    const success = toCallback(args[before], 'successCallback');
    const failure = toCallback(args[before + 1], 'failureCallback');
    run(before === 0 ? args[2] : args[0]).then(
      (value) => void success(value),
      (error) => void failure(error),
    );
  };
  return legacy() as Promise<T>;
}
