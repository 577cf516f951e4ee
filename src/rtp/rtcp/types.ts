/** RTCP packets as data: what `parseRtcp` yields and `encodeRtcp` takes. */

/** How one stream is being received (RFC 3550 §6.4.1). */
export type ReportBlock = {
  /** The stream reported on. */
  readonly ssrc: number;
  /** Lost since the last report, in 256ths. */
  readonly fractionLost: number;
  /** Lost since the beginning, less duplicates; -2^23 … 2^23 - 1. */
  readonly cumulativeLost: number;
  /** Extended by the count of wraps in the upper 16 bits. */
  readonly highestSequenceNumber: number;
  /** Interarrival jitter in units of the RTP timestamp. */
  readonly jitter: number;
  /** The middle 32 bits of the NTP timestamp of the last sender report; 0: none was received. */
  readonly lastSenderReport: number;
  /** Since that report was received, in 1/65536 s. */
  readonly delaySinceLastSenderReport: number;
};

export type SenderReport = {
  readonly kind: 'senderReport';
  readonly ssrc: number;
  /** 32.32 fixed point seconds. */
  readonly ntpTimestamp: bigint;
  /** The same moment on the clock of the stream. */
  readonly rtpTimestamp: number;
  readonly packetCount: number;
  /** Of payload, without headers and padding. */
  readonly octetCount: number;
  /** At most 31. */
  readonly reports: readonly ReportBlock[];
};

export type ReceiverReport = {
  readonly kind: 'receiverReport';
  readonly ssrc: number;
  /** At most 31. */
  readonly reports: readonly ReportBlock[];
};

/** Types of SDES items: RFC 3550 §6.5, RFC 8852 §5.2, RFC 9143 §15.1. */
export const SDES_ITEM = {
  cname: 1,
  name: 2,
  email: 3,
  phone: 4,
  location: 5,
  tool: 6,
  note: 7,
  private: 8,
  rtpStreamId: 12,
  repairedRtpStreamId: 13,
  mid: 15,
} as const;

export type SdesItem = {
  /** `SDES_ITEM`, or another one. */
  readonly type: number;
  /** At most 255 bytes of UTF-8. */
  readonly text: string;
};

export type SdesChunk = { readonly ssrc: number; readonly items: readonly SdesItem[] };

/** At most 31 chunks. */
export type SourceDescription = { readonly kind: 'sdes'; readonly chunks: readonly SdesChunk[] };

/** At most 31 sources leave; RFC 3550 §6.6. */
export type Goodbye = { readonly kind: 'bye'; readonly ssrcs: readonly number[]; readonly reason?: string };

/** RFC 3550 §6.7. */
export type ApplicationDefined = {
  readonly kind: 'app';
  /** 0 … 31. */
  readonly subtype: number;
  readonly ssrc: number;
  /** Four ASCII characters. */
  readonly name: string;
  /** A multiple of four bytes. */
  readonly data: Uint8Array;
};

/** Generic NACK: packets that are missing (RFC 4585 §6.2.1). */
export type Nack = {
  readonly kind: 'nack';
  readonly senderSsrc: number;
  readonly mediaSsrc: number;
  /** In order of the stream; the closer together, the fewer bytes. */
  readonly sequenceNumbers: readonly number[];
};

/** Picture loss indication: a key frame, please (RFC 4585 §6.3.1). */
export type PictureLossIndication = { readonly kind: 'pli'; readonly senderSsrc: number; readonly mediaSsrc: number };

/** Full intra request (RFC 5104 §4.3.1). */
export type FullIntraRequest = {
  readonly kind: 'fir';
  readonly senderSsrc: number;
  readonly requests: readonly {
    readonly ssrc: number;
    /** 8 bits; a repetition of a request keeps it. */
    readonly sequenceNumber: number;
  }[];
};

/** Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03). */
export type ReceiverEstimatedBitrate = {
  readonly kind: 'remb';
  readonly senderSsrc: number;
  /** Bits per second, of which 18 bits are sent, rounded down. */
  readonly bitrate: number;
  /** At most 255. */
  readonly ssrcs: readonly number[];
};

/** Arrival of packets by transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1). */
export type TransportFeedback = {
  readonly kind: 'transportFeedback';
  readonly senderSsrc: number;
  readonly mediaSsrc: number;
  readonly baseSequenceNumber: number;
  /** How many numbers, from the base on, this speaks of. Those not in `received` were not. */
  readonly packetStatusCount: number;
  /** In units of 64 ms; 24 bits, signed. The receiver's clock. */
  readonly referenceTime: number;
  /** Counts these packets, modulo 256. */
  readonly feedbackPacketCount: number;
  /** In order of the sequence numbers. */
  readonly received: readonly TransportFeedbackArrival[];
};

export type TransportFeedbackArrival = {
  /** 16 bits. */
  readonly sequenceNumber: number;
  /** In units of 250 µs since the reference time; `null` where the sender had asked for no times. */
  readonly arrivalTime: number | null;
};

/** Congestion control feedback (RFC 8888 §3.1). */
export type CongestionFeedback = {
  readonly kind: 'congestionFeedback';
  readonly senderSsrc: number;
  readonly streams: readonly CongestionFeedbackStream[];
  /** The middle 32 bits of the NTP time that arrivals are offsets before. */
  readonly reportTimestamp: number;
};

export type CongestionFeedbackStream = {
  readonly ssrc: number;
  readonly beginSequenceNumber: number;
  /** Of each number from the beginning on; `null`: not received. At most 16,384. */
  readonly packets: readonly (CongestionFeedbackPacket | null)[];
};

export type CongestionFeedbackPacket = {
  /** As in the IP header: 0 not-ECT, 1 ECT(1), 2 ECT(0), 3 CE. */
  readonly ecn: number;
  /** Before the report timestamp, in 1/1024 s; 0x1FFE: more than 8189; `null`: unknown or after it. */
  readonly arrivalTimeOffset: number | null;
};

/** Extended reports (RFC 3611): the two blocks that let a receiver measure the round trip. Other blocks are skipped. */
export type ExtendedReport = {
  readonly kind: 'extendedReport';
  readonly ssrc: number;
  readonly blocks: readonly ExtendedReportBlock[];
};

export type ExtendedReportBlock =
  /** RFC 3611 §4.4. */
  | { readonly kind: 'receiverReferenceTime'; readonly ntpTimestamp: bigint }
  /** Delay since last receiver report, RFC 3611 §4.5. */
  | { readonly kind: 'dlrr'; readonly reports: readonly DlrrReport[] };

export type DlrrReport = {
  /** The receiver that sent its reference time. */
  readonly ssrc: number;
  /** The middle 32 bits of that time; 0: none was received. */
  readonly lastReceiverReport: number;
  /** Since it was received, in 1/65536 s. */
  readonly delaySinceLastReceiverReport: number;
};

/** A packet of a type, or feedback of a format, that is none of these. */
export type UnknownRtcp = {
  readonly kind: 'unknown';
  readonly packetType: number;
  /** The five bits of count, subtype or feedback message type. */
  readonly count: number;
  /** What follows the first four bytes, without padding. */
  readonly body: Uint8Array;
};

export type RtcpPacket =
  | SenderReport
  | ReceiverReport
  | SourceDescription
  | Goodbye
  | ApplicationDefined
  | Nack
  | PictureLossIndication
  | FullIntraRequest
  | ReceiverEstimatedBitrate
  | TransportFeedback
  | CongestionFeedback
  | ExtendedReport
  | UnknownRtcp;
