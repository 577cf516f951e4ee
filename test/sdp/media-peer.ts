/** A signalling endpoint with transceivers: what RTCPeerConnection keeps of them, and no more. */
import { readdirSync } from 'node:fs';
import {
  type DescriptionType,
  type EncodingModel,
  effectiveDirection,
  intersectDirections,
  isRejected,
  type LocalModel,
  negotiateMedia,
  planOffer,
  reverseDirection,
  type SessionDescription,
  type TransceiverModel,
} from '../../src/sdp/index.ts';
import { model, Peer } from './peer.ts';

/** `media/chromium-call-offer` …: recorded from browsers. */
export const MEDIA_FIXTURES: readonly string[] = readdirSync(new URL('../../fixtures/sdp/media/', import.meta.url))
  .map((name) => `media/${name.replace('.sdp', '')}`)
  .sort();

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export function transceiver(
  kind: 'audio' | 'video',
  changes: Partial<TransceiverModel> = {},
): Mutable<TransceiverModel> {
  return {
    kind,
    mid: null,
    mLineIndex: null,
    direction: 'sendrecv',
    stopped: false,
    streams: ['stream'],
    trackId: `track-${kind}`,
    ...changes,
  };
}

/** One stream with its sources announced. */
export function encoding(ssrc: number, rtxSsrc: number | null = null): EncodingModel {
  return { rid: null, active: true, ssrc, rtxSsrc };
}

export class MediaPeer extends Peer {
  readonly transceivers: Mutable<TransceiverModel>[];

  constructor(transceivers: Mutable<TransceiverModel>[] = [], changes: Partial<LocalModel> = {}) {
    super({ ...model(), cname: 'cname', ...changes, transceivers });
    this.transceivers = transceivers;
  }

  override offer(wants: { data: boolean } = { data: false }): SessionDescription {
    return super.offer(wants);
  }

  /** RFC 8829 §5.9. */
  override setLocal(type: DescriptionType, description: SessionDescription, wants = { data: false }): void {
    if (type === 'offer') {
      for (const [index, planned] of planOffer(this.model, this.state, wants).entries()) {
        if (planned.use !== 'media') continue;
        Object.assign(this.transceivers[planned.transceiver]!, { mid: planned.mid, mLineIndex: index });
      }
    }
    super.setLocal(type, description);
    if (type === 'answer') this.#stopRejected('local');
  }

  /** RFC 8829 §5.10: each section of an offer has a transceiver, found or made. */
  override setRemote(type: DescriptionType, description: SessionDescription | string): SessionDescription {
    const parsed = super.setRemote(type, description);
    if (type === 'answer') this.#stopRejected('remote');
    for (const [index, section] of parsed.media.entries()) {
      const { kind, mid, rtp } = section;
      if (type !== 'offer' || rtp === null || isRejected(section) || (kind !== 'audio' && kind !== 'video')) continue;
      const direction = reverseDirection(effectiveDirection(parsed, section));
      const found =
        this.transceivers.find(({ mLineIndex, stopped }) => mLineIndex === index && !stopped) ??
        this.transceivers.find((item) => item.kind === kind && item.mLineIndex === null && !item.stopped);
      if (found !== undefined) Object.assign(found, { mid, mLineIndex: index });
      else {
        const made = transceiver(kind, { mid, mLineIndex: index, streams: [] });
        made.direction = intersectDirections(direction, 'recvonly');
        this.transceivers.push(made);
      }
    }
    return parsed;
  }

  /** W3C: a section that is turned down stops its transceiver. */
  #stopRejected(answerer: 'local' | 'remote'): void {
    for (const { rejected, mLineIndex } of negotiateMedia(
      this.state.currentLocal!,
      this.state.currentRemote!,
      answerer,
    )) {
      const item = this.transceivers.find((candidate) => candidate.mLineIndex === mLineIndex);
      if (rejected && item) Object.assign(item, { stopped: true, mid: null, mLineIndex: null });
    }
  }
}
