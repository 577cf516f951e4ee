/**
 * One connection to one peer, from nothing to closed: the edge where rooms touch `RTCPeerConnection`. It makes complete
 * descriptions (a tracker carries no candidates one by one), says when both channels are there, and notices the end.
 */
import type { RTCDataChannel, RTCDataChannelInit, RTCPeerConnection } from 'purertc';
import { HeldMessages } from './held-messages.ts';
import { type NegotiationMessage, PerfectNegotiator } from './perfect-negotiator.ts';
import type { RTCConfigurationLike, SignalingPlatform } from './platform.ts';

/** Candidates that are not found by then are not waited for: the description goes out with those there are. */
const GATHERING_TIMEOUT_MS = 5_000;
/** A connection that lost its path this long ago is given up. Browsers may stay `disconnected` for ever. */
const DISCONNECTED_TIMEOUT_MS = 15_000;
/** The channel that rooms keep for themselves. */
const SIGNAL_CHANNEL = { label: 'purertc.signal', id: 1022 } as const;
/** Another stack's peer may give its channel any name: it is taken, unless by then the peer turns out to be one of ours. */
const STRANGER_TIMEOUT_MS = 1_000;
/** Bound: a longer message on the signal channel is ignored. Session descriptions are far from it. */
const MAX_SIGNAL_LENGTH = 256 * 1024;

export type ChannelOptions = RTCDataChannelInit & {
  /** Default: `data` */
  readonly label?: string;
};

export type PeerConnectionHook = (
  connection: RTCPeerConnection,
  info: { readonly initiator: boolean },
) => void | Promise<void>;

export type LinkOptions = {
  readonly initiator: boolean;
  readonly configuration: RTCConfigurationLike;
  readonly channel: ChannelOptions;
  readonly onPeerConnection: PeerConnectionHook | undefined;
};

/** What a link says to its room. Nothing after `ended`, and nothing at all after `close`. */
export interface LinkSink {
  /** Its channel is open. */
  opened(): void;
  /** The signal channel is open, if the other side has one at all. */
  signalOpened(): void;
  /** What came over the signal channel and is not the negotiator's. */
  signalled(message: Record<string, unknown>): void;
  /** It lost its path, or found it again. */
  ailing(isAiling: boolean): void;
  /** `nextTimeout` is sooner than it was. */
  deadlineChanged(): void;
  ended(): void;
  /** Something went wrong that is not the end. */
  failed(error: unknown): void;
}

const NEVER = Number.POSITIVE_INFINITY;

export class Link {
  readonly initiator: boolean;
  readonly connection: RTCPeerConnection;
  readonly negotiator: PerfectNegotiator;
  /** What came over the channel before somebody listened. */
  readonly held: HeldMessages;
  readonly #platform: SignalingPlatform;
  readonly #options: LinkOptions;
  readonly #sink: LinkSink;
  readonly #signal: RTCDataChannel;
  #channel: RTCDataChannel | null = null;
  #stranger: { readonly channel: RTCDataChannel; readonly takenAt: number } | null = null;
  #disconnectedAt: number | null = null;
  #isClosed = false;
  #stopGathering: (() => void) | null = null;
  readonly #listeners: (() => void)[] = [];
  #localSdp = '';
  #remoteSdp = '';

  /** @throws whatever `RTCPeerConnection` throws at the configuration */
  constructor(options: LinkOptions, platform: SignalingPlatform, sink: LinkSink) {
    this.initiator = options.initiator;
    this.#options = options;
    this.#platform = platform;
    this.#sink = sink;
    this.connection = new platform.RTCPeerConnection(options.configuration);
    this.held = new HeldMessages();
    this.negotiator = new PerfectNegotiator(this.connection, {
      polite: !options.initiator,
      send: (message) => this.signal(message),
      onError: (error) => this.#report(error),
      held: true,
    });
    this.#listen(this.connection, 'connectionstatechange', () => this.#followState());
    this.#listen(this.connection, 'datachannel', ({ channel }: { channel: RTCDataChannel }) => this.#offered(channel));
    const { label, id } = SIGNAL_CHANNEL;
    this.#signal = this.connection.createDataChannel(label, { negotiated: true, id });
    this.#listen(this.#signal, 'open', () => this.#isClosed || this.#sink.signalOpened());
    this.#listen(this.#signal, 'message', ({ data }: { data: unknown }) => this.#handleSignal(data));
    if (options.initiator || options.channel.negotiated === true) {
      const { label: name = 'data', ...init } = options.channel;
      this.#adopt(this.connection.createDataChannel(name, init));
    }
  }

  /** The channel that is handed out; `null` while the other side has not opened it. */
  get channel(): RTCDataChannel | null {
    return this.#channel;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The descriptions that the connection was made with. */
  get descriptions(): { readonly local: string; readonly remote: string } {
    return { local: this.#localSdp, remote: this.#remoteSdp };
  }

  /** When `handleTimeout` is next due. */
  get nextTimeout(): number {
    if (this.#isClosed) return NEVER;
    const disconnected = this.#disconnectedAt === null ? NEVER : this.#disconnectedAt + DISCONNECTED_TIMEOUT_MS;
    return Math.min(disconnected, this.#stranger?.takenAt ?? NEVER);
  }

  /** A complete offer; `null` when the link was closed meanwhile. */
  async offer(): Promise<string | null> {
    await this.#options.onPeerConnection?.(this.connection, { initiator: true });
    return this.#describe();
  }

  /** A complete answer; `null` when the link was closed meanwhile. */
  async answer(offer: string): Promise<string | null> {
    await this.#options.onPeerConnection?.(this.connection, { initiator: false });
    if (this.#isClosed) return null;
    this.#remoteSdp = offer;
    await this.connection.setRemoteDescription({ type: 'offer', sdp: offer });
    return this.#describe();
  }

  async accept(answer: string): Promise<void> {
    this.#remoteSdp = answer;
    await this.connection.setRemoteDescription({ type: 'answer', sdp: answer });
  }

  /** Says something to the other side's room, if the channel for that is open. */
  signal(message: NegotiationMessage | Record<string, unknown>): void {
    if (this.#signal.readyState === 'open') this.#signal.send(JSON.stringify(message));
  }

  /** The other side is a room like ours: from now on it negotiates over the signal channel, and its channel has our name. */
  recognized(): void {
    this.#stranger = null;
    this.negotiator.start();
  }

  handleTimeout(now: number): void {
    if (this.#isClosed) return;
    if (this.#disconnectedAt !== null && now >= this.#disconnectedAt + DISCONNECTED_TIMEOUT_MS) return void this.#end();
    if (this.#stranger === null || now < this.#stranger.takenAt) return;
    const { channel } = this.#stranger;
    this.#stranger = null;
    if (this.#channel === null) this.#adopt(channel);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopGathering?.();
    this.negotiator.close();
    this.held.drop();
    for (const remove of this.#listeners.splice(0)) remove();
    this.connection.close();
  }

  // ------------------------------------------------------------------------------------------------ inside

  async #describe(): Promise<string | null> {
    if (this.#isClosed) return null;
    await this.connection.setLocalDescription();
    await this.#gathered();
    if (this.#isClosed) return null;
    this.#localSdp = this.connection.localDescription?.sdp ?? '';
    return this.#localSdp;
  }

  async #gathered(): Promise<void> {
    const { connection } = this;
    if (this.#isClosed || connection.iceGatheringState === 'complete') return;
    let timer: unknown;
    const check = (): void => {
      if (connection.iceGatheringState === 'complete') this.#stopGathering?.();
    };
    await new Promise<void>((resolve) => {
      this.#stopGathering = resolve;
      timer = this.#platform.setTimer(resolve, GATHERING_TIMEOUT_MS);
      connection.addEventListener('icegatheringstatechange', check);
    });
    this.#stopGathering = null;
    this.#platform.clearTimer(timer);
    connection.removeEventListener('icegatheringstatechange', check);
  }

  #followState(): void {
    if (this.#isClosed) return;
    const state = this.connection.connectionState;
    if (state === 'failed' || state === 'closed') return void this.#end();
    const isAiling = state === 'disconnected';
    if (isAiling === (this.#disconnectedAt !== null)) return;
    this.#disconnectedAt = isAiling ? this.#platform.now() : null;
    this.#sink.ailing(isAiling);
  }

  /** A channel that the other side made. The application may have channels of its own: those go by. */
  #offered(channel: RTCDataChannel): void {
    if (this.#isClosed || this.#channel !== null) return;
    if (channel.label === (this.#options.channel.label ?? 'data')) this.#adopt(channel);
    else this.#stranger ??= { channel, takenAt: this.#platform.now() + STRANGER_TIMEOUT_MS };
    this.#sink.deadlineChanged();
  }

  #adopt(channel: RTCDataChannel): void {
    this.#channel = channel;
    this.#stranger = null;
    channel.binaryType = 'arraybuffer'; // Firefox's default was another for long
    this.held.watch(channel);
    this.#listen(channel, 'close', () => this.#end());
    if (channel.readyState === 'open') this.#sink.opened();
    else this.#listen(channel, 'open', () => this.#isClosed || this.#sink.opened());
  }

  #handleSignal(data: unknown): void {
    if (this.#isClosed || typeof data !== 'string' || data.length > MAX_SIGNAL_LENGTH) return;
    let message: unknown;
    try {
      message = JSON.parse(data);
    } catch {
      return; // not a room of ours, or one of a time to come
    }
    if (typeof message !== 'object' || message === null) return;
    if ('description' in message || 'candidate' in message) {
      this.negotiator.receive(message as NegotiationMessage).catch((error: unknown) => this.#report(error));
    } else this.#sink.signalled(message as Record<string, unknown>);
  }

  #report(error: unknown): void {
    if (!this.#isClosed) this.#sink.failed(error);
  }

  #end(): void {
    if (this.#isClosed) return;
    this.close();
    this.#sink.ended();
  }

  #listen(target: EventTarget, type: string, listener: (event: never) => void): void {
    target.addEventListener(type, listener as (event: Event) => void);
    this.#listeners.push(() => target.removeEventListener(type, listener as (event: Event) => void));
  }
}
