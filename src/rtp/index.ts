/** RTP and RTCP (RFC 3550): packets, header extensions (RFC 8285), feedback, loss repair. */
export {
  encodeRtpPacket,
  type HeaderExtensionElement,
  isRtcp,
  type RtpHeader,
  RtpHeaderWriter,
  RtpPacket,
  type RtpPacketFields,
  writePadding,
} from './packet.ts';
export { SequenceUnwrapper, TimestampUnwrapper } from './sequence.ts';
