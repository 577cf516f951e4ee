/** The types of agent.mjs, which is plain JavaScript because browsers and Node 20 load it as it is. */

export type PeerId = string;
export type ChannelId = string;
export type Description = { type: RTCSdpType; sdp: string };
export type StateName = 'connectionState' | 'iceConnectionState' | 'iceGatheringState' | 'signalingState';
export type States = { [Name in StateName]: string };

export type AgentEvent =
  | { type: 'candidate'; peer: PeerId; candidate: RTCIceCandidateInit }
  | { type: 'gathered'; peer: PeerId }
  | ({ type: 'state'; peer: PeerId } & States)
  | ({ type: 'channel' } & ChannelInfo)
  | { type: 'open' | 'close'; peer: PeerId; channel: ChannelId };

export type ChannelInfo = {
  channel: ChannelId;
  peer: PeerId;
  label: string;
  protocol: string;
  ordered: boolean;
  maxRetransmits: number | null;
  maxPacketLifeTime: number | null;
  negotiated: boolean;
  id: number | null;
  readyState: RTCDataChannelState;
  bufferedAmount: number;
  errors: string[];
};

/** A message named by what it is made from; both ends compute its bytes. */
export type MessageSpec = {
  kind: 'text' | 'binary';
  /** Bytes, for text in UTF-8. */
  size: number;
  seed: number;
  /** How binary data is given to send(); a view with an offset unless told. */
  form?: 'view' | 'buffer' | 'blob';
};
export type MessageDigest = { kind: 'text' | 'binary'; size: number; sha256: string };
export type StatsEntry = { id: string; type: string; [name: string]: unknown };

/** Timeouts are milliseconds, 15,000 unless told; a wait that runs out rejects and says what it saw. */
export interface Agent {
  open(options: { config: RTCConfiguration }): Promise<PeerId>;
  closePeer(options: { peer: PeerId }): Promise<void>;
  offer(options: { peer: PeerId; iceRestart?: boolean }): Promise<Description>;
  answer(options: { peer: PeerId; description: Description }): Promise<Description>;
  accept(options: { peer: PeerId; description: Description }): Promise<void>;
  addCandidate(options: { peer: PeerId; candidate: RTCIceCandidateInit }): Promise<void>;
  states(options: { peer: PeerId }): Promise<States>;
  waitState(options: { peer: PeerId; name: StateName; values: string[]; timeoutMs?: number }): Promise<string>;
  descriptions(options: { peer: PeerId }): Promise<{ local: string; remote: string }>;
  stats(options: { peer: PeerId }): Promise<StatsEntry[]>;
  /** The largest message this end may send: the smaller of its own limit and what the far end announced. */
  maxMessageSize(options: { peer: PeerId }): Promise<number>;
  createChannel(options: { peer: PeerId; label: string; options?: RTCDataChannelInit }): Promise<ChannelInfo>;
  channel(options: { channel: ChannelId }): Promise<ChannelInfo>;
  waitChannel(options: { peer: PeerId; label: string; timeoutMs?: number }): Promise<ChannelInfo>;
  waitReadyState(options: { channel: ChannelId; value: RTCDataChannelState; timeoutMs?: number }): Promise<ChannelInfo>;
  closeChannel(options: { channel: ChannelId }): Promise<void>;
  send(options: { channel: ChannelId; messages: MessageSpec[]; timeoutMs?: number }): Promise<MessageDigest[]>;
  sendText(options: { channel: ChannelId; text: string }): Promise<void>;
  /** Takes the next `count` messages, in their order of arrival. */
  received(options: { channel: ChannelId; count: number; timeoutMs?: number }): Promise<MessageDigest[]>;
  /** Sends numbered messages of `size` bytes until stopStream, `perTick` of them every `intervalMs`. */
  startStream(options: { channel: ChannelId; size: number; intervalMs: number; perTick: number }): Promise<void>;
  streamSent(options: { channel: ChannelId }): Promise<{ sent: number }>;
  stopStream(options: { channel: ChannelId }): Promise<{ sent: number }>;
  /** From now on counts numbered messages instead of hashing them. */
  expectStream(options: { channel: ChannelId }): Promise<void>;
  /** `outOfOrder`: pairs of the number that was due and the one that came. */
  streamReceived(options: {
    channel: ChannelId;
    count: number;
    timeoutMs?: number;
  }): Promise<{ count: number; outOfOrder: [number, number][] }>;
  /** Closes everything. */
  reset(): Promise<void>;
}

export function createAgent(options: {
  RTCPeerConnection: typeof RTCPeerConnection;
  emit: (event: AgentEvent) => void;
}): Agent;
export function makeBytes(length: number, seed: number): Uint8Array<ArrayBuffer>;
export function makeText(length: number, seed: number): string;
