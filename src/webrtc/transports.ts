/**
 * The transports of a connection, as descriptions call for them: the objects scripts see (RTCIceTransport,
 * RTCDtlsTransport, RTCSctpTransport), and the `PeerTransport` of each that does the work.
 */
import { type IceCredentials, parseCandidate } from '../ice/index.ts';
import { dataSection, isRejected, type NegotiatedTransport, negotiate, type SessionDescription } from '../sdp/index.ts';
import { DEFAULT_MAX_MESSAGE_SIZE } from '../session/index.ts';
import { INTERNAL } from '../webidl/conversions.ts';
import { credentialsOf, usernameFragmentOf } from './applied-description.ts';
import { certificateOf, type RTCCertificate } from './certificate.ts';
import type { Configuration } from './configuration.ts';
import { updateConnectionState, updateIceGatheringState } from './connection-state.ts';
import { type ConnectionTransport, makeTransport, transportFor } from './connection-transport.ts';
import { bindDataChannels, detach } from './data-channels.ts';
import { forgetMedia } from './media-binding.ts';
import { PeerTransport, type ServerAddress } from './peer-transport.ts';
import { dataMaxMessageSize, RTCSctpTransport, type SctpTransportSlots } from './sctp-transport.ts';
import type { AppliedDescription, PeerConnectionSlots } from './slots.ts';
import { handleSessionEvent } from './transport-events.ts';

/** Bound on one message of ours, in bytes, where the peer knows none: it is held in memory until it is sent. */
const CAN_SEND_SIZE = 2 ** 30;

/** Before any answer: what RFC 8841 §6.1 lets everyone send. */
const DEFAULT_REMOTE_MAX_MESSAGE_SIZE = 65_536;

/** Makes the objects that scripts see, when a description calls for them and they are not there yet. */
export function exposeTransports(slots: PeerConnectionSlots, content: SessionDescription, isOurOffer: boolean): void {
  if (content.media.every((section) => isRejected(section))) return;
  if (slots.transports.length === 0) slots.transports.push(makeTransport(slots));
  if (isOurOffer) exposeOffered(slots, content);
  const data = dataSection(content);
  if (data === undefined) return;
  const transport = transportFor(slots, content, content.media.indexOf(data)) ?? slots.transports[0]!;
  if (slots.sctp !== null) {
    if (isOurOffer) slots.sctp.slots.transport = transport.dtls.object; // another place than in the offer before
    return;
  }
  const sctp: SctpTransportSlots = {
    transport: transport.dtls.object,
    state: 'connecting',
    maxMessageSize: dataMaxMessageSize(DEFAULT_REMOTE_MAX_MESSAGE_SIZE, CAN_SEND_SIZE),
    maxChannels: null,
  };
  slots.sctp = { object: new RTCSctpTransport(INTERNAL, sctp), slots: sctp };
}

/**
 * Our first offer: a transport stands by for each section that may come to have one of its own, by `bundlePolicy`. It
 * gathers nothing before the answer wants it, since peers bundle: sockets and candidates of the first are all it takes.
 */
function exposeOffered(slots: PeerConnectionSlots, { media }: SessionDescription): void {
  const { transports } = slots;
  if (transports.some(({ sections }) => sections.length > 0)) return;
  const live = [...media.keys()].filter((index) => !isRejected(media[index]!));
  const apart = live.filter((index) => index !== live[0] && !media[index]!.bundleOnly);
  const together = live.filter((index) => !apart.includes(index));
  transports.length = Math.min(transports.length, 1 + apart.length);
  for (const [i, offered] of [together, ...apart.map((index) => [index])].entries()) {
    transports[i] ??= makeTransport(slots);
    transports[i].offered = offered;
  }
}

/** Sets a transport to work. */
function startGathering(
  slots: PeerConnectionSlots,
  transport: ConnectionTransport,
  certificates: readonly RTCCertificate[],
  localCredentials: IceCredentials,
  controlling: boolean,
): PeerTransport {
  const peer = new PeerTransport(
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
      if (transport.peer === peer) handleSessionEvent(slots, transport, event);
    },
  );
  transport.peer = peer;
  transport.ice.slots.role = peer.session.ice.role;
  transport.ice.slots.localParameters = localCredentials;
  peer.gather();
  return peer;
}

/**
 * A local description is in force: ICE gathers under its credentials. Others than before restart ICE (RFC 8839
 * §4.4.3.1.1); data keeps flowing on the old paths until there are new ones. The first description sets the first transport
 * to work, the answer others, where it does not bundle.
 */
export function applyLocalTransports(
  slots: PeerConnectionSlots,
  applied: AppliedDescription,
  certificates: readonly RTCCertificate[],
  isOffer: boolean,
): void {
  const credentials = credentialsOf(applied);
  const [first] = slots.transports;
  if (credentials === null || first === undefined) return;
  if (first.peer === null) startGathering(slots, first, certificates, credentials, isOffer);
  for (const transport of slots.transports) {
    if (transport.peer === null || !restartWith(transport.peer, credentials)) continue;
    transport.ice.slots.localParameters = credentials;
    transport.ice.slots.localCandidates = [];
    transport.peer.gather();
  }
  bindDataChannels(slots);
}

/** What was negotiated for a transport, and which it is. */
export type AssignedTransport = { readonly transport: ConnectionTransport; readonly negotiated: NegotiatedTransport };

/**
 * Offer and answer (final or provisional) stand: they say which sections share a transport. Each goes on with the transport
 * that one of its sections had, or with one that has none; for the others new ones are made.
 */
export function assignTransports(
  slots: PeerConnectionSlots,
  local: AppliedDescription,
  remote: AppliedDescription,
  answerer: 'local' | 'remote',
): readonly AssignedTransport[] {
  const all = negotiate(local.content, remote.content, answerer)?.transports ?? [];
  const free = new Set(slots.transports);
  const taken = new Map<NegotiatedTransport, ConnectionTransport>();
  const take = (fits: (transport: ConnectionTransport, negotiated: NegotiatedTransport) => boolean): void => {
    for (const negotiated of all) {
      const found = taken.has(negotiated) ? undefined : [...free].find((transport) => fits(transport, negotiated));
      if (found === undefined) continue;
      taken.set(negotiated, found);
      free.delete(found);
    }
  };
  take(({ sections }, negotiated) => sections.some((index) => negotiated.sections.includes(index)));
  take(({ sections, ice }, { remoteCredentials: { usernameFragment } }) => {
    return sections.length === 0 || ice.slots.remoteParameters?.usernameFragment === usernameFragment;
  });
  for (const transport of free) transport.sections = [];
  for (const transport of slots.transports) transport.offered = [];
  const assigned = all.map((negotiated) => {
    const known = taken.get(negotiated);
    const transport = known ?? makeTransport(slots);
    if (known === undefined) slots.transports.push(transport);
    transport.sections = negotiated.sections;
    return { transport, negotiated };
  });
  local.tags = new Map(assigned.map(({ transport, negotiated }) => [transport, negotiated.sections[0]!]));
  remote.tags = local.tags;
  return assigned;
}

/** The sessions get the peer's half. */
export function applyNegotiated(
  slots: PeerConnectionSlots,
  assigned: readonly AssignedTransport[],
  remote: SessionDescription,
  certificates: readonly RTCCertificate[],
  isOfferer: boolean,
): void {
  for (const { transport, negotiated } of assigned) {
    const peer =
      transport.peer ?? startGathering(slots, transport, certificates, negotiated.localCredentials, isOfferer);
    applyRemoteIce(peer, remote, negotiated, assigned);
    transport.ice.slots.remoteParameters = negotiated.remoteCredentials;
    transport.ice.slots.role = peer.session.ice.role;
    if (negotiated.sctp === null || slots.sctp === null) continue;
    slots.sctp.slots.transport = transport.dtls.object;
    slots.sctp.slots.maxMessageSize = dataMaxMessageSize(negotiated.sctp.remoteMaxMessageSize, CAN_SEND_SIZE);
  }
  bindDataChannels(slots);
  for (const { transport, negotiated } of assigned) {
    const { dtlsRole, remoteFingerprints, sctp } = negotiated;
    transport.peer?.start({
      dtlsRole,
      fingerprints: remoteFingerprints,
      ...(sctp !== null && {
        sctp: {
          localPort: sctp.localPort,
          remotePort: sctp.remotePort,
          maxMessageSize: sctp.remoteMaxMessageSize,
        },
      }),
    });
  }
}

function applyRemoteIce(
  peer: PeerTransport,
  remote: SessionDescription,
  negotiated: NegotiatedTransport,
  assigned: readonly Pick<AssignedTransport, 'negotiated'>[],
): void {
  const { remoteCredentials } = negotiated;
  peer.run(({ ice }, now) => {
    ice.setRemoteLite(negotiated.remoteIceLite);
    ice.setRemoteCredentials(remoteCredentials, now);
  });
  // A peer that does not know yet which section will carry the transport tells its candidates for the first one.
  const isElsewhere = (index: number): boolean =>
    assigned.some((other) => other.negotiated !== negotiated && other.negotiated.sections.includes(index));
  const sections = remote.media.filter(
    (section, index) =>
      !isElsewhere(index) && usernameFragmentOf(remote, section) === remoteCredentials.usernameFragment,
  );
  for (const line of sections.flatMap(({ candidates }) => candidates)) {
    const candidate = parseCandidate(line);
    if (candidate !== null) peer.addRemoteCandidate(candidate);
  }
  if (negotiated.remoteEndOfCandidates) peer.run((session, now) => session.ice.endOfRemoteCandidates(now));
}

/** An answer is final: a transport that has no section any more, turned down or bundled with others, is let go. */
export function closeUnusedTransports(slots: PeerConnectionSlots): void {
  if (slots.transports.length === 0) return;
  if (slots.transports.every(({ sections }) => sections.length === 0)) {
    discardTransports(slots);
    return;
  }
  for (const transport of slots.transports.filter(({ sections }) => sections.length === 0)) {
    const { peer, ice, dtls } = transport;
    peer?.close();
    transport.peer = null;
    slots.transports.splice(slots.transports.indexOf(transport), 1);
    slots.tasks.queue(() => {
      ice.slots.state = 'closed';
      dtls.slots.state = 'closed';
      ice.object.dispatchEvent(new Event('statechange'));
      dtls.object.dispatchEvent(new Event('statechange'));
    });
  }
  updateConnectionState(slots);
  updateIceGatheringState(slots);
}

/**
 * Back to the last stable state (RFC 8829 §4.1.10.2). Without one there is no transport any more; with one, an ICE
 * restart that had begun is undone by restarting with the credentials that both sides still hold.
 */
export function rollBackTransports(slots: PeerConnectionSlots): void {
  const { currentLocalDescription: local, currentRemoteDescription: remote } = slots;
  if (dataSection(local?.content ?? null) === undefined) slots.sctp = null;
  const credentials = local && credentialsOf(local);
  if (local === null || remote === null || credentials === null) {
    discardTransports(slots);
    return;
  }
  // Who answered matters to DTLS only, which goes on.
  const all = negotiate(local.content, remote.content, 'remote')?.transports ?? [];
  for (const transport of slots.transports) {
    const { peer, ice } = transport;
    if (peer === null || !restartWith(peer, credentials)) continue;
    ice.slots.localParameters = credentials;
    const negotiated = all.find(({ sections }) => sections[0] === transport.sections[0]);
    if (negotiated !== undefined) {
      const assigned = all.map((one) => ({ negotiated: one }));
      applyRemoteIce(peer, remote.content, negotiated, assigned);
    }
    ice.slots.localCandidates = [];
    transport.isRegathering = ice.slots.gathererState === 'complete';
    peer.gather();
  }
}

function discardTransports(slots: PeerConnectionSlots): void {
  for (const { peer } of slots.transports) peer?.close();
  slots.transports = [];
  forgetMedia(slots);
  slots.sctp = null;
  slots.dataPeer = null;
  slots.initialIceCredentials = newIceCredentials(slots);
  for (const channel of slots.dataChannels) detach(slots, channel);
  updateConnectionState(slots);
  updateIceGatheringState(slots);
}

/** @returns whether the credentials are new */
function restartWith(peer: PeerTransport, credentials: IceCredentials): boolean {
  if (sameCredentials(peer.session.ice.localCredentials, credentials)) return false;
  peer.run((session, now) => session.ice.restart(credentials, now));
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
  const isShared = settings.udpSocket !== undefined || settings.tcpListener !== undefined;
  const fragmentLength = isShared ? SHARED_USERNAME_FRAGMENT_LENGTH : USERNAME_FRAGMENT_LENGTH;
  const bytes = new Uint8Array(fragmentLength + PASSWORD_LENGTH);
  runtime.random.fill(bytes);
  const text = Array.from(bytes, (byte) => ICE_CHARS[byte & 63]!).join('');
  return {
    usernameFragment: text.slice(0, fragmentLength),
    password: text.slice(fragmentLength),
  };
}

/**
 * The servers of a configuration that can be asked. `stuns` is left out: what a server sees of a TCP connection would be the
 * address of a simultaneous-open candidate, and nothing else. So is TURN over DTLS.
 */
export function serversOf(configuration: Configuration): ServerAddress[] {
  return configuration.iceServers.flatMap(({ urls, parsedUrls, username = '', credential = '' }) =>
    parsedUrls.flatMap(({ scheme, host, port, transport }, i): ServerAddress[] => {
      const url = urls[i]!;
      switch (scheme) {
        case 'stun':
          return [{ host, port, url }];
        case 'turn':
          return [{ host, port, url, turn: { transport, username, credential } }];
        case 'turns':
          return transport === 'tcp' ? [{ host, port, url, turn: { transport: 'tls', username, credential } }] : [];
        case 'stuns':
          return [];
        default:
          return scheme satisfies never;
      }
    }),
  );
}

/** What we announce as `a=max-message-size`. */
export function localMaxMessageSize({ settings }: Pick<PeerConnectionSlots, 'settings'>): number {
  return settings.maxMessageSize ?? DEFAULT_MAX_MESSAGE_SIZE;
}
