/**
 * What the peer's congestion control is told of the packets that arrive, in the form that was negotiated: transport-wide
 * feedback, RFC 8888, or REMB. It is about the path, so it does not matter whose a packet is.
 */
import { u16, u24 } from '../binary/bytes.ts';
import { CongestionFeedbackRecorder, FeedbackRecorder, RemoteBitrateEstimator } from './congestion/index.ts';
import type { ExtensionMap } from './extensions/extension-map.ts';
import { absSendTimeExtension } from './extensions/timing.ts';
import { transportSequenceExtension } from './extensions/transport-sequence.ts';
import type { RtpPacket } from './packet.ts';
import type { RtcpPacket } from './rtcp/types.ts';

/** `null`: nothing but receiver reports. */
export type CongestionFeedbackKind = 'transport-cc' | 'ccfb' | 'remb' | null;

export class ArrivalFeedback {
  readonly #arrivals = new FeedbackRecorder();
  readonly #ecnArrivals = new CongestionFeedbackRecorder();
  #remoteEstimator: RemoteBitrateEstimator | null = null;
  #kind: CongestionFeedbackKind = null;
  #transportSequenceId = 0;
  #absSendTimeId = 0;

  get nextTimeout(): number {
    const next = Math.min(this.#arrivals.nextTimeout, this.#ecnArrivals.nextTimeout);
    return this.#remoteEstimator === null ? next : Math.min(next, this.#remoteEstimator.nextTimeout);
  }

  set roundTripMs(roundTripMs: number) {
    this.#remoteEstimator?.setRoundTripTime(roundTripMs);
  }

  configure(kind: CongestionFeedbackKind, extensions: ExtensionMap): void {
    this.#kind = kind;
    this.#transportSequenceId = extensions.id(transportSequenceExtension);
    this.#absSendTimeId = extensions.id(absSendTimeExtension);
    if (kind !== 'remb') this.#remoteEstimator = null;
    else this.#remoteEstimator ??= new RemoteBitrateEstimator();
  }

  note(packet: RtpPacket, now: number): void {
    if (this.#kind === 'ccfb') {
      this.#ecnArrivals.onPacket(packet.ssrc, packet.sequenceNumber, now);
    } else if (this.#kind === 'transport-cc' && this.#transportSequenceId !== 0) {
      const at = packet.findExtension(this.#transportSequenceId);
      if (at >= 0 && packet.extensionLength(at) >= 2) this.#arrivals.onPacket(u16(packet.bytes, at), packet.ssrc, now);
    } else if (this.#kind === 'remb' && this.#absSendTimeId !== 0) {
      const at = packet.findExtension(this.#absSendTimeId);
      if (at < 0 || packet.extensionLength(at) !== 3) return;
      this.#remoteEstimator?.onPacket(packet.ssrc, u24(packet.bytes, at), packet.bytes.length, now);
    }
  }

  /** What is due, from us. */
  takeReports(senderSsrc: number, now: number, push: (packet: RtcpPacket) => void): void {
    if (this.#arrivals.nextTimeout <= now) {
      for (const report of this.#arrivals.takeReports(senderSsrc, now)) push(report);
    }
    if (this.#ecnArrivals.nextTimeout <= now) {
      for (const report of this.#ecnArrivals.takeReports(senderSsrc, now)) push(report);
    }
    const estimator = this.#remoteEstimator;
    const estimate = estimator !== null && estimator.nextTimeout <= now ? estimator.takeEstimate(now) : null;
    if (estimate !== null) push({ kind: 'remb', senderSsrc, ...estimate });
  }
}
