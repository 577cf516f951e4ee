/** One peer's transport: ICE, DTLS, SCTP and channels as one machine. The door `purertc/session`. */
export { classifyDatagram, type DatagramKind } from './demultiplex.ts';
export {
  DEFAULT_MAX_MESSAGE_SIZE,
  DEFAULT_MTU,
  type DtlsTransportState,
  type SctpTransportState,
  Session,
  type SessionEvent,
  type SessionOptions,
  type SessionParameters,
  type SessionSink,
  type SessionStats,
} from './session.ts';
