/** What was negotiated about media, handed to the RTP that carries it out; and what that reports. */
import { ExtensionMap, type RtpEvent } from '../rtp/index.ts';
import { type ConnectionTransport, transportOf } from './connection-transport.ts';
import type { PeerConnectionSlots } from './slots.ts';

/** After offer and answer: senders and receivers get their formats, ids and directions. */
export function configureMedia(slots: PeerConnectionSlots): void {
  for (const transport of slots.transports) configureOn(slots, transport);
  for (const { sender } of slots.transceivers) sender.slots.update(); // tracks that waited for a way out
}

/** Those in sections of one transport; of the first, also those that have no section, or none that lives. */
function configureOn(slots: PeerConnectionSlots, { peer, sections }: ConnectionTransport): void {
  if (peer === null) return;
  const all = slots.negotiatedMedia;
  const live = all.filter(({ rejected, mLineIndex }) => !rejected && sections.includes(mLineIndex));
  const extensions = new ExtensionMap(
    live.flatMap((media) => media.extensions),
    live.every(({ extmapAllowMixed }) => extmapAllowMixed),
  );
  peer.run((session) => {
    for (const { mLineIndex, sender, receiver, stopping } of slots.transceivers) {
      if (stopping || transportOf(slots, mLineIndex)?.peer !== peer) continue;
      const media = all.find((one) => one.mLineIndex === mLineIndex) ?? null;
      sender.slots.sink.configure(peer, media);
      receiver.slots.source.configure(peer, media, extensions);
    }
    session.media.configure({
      extensions,
      feedback: live.find(({ congestionFeedback }) => congestionFeedback !== null)?.congestionFeedback ?? null,
      reducedSize: live.every(({ reducedSizeRtcp }) => reducedSizeRtcp),
    });
  });
}

/** There is no transport any more. */
export function forgetMedia(slots: PeerConnectionSlots): void {
  slots.negotiatedMedia = [];
  for (const { sender, receiver } of slots.transceivers) {
    sender.slots.sink.forgetTransport();
    receiver.slots.source.forgetTransport();
  }
}

export function handleMediaEvent(slots: PeerConnectionSlots, { sections }: ConnectionTransport, event: RtpEvent): void {
  switch (event.kind) {
    case 'keyFrameRequested': {
      const found = slots.transceivers.find(({ sender }) => sender.slots.sink.rtp === event.sender);
      found?.sender.slots.sink.requestKeyFrame(event.encoding);
      break;
    }
    case 'targetBitrate': {
      // Sound takes what it takes; what is left is the pictures', in equal shares.
      const senders = slots.transceivers.filter(
        ({ kind, sender, mLineIndex }) =>
          kind === 'video' && sender.slots.sink.rtp?.isSending && sections.includes(mLineIndex ?? -1),
      );
      for (const { sender } of senders) sender.slots.sink.suggestBitrate(event.rates.targetBitrate / senders.length);
      break;
    }
    default:
      event satisfies never;
  }
}
