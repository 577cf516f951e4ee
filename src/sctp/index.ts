/** SCTP over DTLS (RFC 9260, RFC 8261), with partial reliability (RFC 3758) and stream reset (RFC 6525). */
export { SctpAssociation } from './association.ts';
export type { TimerName } from './timers.ts';
export type { AcknowledgementSample, CongestionControl, CongestionPath } from './tx/congestion-control.ts';
export type { LossRecovery, LossRecoveryContext } from './tx/loss-recovery.ts';
export type { OutstandingData } from './tx/outstanding-data.ts';
export { RenoCongestionControl } from './tx/reno-congestion-control.ts';
export { RenoLossRecovery } from './tx/reno-loss-recovery.ts';
export type {
  DropReason,
  SctpEvent,
  SctpOptions,
  SctpState,
  SctpStats,
  SctpTiming,
  SendOptions,
} from './types.ts';
