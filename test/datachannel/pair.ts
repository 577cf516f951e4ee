/**
 * Two `DataChannels` with a wire between them that does what SCTP does for channels, and nothing else: streams in
 * order, resets behind what is queued, `bufferedAmountDecreased` when a message leaves. `pump` moves it all along.
 */
import {
  type AssociationEvent,
  type AssociationSendOptions,
  type Channel,
  type ChannelAssociation,
  type ChannelEvent,
  type ChannelParameters,
  DataChannels,
  type DataChannelsOptions,
  type DtlsRole,
} from '../../src/datachannel/index.ts';

export interface Sent {
  readonly streamId: number;
  readonly ppid: number;
  readonly data: Uint8Array;
  readonly options: AssociationSendOptions;
}

type Queued = { kind: 'message'; message: Sent } | { kind: 'reset'; streamIds: readonly number[] };

export const NOW = 0;

export class Wire implements ChannelAssociation {
  state = 'closed';
  maxOutboundStreams = 65_535;
  maxInboundStreams = 65_535;
  /** Everything given to `send`, in order. */
  readonly log: Sent[] = [];
  /** Every reset asked for. */
  readonly resets: number[] = [];
  readonly queue: Queued[] = [];

  send(streamId: number, ppid: number, data: Uint8Array, options: AssociationSendOptions): void {
    if (data.length === 0) throw new RangeError('SCTP has no empty messages');
    const message = { streamId, ppid, data, options };
    this.log.push(message);
    this.queue.push({ kind: 'message', message });
  }

  resetStreams(streamIds: readonly number[]): void {
    this.resets.push(...streamIds);
    this.queue.push({ kind: 'reset', streamIds });
  }
}

export class Side {
  readonly wire: Wire = new Wire();
  readonly channels: DataChannels;
  readonly role: DtlsRole;
  readonly events: ChannelEvent[] = [];
  /** Called with each event: an application that calls back in. */
  onEvent: (event: ChannelEvent) => void = () => {};

  constructor(role: DtlsRole, options: DataChannelsOptions = {}) {
    this.role = role;
    this.channels = new DataChannels(options, {
      event: (event) => {
        this.events.push(event);
        this.onEvent(event);
      },
    });
  }

  open(parameters: Partial<ChannelParameters> = {}): Channel {
    return this.channels.open({ label: '', protocol: '', ordered: true, negotiated: false, ...parameters }, NOW);
  }

  connect(): this {
    this.channels.attach(this.wire, this.role, NOW);
    this.wire.state = 'established';
    return this.handle({ kind: 'connected' });
  }

  handle(event: AssociationEvent): this {
    this.channels.handleSctpEvent(event, NOW);
    return this;
  }

  /** A message from a peer that need not exist. */
  receive(streamId: number, ppid: number, data: Uint8Array): this {
    return this.handle({ kind: 'message', streamId, ppid, data, unordered: false });
  }

  /** The peer reset its side of a stream, and confirmed our reset of it. */
  receiveResets(streamId: number): this {
    this.handle({ kind: 'streamsReset', streamIds: [streamId], direction: 'incoming' });
    return this.handle({ kind: 'streamsReset', streamIds: [streamId], direction: 'outgoing' });
  }

  /** Kinds of events so far, forgotten afterwards. */
  takeKinds(): string[] {
    return this.events.splice(0).map((event) => event.kind);
  }

  /** The channel of the last `incoming` event. */
  get incoming(): Channel {
    const event = this.events.findLast((candidate) => candidate.kind === 'incoming');
    if (event === undefined) throw new Error('no channel came in');
    return event.channel;
  }

  /** The messages received so far, text as strings. */
  get received(): (string | number[])[] {
    return this.events.flatMap((event) => {
      if (event.kind !== 'message') return [];
      return [event.isText ? new TextDecoder().decode(event.data) : [...event.data]];
    });
  }
}

export class Pair {
  readonly client: Side;
  readonly server: Side;

  constructor(options: DataChannelsOptions = {}) {
    this.client = new Side('client', options);
    this.server = new Side('server', options);
  }

  connect(): this {
    this.client.connect();
    this.server.connect();
    return this.pump();
  }

  /** Moves everything queued on both sides, and what that causes, until nothing is left. */
  pump(): this {
    while (this.step(this.client, this.server) || this.step(this.server, this.client));
    return this;
  }

  /** Moves one message or reset from one side to the other. */
  step(from: Side, to: Side): boolean {
    const next = from.wire.queue.shift();
    if (next === undefined) return false;
    if (next.kind === 'message') {
      const { streamId, ppid, data, options } = next.message;
      from.handle({ kind: 'bufferedAmountDecreased', streamId, bytes: data.length });
      to.handle({ kind: 'message', streamId, ppid, data, unordered: options.unordered ?? false });
    } else {
      to.handle({ kind: 'streamsReset', streamIds: next.streamIds, direction: 'incoming' });
      from.handle({ kind: 'streamsReset', streamIds: next.streamIds, direction: 'outgoing' });
    }
    return true;
  }
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
