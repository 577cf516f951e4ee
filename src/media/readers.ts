/** A track's content as Web Streams: encoded frames, or RTP packets as they come. */
import { RtpPacket } from '../rtp/packet.ts';
import type { EncodedMediaFrame, MediaCodec } from './encoded-frame.ts';
import { type MediaStreamTrack, trackSlots } from './media-stream-track.ts';
import type { EncodingId, TrackSink } from './track-source.ts';

/** Bound: what waits for a reader that is slow. Two seconds of video; past it frames are dropped up to a key frame. */
const MAX_WAITING_FRAMES = 60;
/** Bound: what waits for a reader that is slow, about a second of 10 Mbit/s; past it packets are dropped. */
const MAX_WAITING_PACKETS = 1_000;

/** A frame of a track, and what it is encoded with. */
export type TrackFrame = EncodedMediaFrame & { readonly codec: MediaCodec; readonly encoding: EncodingId };
/** A packet of a track; its bytes are shared with other readers: not to be changed. */
export type TrackPacket = { readonly packet: RtpPacket; readonly codec: MediaCodec; readonly encoding: EncodingId };

/**
 * The frames of a track from now on, until it ends or the stream is cancelled. A received track gives a video frame when
 * it is complete and those before it are there.
 */
export function encodedFrames(track: MediaStreamTrack): ReadableStream<TrackFrame> {
  let awaitsKeyFrame = track.kind === 'video';
  return readTrack<TrackFrame>(track, MAX_WAITING_FRAMES, (offer) => ({
    form: 'frames',
    frame(frame, codec, encoding) {
      if (awaitsKeyFrame && frame.type !== 'key') return;
      awaitsKeyFrame = false;
      if (offer({ ...frame, codec, encoding })) return;
      awaitsKeyFrame = track.kind === 'video';
      trackSlots(track).source.requestKeyFrame(encoding);
    },
  }));
}

/** The RTP packets of a track in the order in which they come, with gaps, and with repaired ones where they are late. */
export function rtpPackets(track: MediaStreamTrack): ReadableStream<TrackPacket> {
  return readTrack<TrackPacket>(track, MAX_WAITING_PACKETS, (offer) => ({
    form: 'packets',
    packet(packet, codec, encoding) {
      if (packet.payloadLength > 0) offer({ packet: RtpPacket.parse(packet.bytes)!, codec, encoding });
    },
  }));
}

/** @param makeSink what to do with the content; `offer` tells whether there was room for it */
function readTrack<T>(
  track: MediaStreamTrack,
  room: number,
  makeSink: (offer: (item: T) => boolean) => TrackSink,
): ReadableStream<T> {
  let sink: TrackSink;
  return new ReadableStream<T>(
    {
      start(controller) {
        const offer = (item: T): boolean => {
          if ((controller.desiredSize ?? 0) <= 0) return false;
          controller.enqueue(item);
          return true;
        };
        sink = { ...makeSink(offer), end: () => controller.close() };
        trackSlots(track).connect(sink);
        if (track.kind === 'video' && sink.form === 'frames') trackSlots(track).source.requestKeyFrame();
      },
      cancel() {
        trackSlots(track).disconnect(sink);
      },
    },
    { highWaterMark: room },
  );
}
