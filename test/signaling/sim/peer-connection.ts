/** An RTCPeerConnection of the simulated world: two of them find each other by what their descriptions say. */
import type { World } from './world.ts';

type Description = { type: 'offer' | 'answer'; sdp: string };

export class SimDataChannel extends EventTarget {
  readonly label: string;
  readonly id: number | null;
  readonly negotiated: boolean;
  readyState: 'connecting' | 'open' | 'closed' = 'connecting';
  binaryType = 'blob';
  other: SimDataChannel | null = null;
  readonly #world: World;

  constructor(world: World, label: string, id: number | null) {
    super();
    this.#world = world;
    this.label = label;
    this.id = id;
    this.negotiated = id !== null;
  }

  open(other: SimDataChannel | null): void {
    this.other = other;
    this.readyState = 'open';
    this.dispatchEvent(new Event('open'));
  }

  send(data: string): void {
    if (this.readyState !== 'open') throw new Error('not open');
    this.#world.after(this.#world.latencyMs, () => {
      if (this.other?.readyState === 'open') this.other.dispatchEvent(new MessageEvent('message', { data }));
    });
  }

  end(): void {
    if (this.readyState === 'closed') return;
    const wasOpen = this.readyState === 'open';
    this.readyState = 'closed';
    if (wasOpen) this.dispatchEvent(new Event('close'));
  }
}

/** Negotiations that both sides have to agree on, by the text of the offer. */
const byOffer = new WeakMap<World, Map<string, SimPeerConnection>>();

export class SimPeerConnection extends EventTarget {
  signalingState = 'stable';
  iceGatheringState = 'new';
  connectionState = 'new';
  localDescription: Description | null = null;
  remoteDescription: Description | null = null;
  readonly channels: SimDataChannel[] = [];
  readonly configuration: object;
  /** What its descriptions are padded to: characters. */
  padding = 0;
  /** Pretends to connect, and never does. */
  isUnreachable = false;
  partner: SimPeerConnection | null = null;
  readonly #world: World;
  readonly #name: string;

  constructor(world: World, configuration: object) {
    super();
    this.#world = world;
    this.configuration = configuration;
    this.#name = `pc${world.connections.length}`;
    if (!byOffer.has(world)) byOffer.set(world, new Map());
  }

  get currentRemoteDescription(): Description | null {
    return this.remoteDescription;
  }

  createDataChannel(label: string, { id = null }: { id?: number | null } = {}): SimDataChannel {
    const channel = new SimDataChannel(this.#world, label, id);
    this.channels.push(channel);
    return channel;
  }

  async setLocalDescription(): Promise<void> {
    const type = this.remoteDescription === null ? 'offer' : 'answer';
    const reference = type === 'answer' ? ` to ${this.remoteDescription!.sdp.split('\n')[0]}` : '';
    this.localDescription = { type, sdp: `${type} ${this.#name}${reference}\n${'x'.repeat(this.padding)}` };
    if (type === 'offer') byOffer.get(this.#world)!.set(`offer ${this.#name}`, this);
    this.signalingState = type === 'offer' ? 'have-local-offer' : 'stable';
    this.iceGatheringState = 'gathering';
    this.#world.after(this.#world.gatheringMs, () => {
      this.iceGatheringState = 'complete';
      this.dispatchEvent(new Event('icegatheringstatechange'));
    });
  }

  async setRemoteDescription(description: Description): Promise<void> {
    if (this.connectionState === 'closed') throw new Error('closed');
    if (this.remoteDescription !== null) throw new Error(`a second ${description.type}`);
    this.remoteDescription = description;
    if (description.type === 'offer') {
      this.partner = byOffer.get(this.#world)!.get(description.sdp.split('\n')[0]!) ?? null;
      this.signalingState = 'have-remote-offer';
      return;
    }
    const [, name, offer] = /^answer (\S+) to (.*)$/m.exec(description.sdp)!;
    if (offer !== `offer ${this.#name}`) throw new Error('an answer to another offer');
    this.signalingState = 'stable';
    this.partner = this.#world.connections.find((connection) => connection.#name === name)!;
    this.#world.after(this.#world.connectingMs, () => this.#connect());
  }

  async addIceCandidate(): Promise<void> {}

  #connect(): void {
    const partner = this.partner!;
    if (this.connectionState === 'closed' || partner.connectionState === 'closed') return;
    if (partner.partner !== this || this.isUnreachable || partner.isUnreachable) return;
    for (const side of [this, partner]) side.#changeState('connected');
    for (const channel of this.channels) {
      const twin = partner.channels.find(({ id }) => channel.negotiated && id === channel.id);
      if (!channel.negotiated) partner.#offered(channel, this.#world);
      else if (twin !== undefined) {
        channel.open(twin);
        twin.open(channel);
      }
    }
  }

  #offered(channel: SimDataChannel, world: World): void {
    const twin = new SimDataChannel(world, channel.label, null);
    this.channels.push(twin);
    twin.readyState = 'open';
    twin.other = channel;
    this.dispatchEvent(Object.assign(new Event('datachannel'), { channel: twin }));
    twin.dispatchEvent(new Event('open'));
    channel.open(twin);
  }

  changeState(state: string): void {
    this.#changeState(state);
  }

  #changeState(state: string): void {
    if (this.connectionState === 'closed') return;
    this.connectionState = state;
    this.dispatchEvent(new Event('connectionstatechange'));
  }

  /** The other side notices, as one does of a DTLS alert. */
  close(): void {
    if (this.connectionState === 'closed') return;
    const wasConnected = this.connectionState === 'connected';
    this.vanish();
    if (wasConnected) {
      this.#world.after(this.#world.latencyMs, () => {
        for (const channel of this.partner?.channels ?? []) channel.end();
      });
    }
  }

  /** The other side notices nothing. */
  vanish(): void {
    this.connectionState = 'closed';
    this.signalingState = 'closed';
    for (const channel of this.channels) channel.readyState = 'closed';
  }
}
