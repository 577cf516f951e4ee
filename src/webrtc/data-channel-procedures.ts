/** What happens to data channels from outside the script (WebRTC §6.2.2 to §6.2.7). Each function is one queued task. */
import type { DataChannelSlots, RTCDataChannel } from './data-channel.ts';
import type { RTCError } from './error.ts';
import { RTCErrorEvent } from './error-event.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** "Announce the data channel as open". */
export function announceOpen(channel: RTCDataChannel, slots: DataChannelSlots): void {
  if (slots.readyState === 'closing' || slots.readyState === 'closed') return;
  slots.readyState = 'open';
  channel.dispatchEvent(new Event('open'));
}

/** "Receiving messages on data channels". */
export function receiveMessage(
  channel: RTCDataChannel,
  slots: DataChannelSlots,
  data: Uint8Array,
  isText: boolean,
): void {
  if (slots.readyState !== 'open') return;
  channel.dispatchEvent(new MessageEvent('message', { data: toMessageData(slots, data, isText) }));
}

/** "When the underlying data transport sends data from its queue". */
export function decreaseBufferedAmount(channel: RTCDataChannel, slots: DataChannelSlots, bytes: number): void {
  const before = slots.bufferedAmount;
  slots.bufferedAmount = Math.max(0, before - bytes);
  const threshold = slots.bufferedAmountLowThreshold;
  if (before > threshold && slots.bufferedAmount <= threshold) {
    channel.dispatchEvent(new Event('bufferedamountlow'));
  }
}

/** "Closing procedure", when the peer has begun it. */
export function announceClosing(channel: RTCDataChannel, slots: DataChannelSlots): void {
  if (slots.readyState === 'closing' || slots.readyState === 'closed') return;
  slots.readyState = 'closing';
  channel.dispatchEvent(new Event('closing'));
}

/** "Announcing a data channel as closed"; with an error, when it was not closed by the closing procedure. */
export function announceClosed(channel: RTCDataChannel, slots: DataChannelSlots, error: RTCError | null): void {
  if (slots.readyState === 'closed') return;
  slots.readyState = 'closed';
  if (error !== null) channel.dispatchEvent(new RTCErrorEvent('error', { error }));
  channel.dispatchEvent(new Event('close'));
}

function toMessageData(slots: DataChannelSlots, data: Uint8Array, isText: boolean): string | Blob | ArrayBuffer {
  if (isText) return decoder.decode(data);
  if (slots.binaryType === 'blob') return new Blob([data as Uint8Array<ArrayBuffer>]);
  return data.length === data.buffer.byteLength ? (data.buffer as ArrayBuffer) : new Uint8Array(data).buffer;
}
