/** The two halves of a transceiver's end (WebRTC §5.4.1): by the application at once, by negotiation for good. */
import { trackSlots } from '../media/tracks.ts';
import type { TransceiverSlots } from './rtp-transceiver.ts';

/** "Stop sending and receiving". */
export function stopSendingAndReceiving(slots: TransceiverSlots): void {
  slots.stopping = true;
  slots.direction = 'inactive';
  slots.sender.slots.update();
  slots.receiver.slots.source.stop();
  // "Queue a task to end the track"; it is noticed even where the connection has been closed by then.
  slots.connection.tasks.queueEvenIfClosed(() => trackSlots(slots.receiver.slots.track).end());
}

/** "Stop the RTCRtpTransceiver". */
export function stopTransceiver(slots: TransceiverSlots): void {
  if (slots.stopped) return;
  if (!slots.stopping) stopSendingAndReceiving(slots);
  slots.stopped = true;
  slots.receptive = false;
  slots.currentDirection = null;
  slots.sender.slots.update();
}
