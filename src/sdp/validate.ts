/**
 * Whether a remote description can be an offer or an answer here (RFC 8829 §5.8.3). What is not even SDP never gets
 * this far; what local descriptions must be, the W3C layer checks by comparing text with what was created.
 */
import { isPassword, isUsernameFragment } from '../ice/candidate.ts';
import { codecIdentity } from './codec-matching.ts';
import {
  bundleGroup,
  type DescriptionType,
  effectiveTransport,
  isRejected,
  type MediaSection,
  type SessionDescription,
  sectionByMid,
} from './description.ts';
import { SdpError } from './error.ts';
import type { BundlePolicy, NegotiationState } from './model.ts';
import { isIceRestart } from './negotiate.ts';

/**
 * @param policy ours: with `max-bundle`, an answer is refused that takes sections outside of the bundle
 * @throws SdpError with code `content`. @throws Error for an answer when there is no local offer
 */
export function validateRemote(
  type: DescriptionType,
  description: SessionDescription,
  state: NegotiationState,
  policy: BundlePolicy = 'balanced',
): void {
  checkMids(description);
  checkSharedNumbers(description);
  for (const [index, section] of description.media.entries()) {
    if (isRejected(section, type)) continue;
    checkTransport(type, description, section, index);
    checkPayloadTypes(section, index);
    checkSimulcast(section, index);
    checkSameExtensions(section, index, state);
  }
  if (type === 'offer') {
    checkSameOrder(description, state);
    return;
  }
  if (state.pendingLocal === null) throw new Error('there is no local offer that this could answer');
  checkAnswers(description, state.pendingLocal);
  if (policy === 'max-bundle') checkOneTransport(description);
  checkSameSession(description, state.pendingLocal, state);
}

/** RFC 5888 §4: a mid names one section. RFC 9143 §7.2: a section is in at most one bundle. */
function checkMids(description: SessionDescription): void {
  const sections = new Set<string>();
  for (const { mid } of description.media) {
    if (mid !== null && sections.has(mid)) throw content(`two sections have the mid "${mid}"`);
    if (mid !== null) sections.add(mid);
  }
  const bundled = new Set<string>();
  for (const { semantics, mids } of description.groups) {
    if (semantics !== 'BUNDLE') continue;
    for (const mid of mids) {
      if (!sections.has(mid)) throw content(`the bundle names the mid "${mid}", and no section has it`);
      if (bundled.has(mid)) throw content(`the mid "${mid}" is bundled twice`);
      bundled.add(mid);
    }
  }
}

/** RFC 8829 §5.1.1: ICE, DTLS and, for RTP, rtcp-mux are mandatory to use. */
function checkTransport(
  type: DescriptionType,
  description: SessionDescription,
  section: MediaSection,
  index: number,
): void {
  const { iceUfrag, icePwd, fingerprints, setup } = effectiveTransport(description, section);
  const where = `section ${index} (${section.kind})`;
  if (iceUfrag === null || icePwd === null) throw content(`${where} has no ICE credentials`);
  if (!isUsernameFragment(iceUfrag)) throw content(`${where} has an a=ice-ufrag that is not 4 to 256 ice-chars`);
  if (!isPassword(icePwd)) throw content(`${where} has an a=ice-pwd that is not 22 to 256 ice-chars`);
  if (fingerprints.length === 0) throw content(`${where} has no a=fingerprint, without which there is no DTLS`);
  if (setup === 'holdconn') throw content(`${where} says a=setup:holdconn, which DTLS does not have`); // RFC 8842 §5.1
  if (type !== 'offer' && setup === 'actpass') throw content(`${where} of an answer has to decide a=setup`);
  if (section.protocol.includes('RTP') && !hasRtcpMux(description, section))
    throw content(`${where} has no a=rtcp-mux`);
}

/** RFC 5761 §4: "payload type values in the range 64-95 MUST NOT be used": with the marker bit they look like RTCP. */
function checkPayloadTypes({ rtp }: MediaSection, index: number): void {
  const taken = rtp?.codecs.find(({ payloadType }) => payloadType >= 64 && payloadType <= 95);
  if (taken !== undefined) throw content(`section ${index} has the payload type ${taken.payloadType}, which is RTCP's`);
}

/** RFC 8285 §6: an id keeps its meaning for the session. Packets on their way would be read wrongly otherwise. */
function checkSameExtensions({ mid, rtp }: MediaSection, index: number, { currentRemote }: NegotiationState): void {
  const before = mid === null || currentRemote === null ? undefined : sectionByMid(currentRemote, mid);
  const known = new Map(before?.rtp?.extensions.map(({ id, uri }) => [id, uri]));
  for (const { id, uri } of rtp?.extensions ?? []) {
    if ((known.get(id) ?? uri) !== uri) throw content(`section ${index} gives the extension id ${id} to ${uri}`);
  }
}

/**
 * RFC 9143 §9.1, RFC 8285 §5: over one transport a payload type is one codec, and an id one header extension; packets
 * could not be told apart otherwise. What is turned down carries no packets.
 */
function checkSharedNumbers(description: SessionDescription): void {
  const meanings = new Map<string, string>();
  const note = (number: string, meaning: string): void => {
    const before = meanings.get(number);
    if (before === undefined) meanings.set(number, meaning);
    else if (before !== meaning) throw content(`${number} is ${before} and ${meaning} in one bundle`);
  };
  for (const { semantics, mids } of description.groups) {
    if (semantics !== 'BUNDLE') continue;
    meanings.clear();
    const bundled = new Set(mids);
    for (const { mid, port, bundleOnly, rtp } of description.media) {
      if (rtp === null || mid === null || !bundled.has(mid) || (port === 0 && !bundleOnly)) continue;
      for (const codec of rtp.codecs) note(`payload type ${codec.payloadType}`, codecIdentity(codec));
      for (const { id, uri } of rtp.extensions) if (id <= 255) note(`header extension ${id}`, uri);
    }
  }
}

/** RFC 8829 §5.8.3: "All rid-ids referenced in an 'a=simulcast' line MUST exist as 'a=rid' lines." */
function checkSimulcast({ rtp }: MediaSection, index: number): void {
  if (rtp?.simulcast == null) return;
  const rids = new Set(rtp.rids.map(({ id }) => id));
  for (const { rid } of [...rtp.simulcast.send, ...rtp.simulcast.receive].flat()) {
    if (!rids.has(rid)) throw content(`section ${index} has the rid "${rid}" in a=simulcast and no a=rid for it`);
  }
}

/** An attribute that a bundle has in common, so it may stand in the tagged section only (RFC 9143 §7.1.3). */
function hasRtcpMux(description: SessionDescription, section: MediaSection): boolean {
  if (section.rtcp.mux) return true;
  const tag = bundleGroup(description, section.mid)?.mids[0];
  return tag !== undefined && sectionByMid(description, tag)?.rtcp.mux === true;
}

/** RFC 3264 §8: sections stay in their order and never go; only a place that was turned down is used for another. */
function checkSameOrder(offer: SessionDescription, { currentLocal, currentRemote }: NegotiationState): void {
  const local = currentLocal?.media ?? [];
  if (offer.media.length < local.length) {
    throw content(`the offer has ${offer.media.length} sections, and ${local.length} were negotiated before`);
  }
  for (const [index, before] of local.entries()) {
    const theirs = currentRemote?.media[index];
    if (isRejected(before) || theirs === undefined || isRejected(theirs)) continue;
    checkSameSection(offer.media[index]!, before, index);
  }
}

/** RFC 8829 §5.8.3: as many sections as the offer, of the same kinds and protocols. */
function checkAnswers(answer: SessionDescription, offer: SessionDescription): void {
  if (answer.media.length !== offer.media.length) {
    throw content(`the answer has ${answer.media.length} sections to the offer's ${offer.media.length}`);
  }
  for (const [index, section] of answer.media.entries()) {
    const offered = offer.media[index]!;
    checkSameSection(section, offered, index);
    if (section.protocol !== offered.protocol) throw content(`section ${index} was offered as ${offered.protocol}`);
    // RFC 3264 §6: what is offered with port zero is turned down.
    if (isRejected(section, 'answer')) continue;
    if (isRejected(offered)) throw content(`section ${index} was not offered`);
    checkBundled(answer, offer, section, offered);
  }
}

/** RFC 8829 §4.1.1: with `max-bundle` there is one transport, and a peer that knows no bundles fails. */
function checkOneTransport(answer: SessionDescription): void {
  const live = answer.media.filter((section) => !isRejected(section, 'answer'));
  const group = live[0] && bundleGroup(answer, live[0].mid);
  const apart = live.slice(1).find(({ mid }) => mid === null || !group?.mids.includes(mid));
  if (apart !== undefined) throw content(`"${apart.mid ?? apart.kind}" is accepted outside of the bundle`);
}

/**
 * RFC 8829 §5.10: an answer with other credentials than the answer before, to an offer that did not restart ICE, is an
 * error: two peers cannot share one session. So is a final answer with others than the provisional one, which by the RFC
 * may follow an offer that did; the agent would have to start its checks over under its old name.
 */
function checkSameSession(answer: SessionDescription, offer: SessionDescription, state: NegotiationState): void {
  const { currentLocal, currentRemote, pendingRemote } = state;
  const before = pendingRemote ?? (isIceRestart(currentLocal, offer) ? null : acceptedOf(currentRemote, currentLocal));
  if (isIceRestart(before, answer)) {
    throw content('the answer has new ICE credentials, and the offer did not restart ICE');
  }
}

/** The peer's description without what we turned down: there was never a transport for that. */
function acceptedOf(remote: SessionDescription | null, local: SessionDescription | null): SessionDescription | null {
  if (remote === null || local === null) return remote;
  const isDown = (index: number): boolean => local.media[index] !== undefined && isRejected(local.media[index]);
  const media = remote.media.map((section, index) =>
    isDown(index) ? { ...section, port: 0, bundleOnly: false } : section,
  );
  return { ...remote, media };
}

/** RFC 9143 §7.4: what the answer bundles, the offer had in one bundle. */
function checkBundled(
  answer: SessionDescription,
  offer: SessionDescription,
  section: MediaSection,
  offered: MediaSection,
): void {
  const tag = bundleGroup(answer, section.mid)?.mids[0];
  if (tag === undefined) return;
  const group = bundleGroup(offer, offered.mid);
  if (!group?.mids.includes(tag)) throw content(`"${section.mid}" is bundled with "${tag}", which was not offered`);
}

function checkSameSection(section: MediaSection, before: MediaSection, index: number): void {
  if (section.kind !== before.kind) throw content(`section ${index} was ${before.kind} before`);
  // Without a mid the place counts.
  if (section.mid !== null && before.mid !== null && section.mid !== before.mid) {
    throw content(`section ${index} had the mid "${before.mid}" before`);
  }
}

function content(message: string): SdpError {
  return new SdpError('content', message);
}
