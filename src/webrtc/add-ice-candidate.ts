/** The method `addIceCandidate` (WebRTC §4.4.2): a candidate of the peer, or the news that there are no more. */
import { formatCandidate, parseCandidate } from '../ice/index.ts';
import { isRejected, type MediaSection, type SessionDescription } from '../sdp/index.ts';
import { addCandidate, addEndOfCandidates, usernameFragmentOf } from './applied-description.ts';
import { type ConnectionTransport, transportFor } from './connection-transport.ts';
import { type CandidateInit, RTCIceCandidate } from './ice-candidate.ts';
import type { PeerTransport } from './peer-transport.ts';
import { type PeerConnectionSlots, remoteDescription } from './slots.ts';

const operationError = (message: string): DOMException => new DOMException(message, 'OperationError');

/** The chained steps, from "If remoteDescription is null" on. */
export async function addIceCandidate(slots: PeerConnectionSlots, init: CandidateInit): Promise<void> {
  const remote = remoteDescription(slots);
  if (remote === null) throw new DOMException('There is no remote description yet', 'InvalidStateError');
  const index = sectionIndex(remote.content, init);
  const section = index === null ? null : remote.content.media[index]!;
  if (section !== null && isRejected(section)) return;
  if (init.usernameFragment !== null && !isKnownGeneration(slots, init.usernameFragment, index)) {
    throw operationError(`No applied description has the username fragment '${init.usernameFragment}'`);
  }
  await slots.tasks.settleLater(() => {
    if (init.candidate === '') addEnd(slots, init.usernameFragment, index);
    else add(slots, init, index!);
  });
}

/** The section that is meant; `null` when none is named, which only the end of candidates may do. */
function sectionIndex({ media }: SessionDescription, { sdpMid, sdpMLineIndex }: CandidateInit): number | null {
  if (sdpMid !== null) {
    const index = media.findIndex(({ mid }) => mid === sdpMid);
    if (index < 0) throw operationError(`The remote description has no section with mid '${sdpMid}'`);
    return index;
  }
  if (sdpMLineIndex === null) return null;
  if (sdpMLineIndex >= media.length) throw operationError(`The remote description has no section ${sdpMLineIndex}`);
  return sdpMLineIndex;
}

function isKnownGeneration(slots: PeerConnectionSlots, generation: string, index: number | null): boolean {
  return [slots.pendingRemoteDescription, slots.currentRemoteDescription].some((applied) =>
    applied?.content.media.some(
      (section, i) => (index === null || i === index) && usernameFragmentOf(applied.content, section) === generation,
    ),
  );
}

function add(slots: PeerConnectionSlots, init: CandidateInit, index: number): void {
  const candidate = parseCandidate(init.candidate);
  if (candidate === null) throw operationError(`'${init.candidate}' is not a candidate`);
  const generation = init.usernameFragment ?? candidate.usernameFragment ?? null;
  const text = init.candidate.trim();
  const line = text.startsWith('candidate:') ? text : formatCandidate(candidate); // 'a=candidate:' is met as well
  // "If candidate.usernameFragment is null, process the candidate for the most recent ICE generation."
  const applied = descriptionsOf(slots, generation, index);
  for (const description of applied) addCandidate(description, index, line);
  const content = applied[0]?.content;
  if (content === undefined) return;
  const transport = transportFor(slots, content, index);
  transport?.ice.slots.remoteCandidates.push(new RTCIceCandidate(init));
  if (isLive(transport, usernameFragmentOf(content, content.media[index]!)))
    transport.peer.addRemoteCandidate(candidate);
}

function addEnd(slots: PeerConnectionSlots, generation: string | null, index: number | null): void {
  const count = remoteDescription(slots)?.content.media.length ?? 0;
  const indexes = index === null ? Array.from({ length: count }, (_, i) => i) : [index];
  for (const i of indexes) {
    for (const applied of descriptionsOf(slots, generation, i)) {
      addEndOfCandidates(applied, i);
      const { content } = applied;
      const transport = transportFor(slots, content, i);
      if (!isLive(transport, usernameFragmentOf(content, content.media[i]!))) continue;
      transport.peer.run((session, now) => session.ice.endOfRemoteCandidates(now));
    }
  }
}

/** The remote descriptions in force of that generation; of the most recent one, when none is named. */
function descriptionsOf(
  slots: PeerConnectionSlots,
  generation: string | null,
  index: number,
): NonNullable<PeerConnectionSlots['currentRemoteDescription']>[] {
  const inForce = [slots.pendingRemoteDescription, slots.currentRemoteDescription].filter(
    (applied) => applied !== null,
  );
  const fragment = (content: SessionDescription): string | null => {
    const section: MediaSection | undefined = content.media[index];
    return section === undefined ? null : usernameFragmentOf(content, section);
  };
  const wanted = generation ?? (inForce[0] ? fragment(inForce[0].content) : null);
  return inForce.filter(({ content }) => content.media[index] !== undefined && fragment(content) === wanted);
}

/**
 * Whether ICE is at work on that generation: all bundled sections are of one. If not, what was added waits in the
 * description for the answer.
 */
function isLive(
  transport: ConnectionTransport | undefined,
  generation: string | null,
): transport is ConnectionTransport & { readonly peer: PeerTransport } {
  return transport?.peer?.session.ice.remoteCredentials?.usernameFragment === generation && generation !== null;
}
