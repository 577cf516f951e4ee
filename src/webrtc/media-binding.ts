/** What was negotiated about media, handed to the RTP that carries it out; and what that reports. */
import { ExtensionMap, type RtpEvent } from '../rtp/index.ts';
import type { PeerConnectionSlots } from './slots.ts';

/** After offer and answer: senders and receivers get their formats, ids and directions. */
export function configureMedia(slots: PeerConnectionSlots): void {
  const { transport, negotiatedMedia: all } = slots;
  if (transport === null) return;
  const live = all.filter(({ rejected }) => !rejected);
  const extensions = new ExtensionMap(
    live.flatMap((media) => media.extensions),
    live.every(({ extmapAllowMixed }) => extmapAllowMixed),
  );
  transport.run((session) => {
    for (const { mLineIndex, sender, receiver, stopping } of slots.transceivers) {
      const media = all.find((one) => one.mLineIndex === mLineIndex) ?? null;
      if (stopping) continue;
      sender.slots.sink.configure(transport, media);
      receiver.slots.source.configure(transport, media, extensions);
    }
    session.media.configure({
      extensions,
      feedback: live.find(({ congestionFeedback }) => congestionFeedback !== null)?.congestionFeedback ?? null,
      reducedSize: live.every(({ reducedSizeRtcp }) => reducedSizeRtcp),
    });
  });
  for (const { sender } of slots.transceivers) sender.slots.update(); // tracks that waited for a way out
}

/** There is no transport any more. */
export function forgetMedia(slots: PeerConnectionSlots): void {
  slots.negotiatedMedia = [];
  for (const { sender, receiver } of slots.transceivers) {
    sender.slots.sink.forgetTransport();
    receiver.slots.source.forgetTransport();
  }
}

export function handleMediaEvent(slots: PeerConnectionSlots, event: RtpEvent): void {
  switch (event.kind) {
    case 'keyFrameRequested': {
      const found = slots.transceivers.find(({ sender }) => sender.slots.sink.rtp === event.sender);
      found?.sender.slots.sink.requestKeyFrame(event.encoding);
      break;
    }
    case 'targetBitrate': {
      // Sound takes what it takes; what is left is the pictures', in equal shares.
      const senders = slots.transceivers.filter(
        ({ kind, sender }) => kind === 'video' && sender.slots.sink.rtp?.isSending,
      );
      for (const { sender } of senders) sender.slots.sink.suggestBitrate(event.rates.targetBitrate / senders.length);
      break;
    }
    default:
      event satisfies never;
  }
}
