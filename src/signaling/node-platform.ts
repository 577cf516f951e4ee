/** Rooms on Node, Deno and Bun: PureRTC's connections, the runtime's WebSocket where it has one. */
import { RTCPeerConnection } from '../webrtc/peer-connection.ts';
import { commonPlatform, type SignalingPlatform, type WebSocketConstructor, type WebSocketLike } from './platform.ts';
import { MAX_MESSAGE_LENGTH } from './wire.ts';

export const nodePlatform: SignalingPlatform = { ...commonPlatform, RTCPeerConnection, openWebSocket };

function openWebSocket(url: string): WebSocketLike | Promise<WebSocketLike> {
  const { WebSocket } = globalThis as { readonly WebSocket?: WebSocketConstructor };
  return WebSocket === undefined ? openWs(url) : new WebSocket(url);
}

/** Node 20 has none. */
async function openWs(url: string): Promise<WebSocketLike> {
  const { WebSocket } = await import('ws');
  return new WebSocket(url, { perMessageDeflate: false, maxPayload: MAX_MESSAGE_LENGTH }) as unknown as WebSocketLike;
}
