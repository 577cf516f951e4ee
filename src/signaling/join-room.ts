/** How the doors bind what they export to the platform they are for. */
import type { SignalingPlatform, WebSocketConstructor } from './platform.ts';
import type { RoomOptions } from './room-options.ts';

/** The platform with what the caller brings in its place. */
export function platformOf(
  platform: SignalingPlatform,
  { RTCPeerConnection, WebSocket }: Pick<RoomOptions, 'RTCPeerConnection' | 'WebSocket'>,
): SignalingPlatform {
  return {
    ...platform,
    ...(RTCPeerConnection && { RTCPeerConnection }),
    ...(WebSocket && { openWebSocket: (url: string) => new (WebSocket satisfies WebSocketConstructor)(url) }),
  };
}
