/**
 * Layers by what VP8 and VP9 say in each payload (RFC 7741 §4.2, RFC 9628 §4.2). Formats that say nothing have one layer.
 *
 * Down goes at the next picture, for no layer needs the ones above it. Up in time goes where the stream says it can: at a
 * layer sync (Y of VP8), or behind a switching up point (U of VP9). Up in space goes at key pictures: when an upper layer
 * begins anew within a picture, the packet that had to end the picture for this viewer is gone already.
 */
import type { EncodingPacket } from './encoding-reader.ts';
import { History, type LayerFilter, type LayerWish } from './layer-filter.ts';

export class DescriptorFilter implements LayerFilter {
  wish: LayerWish;
  /** By timestamp. */
  readonly #limits = new History<LayerWish>();
  #newestTimestamp = -Infinity;
  /** VP8: the lowest temporal layer of which we dropped a picture since the last base layer picture. */
  #lowestDropped = Infinity;
  #topSpatialLayer = 0;

  constructor(wish: LayerWish) {
    this.wish = wish;
  }

  get layers(): LayerWish {
    return this.#limits.isEmpty ? this.wish : this.#limits.latest;
  }

  get needsKeyFrame(): boolean {
    const { spatialLayer } = this.layers;
    return this.wish.spatialLayer > spatialLayer && this.#topSpatialLayer > spatialLayer;
  }

  accepts(packet: EncodingPacket): boolean {
    const { timestamp, spatialLayer, temporalLayer } = packet;
    this.#topSpatialLayer = packet.encoding.topSpatialLayer;
    const isNewPicture = timestamp > this.#newestTimestamp;
    if (isNewPicture) {
      this.#newestTimestamp = timestamp;
      this.#change(timestamp, this.#limitOfNewPicture(packet));
    }
    const limit = this.#limits.at(timestamp);
    if (limit === null) return false;
    const isAccepted = spatialLayer <= limit.spatialLayer && temporalLayer <= limit.temporalLayer;
    if (timestamp === this.#newestTimestamp) {
      if (temporalLayer === 0) this.#lowestDropped = Infinity;
      else if (!isAccepted) this.#lowestDropped = Math.min(this.#lowestDropped, temporalLayer);
      // U: pictures of higher layers behind this one need none of theirs before it.
      if (packet.vp9 !== null && packet.isSwitchPoint && temporalLayer <= limit.temporalLayer) {
        this.#change(timestamp + 1, { ...limit, temporalLayer: this.wish.temporalLayer });
      }
    }
    return isAccepted;
  }

  endsPicture({ timestamp, spatialLayer, endsFrame }: EncodingPacket): boolean {
    return endsFrame && spatialLayer === this.#limits.at(timestamp)?.spatialLayer;
  }

  decodeTargets(): null {
    return null;
  }

  #limitOfNewPicture({ startsKeyPicture, vp8, isSwitchPoint, temporalLayer }: EncodingPacket): LayerWish {
    const { wish } = this;
    if (startsKeyPicture || this.#limits.isEmpty) return wish;
    const { latest } = this.#limits;
    const limit = {
      spatialLayer: Math.min(latest.spatialLayer, wish.spatialLayer),
      temporalLayer: Math.min(latest.temporalLayer, wish.temporalLayer),
    };
    // Y: no picture from here on needs one of the upper layers before the last base layer picture. Those behind it are
    // needed, and must not be among the dropped.
    const isSync = vp8 !== null && isSwitchPoint && temporalLayer > limit.temporalLayer;
    if (isSync && temporalLayer <= wish.temporalLayer && this.#lowestDropped > temporalLayer) {
      limit.temporalLayer = temporalLayer;
    }
    return limit;
  }

  #change(from: number, limit: LayerWish): void {
    if (!this.#limits.isEmpty) {
      const { spatialLayer, temporalLayer } = this.#limits.latest;
      if (spatialLayer === limit.spatialLayer && temporalLayer === limit.temporalLayer) return;
    }
    this.#limits.change(from, limit);
  }
}
