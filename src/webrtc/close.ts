/** "Close the connection" (WebRTC §4.4.2): all at once, and without events at the connection. */
import { detach } from './data-channels.ts';
import type { PeerConnectionSlots } from './slots.ts';

export function closeConnection(slots: PeerConnectionSlots): void {
  if (slots.isClosed) return;
  slots.isClosed = true;
  slots.tasks.close();
  slots.operations.close();
  slots.signalingState = 'closed';
  // "No events": the channels are closed abruptly, the closing procedure is not invoked.
  for (const channel of slots.dataChannels) {
    channel.slots.readyState = 'closed';
    detach(slots, channel);
  }
  slots.dataChannels.clear();
  for (const transceiver of slots.transceivers) {
    transceiver.stopping = true;
    transceiver.stopped = true;
    transceiver.receiver.slots.source.stop();
    transceiver.receiver.slots.track.stop(); // without an event: the specification's "disappear"
    transceiver.sender.slots.update();
  }
  for (const timer of slots.timers) slots.runtime.clearTimer(timer);
  slots.timers.clear();
  for (const transport of slots.transports) {
    transport.peer?.close(); // tells the peer: an SCTP ABORT, then the DTLS close_notify
    transport.peer = null;
    transport.earlyCandidates = [];
    transport.dtls.slots.state = 'closed';
    transport.ice.slots.state = 'closed';
  }
  const { sctp } = slots;
  if (sctp !== null && sctp.slots.state !== 'closed') {
    sctp.slots.state = 'closed';
    slots.tasks.queueEvenIfClosed(() => sctp.object.dispatchEvent(new Event('statechange')));
  }
  slots.iceConnectionState = 'closed';
  slots.connectionState = 'closed';
}
