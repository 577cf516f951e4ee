/**
 * What all RTCP packets begin with (RFC 3550 §6.4.1), and the numbers of their types.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |V=2|P|  count  |  packet type  |   length in words, minus one  |
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 */

export const RTCP_HEADER = { count: 0, packetType: 1, length: 2, size: 4 } as const;

export const RTCP_VERSION_2 = 0x80;
export const RTCP_PADDING_BIT = 0x20;
export const RTCP_COUNT_MASK = 0x1f;

export const RTCP_TYPE = {
  senderReport: 200,
  receiverReport: 201,
  sourceDescription: 202,
  goodbye: 203,
  applicationDefined: 204,
  transportFeedback: 205, // RFC 4585 §6.2
  payloadFeedback: 206, // RFC 4585 §6.3
  extendedReport: 207, // RFC 3611 §2
} as const;

/** Feedback message types of packet type 205. */
export const TRANSPORT_FORMAT = {
  nack: 1, // RFC 4585 §6.2.1
  congestionFeedback: 11, // RFC 8888 §3.1
  transportWide: 15, // draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1
} as const;

/** Feedback message types of packet type 206. */
export const PAYLOAD_FORMAT = {
  pictureLoss: 1, // RFC 4585 §6.3.1
  fullIntraRequest: 4, // RFC 5104 §4.3.1
  applicationLayer: 15, // RFC 4585 §6.4; REMB
} as const;
