/**
 * `getStats()` (WebRTC §8.2): what there is to tell about the connection, its channels and its transport; of media, see
 * `rtp-stats.ts`. A member that has no meaning yet is left out.
 */
import { fingerprint } from '../crypto/index.ts';
import type { CandidatePair, LocalCandidate, RemoteCandidate } from '../ice/index.ts';
import type { MediaStreamTrack } from '../media/tracks.ts';
import type { Session } from '../session/index.ts';
import { INTERNAL } from '../webidl/conversions.ts';
import { certificateOf } from './certificate.ts';
import { type ConnectionTransport, transportId } from './connection-transport.ts';
import type { ReceiverSlots } from './rtp-receiver.ts';
import type { SenderSlots } from './rtp-sender.ts';
import { rtpStats } from './rtp-stats.ts';
import type { ExposedDataChannel, PeerConnectionSlots } from './slots.ts';
import type { MakeStats, StatsMembers } from './stats-dictionaries.ts';
import { type RTCStats, RTCStatsReport } from './stats-report.ts';

/** RFC 5246 and webrtc-stats `tlsVersion`: DTLS 1.2 is { 254, 253 }. */
const DTLS_1_2 = 'FEFD';

/** What a report is restricted to (§8.5, "the stats selection algorithm"). */
export type StatsSelector = { readonly sender: SenderSlots } | { readonly receiver: ReceiverSlots };

/** @throws DOMException InvalidAccessError unless just one sender or receiver has the track */
export function selectTrack({ transceivers }: PeerConnectionSlots, track: MediaStreamTrack): StatsSelector {
  const senders = transceivers.flatMap(({ sender }) =>
    sender.slots.track === track ? [{ sender: sender.slots }] : [],
  );
  const receivers = transceivers.flatMap(({ receiver }) =>
    receiver.slots.track === track ? [{ receiver: receiver.slots }] : [],
  );
  const [selected, another] = [...senders, ...receivers];
  if (selected !== undefined && another === undefined) return selected;
  throw new DOMException('The track is not that of one sender or receiver', 'InvalidAccessError');
}

export async function collectStats(
  slots: PeerConnectionSlots,
  selector: StatsSelector | null = null,
): Promise<RTCStatsReport> {
  // Streams as they are when they are asked for: what is stopped in the same breath is told still.
  const asked = performance.timeOrigin + performance.now();
  const media = rtpStats(slots, makeAt(asked), asked);
  const certificates = await slots.certificates;
  await slots.tasks.nextTask();
  const make = makeAt(performance.timeOrigin + performance.now());
  const { dataChannelsOpened, dataChannelsClosed } = slots;
  const entries = [
    make('peer-connection', 'P', { dataChannelsOpened, dataChannelsClosed }),
    ...[...slots.dataChannels].map((channel) => dataChannelStats(make, channel)),
  ];
  const local = certificateOf(certificates[0]!).chain[0]!;
  for (const transport of slots.transports) entries.push(...transportEntries(make, slots, transport, local));
  entries.push(...media.entries);
  if (selector === null) return new RTCStatsReport(INTERNAL, entries);
  const owner = 'sender' in selector ? selector.sender : selector.receiver;
  return new RTCStatsReport(INTERNAL, withReferences(media.streamIds.get(owner) ?? [], entries));
}

function makeAt(timestamp: number): MakeStats {
  return (type, id, members, at = timestamp) => {
    const present = Object.entries(members).filter(([, value]) => value !== undefined);
    return { id, timestamp: at, type, ...Object.fromEntries(present) };
  };
}

/** "All stats objects referenced directly or indirectly" (§8.5): by members whose names end in `Id`. */
function withReferences(roots: readonly string[], entries: readonly RTCStats[]): RTCStats[] {
  const all = new Map(entries.map((entry) => [entry.id, entry]));
  const selected = new Set<RTCStats>();
  const visit = (id: unknown): void => {
    const entry = all.get(id as string);
    if (entry === undefined || selected.has(entry)) return;
    selected.add(entry);
    for (const [member, value] of Object.entries(entry)) if (member.endsWith('Id')) visit(value);
  };
  roots.forEach(visit);
  return entries.filter((entry) => selected.has(entry));
}

/** RTCDataChannelStats. */
function dataChannelStats(make: MakeStats, { object, slots }: ExposedDataChannel): RTCStats {
  return make('data-channel', `D${slots.number}`, {
    label: object.label,
    protocol: object.protocol,
    dataChannelIdentifier: object.id ?? undefined,
    state: object.readyState,
    messagesSent: 0,
    bytesSent: 0,
    messagesReceived: 0,
    bytesReceived: 0,
    ...slots.underlying?.stats,
  });
}

/** A transport, its certificates, its candidates and their pairs. @param certificate ours, in DER */
function transportEntries(
  make: MakeStats,
  slots: PeerConnectionSlots,
  transport: ConnectionTransport,
  certificate: Uint8Array,
): RTCStats[] {
  const local = certificateStats(make, slots, certificate);
  const remoteCertificate = transport.dtls.slots.remoteCertificates[0];
  const remote = remoteCertificate && certificateStats(make, slots, remoteCertificate);
  return [
    transportStats(make, slots, transport, local.id, remote?.id),
    local,
    ...(remote ? [remote] : []),
    ...(transport.peer === null ? [] : iceStats(make, slots, transport, transport.peer.session)),
  ];
}

/** RTCTransportStats. */
function transportStats(
  make: MakeStats,
  slots: PeerConnectionSlots,
  transport: ConnectionTransport,
  localCertificateId: string,
  remoteCertificateId: string | undefined,
): RTCStats {
  const ice = transport.ice.slots;
  const session = transport.peer?.session ?? null;
  const dtls = session?.dtls ?? null;
  const isConnected = dtls?.state === 'connected';
  const selected = session?.ice.selectedPair;
  return make('transport', transportId(transport), {
    packetsSent: session?.stats.packetsSent ?? 0,
    packetsReceived: session?.stats.packetsReceived ?? 0,
    bytesSent: session?.stats.bytesSent ?? 0,
    bytesReceived: session?.stats.bytesReceived ?? 0,
    iceRole: ice.role,
    iceLocalUsernameFragment: ice.localParameters?.usernameFragment,
    iceState: ice.state,
    dtlsState: transport.dtls.slots.state,
    dtlsRole: dtls?.role ?? 'unknown',
    tlsVersion: isConnected ? DTLS_1_2 : undefined,
    dtlsCipher: isConnected ? dtls.cipherSuite : undefined,
    srtpCipher: isConnected ? dtls.srtpProfile : undefined,
    selectedCandidatePairId: selected ? pairId(slots, selected) : undefined,
    selectedCandidatePairChanges: transport.pairTraffic.changes,
    localCertificateId,
    remoteCertificateId,
    ccfbMessagesSent: session?.media.stats.ccfbSent ?? 0,
    ccfbMessagesReceived: session?.media.stats.ccfbReceived ?? 0,
  });
}

/** RTCCertificateStats. */
function certificateStats(make: MakeStats, { crypto }: PeerConnectionSlots, der: Uint8Array): RTCStats {
  const digest = fingerprint(crypto, 'sha-256', der);
  return make('certificate', `CF${digest}`, {
    fingerprint: digest,
    fingerprintAlgorithm: 'sha-256',
    base64Certificate: btoa(String.fromCharCode(...der)),
  });
}

function iceStats(
  make: MakeStats,
  slots: PeerConnectionSlots,
  transport: ConnectionTransport,
  session: Session,
): RTCStats[] {
  const { ice } = session;
  const pairs = [...ice.pairs];
  const locals = new Set([...ice.localCandidates, ...pairs.map(({ local }) => local)]);
  const remotes = new Set([...ice.remoteCandidates, ...pairs.map(({ remote }) => remote)]);
  return [
    ...Array.from(locals, (candidate) => localCandidateStats(make, slots, transport, candidate)),
    ...Array.from(remotes, (candidate) => remoteCandidateStats(make, slots, transport, candidate)),
    ...pairs.map((pair) => candidatePairStats(make, slots, transport, session, pair)),
  ];
}

/** RTCIceCandidateStats. */
function localCandidateStats(
  make: MakeStats,
  slots: PeerConnectionSlots,
  transport: ConnectionTransport,
  candidate: LocalCandidate,
): RTCStats {
  return make('local-candidate', slots.statsIds.of('L', candidate), {
    ...candidateMembers(candidate),
    transportId: transportId(transport),
    address: candidate.address,
    usernameFragment: candidate.usernameFragment ?? transport.ice.slots.localParameters?.usernameFragment,
    url: candidate.url,
    relayProtocol: candidate.relayProtocol,
  });
}

/** RTCIceCandidateStats. What the peer has not told us by signalling, it has not told the script either. */
function remoteCandidateStats(
  make: MakeStats,
  slots: PeerConnectionSlots,
  transport: ConnectionTransport,
  candidate: RemoteCandidate,
): RTCStats {
  const signalled = transport.ice.slots.remoteParameters?.usernameFragment;
  const isLearned = candidate.type === 'prflx';
  return make('remote-candidate', slots.statsIds.of('R', candidate), {
    ...candidateMembers(candidate),
    transportId: transportId(transport),
    address: isLearned ? null : candidate.address,
    usernameFragment: isLearned ? signalled : (candidate.usernameFragment ?? signalled),
  });
}

function candidateMembers(
  candidate: LocalCandidate | RemoteCandidate,
): Omit<StatsMembers<'local-candidate'>, 'transportId'> {
  const { foundation, port, protocol, priority, relatedAddress, relatedPort, tcpType, type } = candidate;
  return { foundation, port, protocol, priority, relatedAddress, relatedPort, tcpType, candidateType: type };
}

/** RTCIceCandidatePairStats. */
function candidatePairStats(
  make: MakeStats,
  slots: PeerConnectionSlots,
  transport: ConnectionTransport,
  session: Session,
  pair: CandidatePair,
): RTCStats {
  const { stats } = pair;
  const { packetsSent, packetsReceived, bytesSent, bytesReceived, lastPacketSentAt, lastPacketReceivedAt } =
    transport.pairTraffic.of(pair.id, session);
  const age = (at: number): number => (transport.peer?.now() ?? at) - at;
  const wallClock = (at: number): number => performance.timeOrigin + performance.now() - age(at);
  const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000);
  return make('candidate-pair', pairId(slots, pair), {
    transportId: transportId(transport),
    localCandidateId: slots.statsIds.of('L', pair.local),
    remoteCandidateId: slots.statsIds.of('R', pair.remote),
    state: pair.state === 'inProgress' ? 'in-progress' : pair.state,
    nominated: pair.nominated,
    packetsSent,
    packetsReceived,
    bytesSent,
    bytesReceived,
    lastPacketSentTimestamp: packetsSent > 0 ? wallClock(lastPacketSentAt) : undefined,
    lastPacketReceivedTimestamp: packetsReceived > 0 ? wallClock(lastPacketReceivedAt) : undefined,
    totalRoundTripTime: seconds(stats.totalRoundTripMs),
    currentRoundTripTime: seconds(stats.currentRoundTripMs),
    availableOutgoingBitrate: session.ice.selectedPair === pair ? session.media.rates?.targetBitrate : undefined,
    requestsReceived: stats.requestsReceived,
    requestsSent: stats.requestsSent,
    responsesReceived: stats.responsesReceived,
    responsesSent: stats.responsesSent,
    consentRequestsSent: stats.consentRequestsSent,
  });
}

function pairId({ statsIds }: PeerConnectionSlots, pair: CandidatePair): string {
  return statsIds.of('CP', pair);
}
