/** A track made of RTP packets that come from elsewhere: a camera, a media server, `ffmpeg -f rtp`. */
import { ExtensionMap, type ExtensionMapEntry } from '../rtp/extensions/extension-map.ts';
import { isRtcp, RtpPacket } from '../rtp/packet.ts';
import { parseRtcp } from '../rtp/rtcp/compound.ts';
import { unixMsFromNtp } from '../rtp/rtcp/ntp.ts';
import type { SenderReport } from '../rtp/rtcp/types.ts';
import { type MediaClock, systemClock } from './media-clock.ts';
import { PacketFanout } from './packet-fanout.ts';
import { KeyFrameRequestEvent, ScriptedSource, type ScriptedSourceInit } from './scripted-source.ts';

export type RtpTrackSourceInit = ScriptedSourceInit & {
  /** The header extensions that packets come with, as `a=extmap` has them: what is known of them goes along. */
  readonly headerExtensions?: readonly ExtensionMapEntry[];
  /** Packets of other payload types are dropped. Default: all are taken. */
  readonly payloadType?: number;
  /** For those who want frames: what is missing is waited for. Default: the machine's. */
  readonly clock?: MediaClock;
};

export type RtpTrackSourceStats = {
  packets: number;
  /** Neither RTP nor RTCP, or of another payload type. */
  dropped: number;
};

/** Bound: streams whose sender reports are kept. */
const MAX_REPORTS = 16;

/**
 * Packets are sent on with numbers, payload type and SSRC of the connection's own; in what order and with which gaps they
 * come is how they go. They are not cut: they have to fit the path, 1,150 bytes are safe.
 *
 * ```ts
 * const source = new RtpTrackSource({ kind: 'video', codec: 'video/H264' });
 * pc.addTrack(source.track);
 * socket.on('message', (datagram) => source.write(datagram));
 * ```
 */
export class RtpTrackSource extends ScriptedSource {
  readonly stats: RtpTrackSourceStats = { packets: 0, dropped: 0 };
  readonly #fanout: PacketFanout;
  readonly #payloadType: number | undefined;
  readonly #reports: Map<number, SenderReport>;
  #clockDifferenceMs: number | null = null;

  /** @throws TypeError for a kind or a codec that cannot be */
  constructor(init: RtpTrackSourceInit) {
    const clock = init?.clock ?? systemClock;
    const reports = new Map<number, SenderReport>();
    const fanout = new PacketFanout(init?.kind, clock, (encoding) => {
      this.dispatchEvent(new KeyFrameRequestEvent(encoding));
    });
    const headerExtensions = new ExtensionMap(init?.headerExtensions ?? []);
    super(init, { form: 'packets', headerExtensions, reportOf: (ssrc) => reports.get(ssrc) ?? null }, fanout);
    this.#fanout = fanout;
    this.#payloadType = init.payloadType;
    this.#reports = reports;
  }

  /**
   * One packet, RTP or RTCP, for all that use the track at this moment. It is not copied and must not change afterwards.
   * What is neither is dropped and counted. Of RTCP, sender reports are used: sound and pictures find together by them.
   * @param encoding which encoding it is of, where the track is sent with simulcast; by default the first
   */
  write(packet: RtpPacket | Uint8Array, encoding: { readonly rid?: string } = {}): void {
    if (packet instanceof RtpPacket) this.#take(RtpPacket.parse(packet.bytes), encoding.rid);
    else if (!(packet instanceof Uint8Array)) throw new TypeError('expected an RtpPacket, or its bytes');
    else if (isRtcp(packet)) this.#takeRtcp(packet);
    else this.#take(RtpPacket.parse(packet), encoding.rid);
  }

  #take(packet: RtpPacket | null, rid: string | undefined): void {
    if (packet === null || (this.#payloadType !== undefined && packet.payloadType !== this.#payloadType)) {
      this.stats.dropped++;
      return;
    }
    this.stats.packets++;
    const { ssrc } = packet;
    this.#fanout.packet(packet, this.codec, rid === undefined ? { ssrc } : { ssrc, rid });
  }

  #takeRtcp(bytes: Uint8Array): void {
    const counter = { malformed: 0 };
    for (const report of parseRtcp(bytes, counter)) {
      if (report.kind !== 'senderReport' || report.ntpTimestamp === 0n) continue;
      if (this.#reports.size === MAX_REPORTS) this.#reports.delete(this.#reports.keys().next().value!);
      this.#reports.set(report.ssrc, report);
      const remote = unixMsFromNtp(report.ntpTimestamp);
      this.#clockDifferenceMs ??= Date.now() - remote;
      this.#fanout.report(report, remote + this.#clockDifferenceMs);
    }
    this.stats.dropped += counter.malformed;
  }
}
