/** What the chat needs of a room: `Room` of `purertc/signaling` has it, and so has a pair of objects in a test. */

/** A data channel: ordered, reliable, open. The browser's own, or PureRTC's. */
export type ChatChannel = {
  binaryType: 'arraybuffer' | 'blob';
  readonly readyState: string;
  readonly bufferedAmount: number;
  bufferedAmountLowThreshold: number;
  send(data: string): void;
  send(data: Uint8Array<ArrayBuffer>): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  addEventListener(type: 'bufferedamountlow' | 'close', listener: () => void): void;
  removeEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  removeEventListener(type: 'bufferedamountlow' | 'close', listener: () => void): void;
};

export type ChatRoomPeer = { readonly id: string; readonly channel: ChatChannel };

/** Announces each peer once with `peer`, when its channel is open, and once with `leave`. */
export type ChatRoom<P extends ChatRoomPeer> = {
  readonly peers: ReadonlyMap<string, P>;
  addEventListener(type: 'peer' | 'leave', listener: (event: { readonly peer: P }) => void): void;
  removeEventListener(type: 'peer' | 'leave', listener: (event: { readonly peer: P }) => void): void;
};
