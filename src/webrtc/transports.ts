/**
 * The transport of a connection: the objects scripts see (RTCIceTransport, RTCDtlsTransport, RTCSctpTransport) and the
 * `PeerTransport` that does the work. There is one of each, since all sections are bundled on it (RFC 8829 §4.1.1).
 */
import { type IceCredentials, parseCandidate } from '../ice/index.ts';
import { dataSection, isRejected, type Negotiated, negotiate, type SessionDescription } from '../sdp/index.ts';
import { DEFAULT_MAX_MESSAGE_SIZE } from '../session/index.ts';
import { INTERNAL } from '../webidl/conversions.ts';
import { credentialsOf, usernameFragmentOf } from './applied-description.ts';
import { certificateOf, type RTCCertificate } from './certificate.ts';
import type { Configuration } from './configuration.ts';
import { updateConnectionState, updateIceGatheringState } from './connection-state.ts';
import { bindDataChannels, detach } from './data-channels.ts';
import { RTCDtlsTransport } from './dtls-transport.ts';
import { newIceTransportSlots, RTCIceTransport } from './ice-transport.ts';
import { forgetMedia } from './media-binding.ts';
import { PeerTransport, type ServerAddress } from './peer-transport.ts';
import { dataMaxMessageSize, RTCSctpTransport, type SctpTransportSlots } from './sctp-transport.ts';
import type { AppliedDescription, PeerConnectionSlots } from './slots.ts';
import { PairTraffic } from './stats-counters.ts';
import { handleSessionEvent } from './transport-events.ts';

/** Bound on one message of ours, in bytes, where the peer knows none: it is held in memory until it is sent. */
const CAN_SEND_SIZE = 2 ** 30;

/** Before any answer: what RFC 8841 §6.1 lets everyone send. */
const DEFAULT_REMOTE_MAX_MESSAGE_SIZE = 65_536;

/** Makes the objects that scripts see, when a description calls for them and they are not there yet. */
export function exposeTransports(slots: PeerConnectionSlots, content: SessionDescription): void {
  if (content.media.every((section) => isRejected(section))) return;
  if (slots.ice === null) {
    const ice = newIceTransportSlots();
    slots.ice = { object: new RTCIceTransport(INTERNAL, ice), slots: ice };
    const dtls = { iceTransport: slots.ice.object, state: 'new' as const, remoteCertificates: [] };
    slots.dtls = { object: new RTCDtlsTransport(INTERNAL, dtls), slots: dtls };
  }
  if (slots.sctp === null && slots.dtls !== null && dataSection(content) !== undefined) {
    const sctp: SctpTransportSlots = {
      transport: slots.dtls.object,
      state: 'connecting',
      maxMessageSize: dataMaxMessageSize(DEFAULT_REMOTE_MAX_MESSAGE_SIZE, CAN_SEND_SIZE),
      maxChannels: null,
    };
    slots.sctp = { object: new RTCSctpTransport(INTERNAL, sctp), slots: sctp };
  }
}

/** The transport at work, made when the first local description needs it. */
function ensureTransport(
  slots: PeerConnectionSlots,
  certificates: readonly RTCCertificate[],
  localCredentials: IceCredentials,
  controlling: boolean,
): PeerTransport {
  if (slots.transport !== null) return slots.transport;
  const transport = new PeerTransport(
    {
      runtime: slots.runtime,
      crypto: slots.crypto,
      certificate: certificateOf(certificates[0]!),
      controlling,
      localCredentials,
      servers: serversOf(slots.configuration),
      transportPolicy: slots.configuration.iceTransportPolicy,
      settings: slots.settings,
      cname: slots.cname,
    },
    (event) => {
      if (slots.transport === transport) handleSessionEvent(slots, event);
    },
  );
  slots.transport = transport;
  bindDataChannels(slots);
  return transport;
}

/**
 * A local description is in force: ICE gathers under its credentials. Others than before restart ICE (RFC 8839
 * §4.4.3.1.1); data keeps flowing on the old path until there is a new one.
 */
export function applyLocalTransport(
  slots: PeerConnectionSlots,
  applied: AppliedDescription,
  certificates: readonly RTCCertificate[],
  isOffer: boolean,
): void {
  const credentials = credentialsOf(applied);
  if (credentials === null || slots.ice === null) return;
  const isNew = slots.transport === null;
  const transport = ensureTransport(slots, certificates, credentials, isOffer);
  if (isNew) slots.ice.slots.role = transport.session.ice.role;
  const restarts = restartWith(transport, credentials);
  slots.ice.slots.localParameters = credentials;
  if (restarts) slots.ice.slots.localCandidates = [];
  if (isNew || restarts) transport.gather();
}

/** Offer and answer (final or provisional) stand: the session gets the peer's half. */
export function applyNegotiated(
  slots: PeerConnectionSlots,
  local: AppliedDescription,
  remote: AppliedDescription,
  answerer: 'local' | 'remote',
): void {
  const { transport, ice } = slots;
  const negotiated = negotiate(local.content, remote.content, answerer);
  if (transport === null || ice === null || negotiated === null) return;
  local.transportIndex = negotiated.transportIndex;
  remote.transportIndex = negotiated.transportIndex;
  applyRemoteIce(transport, remote.content, negotiated);
  ice.slots.remoteParameters = negotiated.remoteCredentials;
  ice.slots.role = transport.session.ice.role;
  if (negotiated.sctp !== null && slots.sctp !== null) {
    slots.sctp.slots.maxMessageSize = dataMaxMessageSize(negotiated.sctp.remoteMaxMessageSize, CAN_SEND_SIZE);
  }
  transport.start({
    dtlsRole: negotiated.dtlsRole,
    fingerprints: negotiated.remoteFingerprints,
    ...(negotiated.sctp !== null && {
      sctp: {
        localPort: negotiated.sctp.localPort,
        remotePort: negotiated.sctp.remotePort,
        maxMessageSize: negotiated.sctp.remoteMaxMessageSize,
      },
    }),
  });
}

function applyRemoteIce(transport: PeerTransport, remote: SessionDescription, negotiated: Negotiated): void {
  const { remoteCredentials } = negotiated;
  transport.run((session, now) => {
    const { ice } = session;
    ice.setRemoteLite(negotiated.remoteIceLite);
    ice.setRemoteCredentials(remoteCredentials, now);
  });
  // A peer that does not know yet which section will carry the transport tells its candidates for the first one.
  const sections = remote.media.filter(
    (section) => usernameFragmentOf(remote, section) === remoteCredentials.usernameFragment,
  );
  for (const line of sections.flatMap(({ candidates }) => candidates)) {
    const candidate = parseCandidate(line);
    if (candidate !== null) transport.addRemoteCandidate(candidate);
  }
  if (negotiated.remoteEndOfCandidates) transport.run((session, now) => session.ice.endOfRemoteCandidates(now));
}

/** Everything was turned down: there is nothing for a transport to do. */
export function stopRejectedTransports(slots: PeerConnectionSlots): void {
  const local = slots.currentLocalDescription?.content ?? null;
  const remote = slots.currentRemoteDescription?.content ?? null;
  const isAlive = (content: SessionDescription | null): boolean => content?.media.some((m) => !isRejected(m)) ?? false;
  if (slots.ice !== null && !(isAlive(local) && isAlive(remote))) discardTransports(slots);
}

/**
 * Back to the last stable state (RFC 8829 §4.1.10.2). Without one there is no transport any more; with one, an ICE
 * restart that had begun is undone by restarting with the credentials that both sides still hold.
 */
export function rollBackTransports(slots: PeerConnectionSlots): void {
  const { transport, ice, currentLocalDescription: local, currentRemoteDescription: remote } = slots;
  if (dataSection(local?.content ?? null) === undefined) slots.sctp = null;
  const credentials = local && credentialsOf(local);
  if (local === null || remote === null || credentials === null) {
    discardTransports(slots);
    return;
  }
  if (transport === null || ice === null) return;
  if (!restartWith(transport, credentials)) return;
  ice.slots.localParameters = credentials;
  const negotiated = negotiate(local.content, remote.content, 'remote'); // who answered matters to DTLS only, which goes on
  if (negotiated !== null) applyRemoteIce(transport, remote.content, negotiated);
  ice.slots.localCandidates = [];
  slots.isRegathering = ice.slots.gathererState === 'complete';
  transport.gather();
}

function discardTransports(slots: PeerConnectionSlots): void {
  slots.transport?.close();
  slots.transport = null;
  forgetMedia(slots);
  slots.ice = null;
  slots.dtls = null;
  slots.sctp = null;
  slots.earlyCandidates = [];
  slots.initialIceCredentials = newIceCredentials(slots);
  slots.pairTraffic = new PairTraffic();
  for (const channel of slots.dataChannels) detach(slots, channel);
  updateConnectionState(slots);
  updateIceGatheringState(slots);
}

/** @returns whether the credentials are new */
function restartWith(transport: PeerTransport, credentials: IceCredentials): boolean {
  if (sameCredentials(transport.session.ice.localCredentials, credentials)) return false;
  transport.run((session, now) => session.ice.restart(credentials, now));
  return true;
}

function sameCredentials(a: IceCredentials, b: IceCredentials): boolean {
  return a.usernameFragment === b.usernameFragment && a.password === b.password;
}

/** RFC 8445 §5.3: at least 24 and 128 bits of randomness; 6 bits a character. */
const USERNAME_FRAGMENT_LENGTH = 4;
/** On a shared socket fragments must differ: of 5000 with 24 bits, two would be the same half the time. */
const SHARED_USERNAME_FRAGMENT_LENGTH = 8;
const PASSWORD_LENGTH = 24;
const ICE_CHARS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function newIceCredentials({
  runtime,
  settings,
}: Pick<PeerConnectionSlots, 'runtime' | 'settings'>): IceCredentials {
  const fragmentLength = settings.udpSocket ? SHARED_USERNAME_FRAGMENT_LENGTH : USERNAME_FRAGMENT_LENGTH;
  const bytes = new Uint8Array(fragmentLength + PASSWORD_LENGTH);
  runtime.random.fill(bytes);
  const text = Array.from(bytes, (byte) => ICE_CHARS[byte & 63]!).join('');
  return {
    usernameFragment: text.slice(0, fragmentLength),
    password: text.slice(fragmentLength),
  };
}

/** The servers of a configuration that are reached over UDP. TURN over TCP and TLS and STUN over TLS are not there yet. */
export function serversOf(configuration: Configuration): ServerAddress[] {
  return configuration.iceServers.flatMap(({ urls, parsedUrls, username = '', credential = '' }) =>
    parsedUrls.flatMap(({ scheme, host, port, transport }, i): ServerAddress[] => {
      const url = urls[i]!;
      if (scheme === 'stun') return [{ host, port, url }];
      return scheme === 'turn' && transport === 'udp' ? [{ host, port, url, turn: { username, credential } }] : [];
    }),
  );
}

/** What we announce as `a=max-message-size`. */
export function localMaxMessageSize({ settings }: Pick<PeerConnectionSlots, 'settings'>): number {
  return settings.maxMessageSize ?? DEFAULT_MAX_MESSAGE_SIZE;
}
