/** Rooms in a browser: its own connections and WebSockets, and a word from it when it is worth trying again. */
import { commonPlatform, type SignalingPlatform, type WebSocketConstructor } from './platform.ts';

export const browserPlatform: SignalingPlatform = {
  ...commonPlatform,
  get RTCPeerConnection() {
    return (globalThis as unknown as SignalingPlatform).RTCPeerConnection;
  },
  openWebSocket: (url) => new (globalThis as unknown as { WebSocket: WebSocketConstructor }).WebSocket(url),
  onWake,
};

function onWake(callback: () => void): () => void {
  const { document } = globalThis as { document?: Document };
  const onVisible = (): void => {
    if (document?.visibilityState === 'visible') callback();
  };
  globalThis.addEventListener?.('online', callback); // what renders pages on a server takes this door too, and may have none
  document?.addEventListener('visibilitychange', onVisible);
  return () => {
    globalThis.removeEventListener?.('online', callback);
    document?.removeEventListener('visibilitychange', onVisible);
  };
}
