/** This process's end of the connection with one page: chat, meter, timeline. The page offers and opens the channels. */
import type { RTCDataChannel } from '../webrtc/data-channel.ts';
import { RTCPeerConnection } from '../webrtc/peer-connection.ts';
import { Meter } from './meter.ts';
import type { SignalingMessage, SignalingSession } from './signaling-server.ts';
import { type Phase, Timeline } from './timeline.ts';

/** What goes over the `chat` channel. */
export type ChatMessage =
  | { readonly kind: 'said'; readonly from: string; readonly text: string }
  | { readonly kind: 'timeline'; readonly phases: readonly Phase[] };

/** Bound: characters of a chat line; longer ones are cut. */
const MAX_CHAT_LENGTH = 2000;

export type PagePeerEvents = {
  opened(peer: PagePeer): void;
  said(peer: PagePeer, text: string): void;
  measured(peer: PagePeer): void;
  /** Once, for whatever reason. */
  closed(peer: PagePeer, reason: string): void;
};

export class PagePeer {
  readonly name: string;
  readonly connection: RTCPeerConnection;
  readonly timeline: Timeline;
  /** Bytes per second as last measured, and the page's own measure of what it gets. */
  readonly rates: { received: number; delivered: number } = { received: 0, delivered: 0 };
  readonly #session: SignalingSession;
  readonly #events: PagePeerEvents;
  readonly #channels = new Map<string, RTCDataChannel>();
  #meter: Meter | null = null;
  #opened = false;
  #closed = false;

  constructor(session: SignalingSession, events: PagePeerEvents) {
    this.name = `tab ${session.number}`;
    this.#session = session;
    this.#events = events;
    // Loopback candidates too: the page is on this machine, and may have no other address.
    const connection = new RTCPeerConnection({ iceServers: [] }, { loopback: true });
    this.connection = connection;
    this.timeline = new Timeline(connection);
    connection.addEventListener('icecandidate', ({ candidate }) => {
      this.#session.send({
        candidate: candidate === null ? null : { candidate: candidate.candidate, sdpMid: candidate.sdpMid },
      });
    });
    connection.addEventListener('datachannel', ({ channel }) => this.#adopt(channel));
    connection.addEventListener('connectionstatechange', () => {
      const state = connection.connectionState;
      if (state === 'failed' || state === 'closed') this.close(`the connection ${state}`);
    });
  }

  get totals(): { sent: number; received: number } {
    return this.#meter?.totals ?? { sent: 0, received: 0 };
  }

  async signal(message: SignalingMessage): Promise<void> {
    try {
      if ('candidate' in message) return await this.connection.addIceCandidate(message.candidate ?? undefined);
      if (this.connection.remoteDescription === null) this.timeline.restart();
      await this.connection.setRemoteDescription(message.description);
      if (message.description.type !== 'offer') return;
      await this.connection.setLocalDescription();
      const { localDescription } = this.connection;
      if (localDescription === null) return;
      this.#session.send({ description: { type: 'answer', sdp: localDescription.sdp } });
    } catch (error) {
      if (!this.#closed) this.close(`signaling failed: ${(error as Error).message}`);
    }
  }

  say(from: string, text: string): void {
    this.#tell({ kind: 'said', from, text });
  }

  showTimeline(): void {
    this.#tell({ kind: 'timeline', phases: this.timeline.phases });
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#meter?.stop();
    this.connection.close();
    this.#events.closed(this, reason);
  }

  #adopt(channel: RTCDataChannel): void {
    this.#channels.set(channel.label, channel);
    const [chat, control, bulk] = ['chat', 'meter', 'bulk'].map((label) => this.#channels.get(label));
    if (channel === chat) {
      this.timeline.watchChannel(chat);
      chat.addEventListener('message', ({ data }) => this.#heard(data));
    }
    if (this.#meter === null && control !== undefined && bulk !== undefined) {
      this.#meter = new Meter(control, bulk, {
        onReceived: (bytes, ms) => this.#measured('received', bytes, ms),
        onDelivered: (bytes, ms) => this.#measured('delivered', bytes, ms),
      });
    }
    if (chat !== undefined && this.#meter !== null && !this.#opened) {
      this.#opened = true;
      this.#events.opened(this);
    }
  }

  #tell(message: ChatMessage): void {
    const chat = this.#channels.get('chat');
    if (chat?.readyState === 'open') chat.send(JSON.stringify(message));
  }

  #heard(data: unknown): void {
    if (typeof data === 'string' && data.trim() !== '') this.#events.said(this, data.trim().slice(0, MAX_CHAT_LENGTH));
  }

  #measured(which: 'received' | 'delivered', bytes: number, ms: number): void {
    this.rates[which] = (bytes / ms) * 1000;
    this.#events.measured(this);
  }
}
