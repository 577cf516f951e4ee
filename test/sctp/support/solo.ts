/** One association against a peer that the test plays itself, packet by packet. */
import { SctpAssociation, type SctpEvent, type SctpOptions, type SctpStats } from '../../../src/sctp/index.ts';
import { CHUNK, encodeChunk } from '../../../src/sctp/packet/chunk.ts';
import { decodeInit, encodeInit, type InitParameters } from '../../../src/sctp/packet/init-chunk.ts';
import type { Message } from './pair.ts';
import { SeededRandom } from './random.ts';
import { chunksOf, dataOf, describePacket, packetOf, sacksOf, type WireData, type WireSack } from './wire.ts';

export const PEER_TAG = 0x0bad_cafe;
export const PEER_INITIAL_TSN = 1000;

export const PEER: InitParameters = {
  initiateTag: PEER_TAG,
  aRwnd: 1_000_000,
  outboundStreams: 1024,
  inboundStreams: 1024,
  initialTsn: PEER_INITIAL_TSN,
  partialReliability: true,
  reConfig: true,
};

export class Solo {
  readonly association: SctpAssociation;
  readonly events: SctpEvent[] = [];
  sent: Uint8Array[] = [];
  now = 0;
  /** What the association said in its INIT. */
  local!: InitParameters;
  readonly peer: InitParameters;

  constructor(options: Partial<SctpOptions> = {}, peer: Partial<InitParameters> = {}, seed = 1) {
    this.peer = { ...PEER, ...peer };
    this.association = new SctpAssociation(
      { random: new SeededRandom(seed), ...options },
      {
        transmit: (packet) => this.sent.push(packet.slice()),
        event: (event) => this.events.push(event),
      },
    );
  }

  /** Establishes the association. What was sent for it is forgotten. */
  connect(): this {
    this.sendInit();
    this.receive(encodeInit(this.peer, Uint8Array.of(1, 2, 3, 4)));
    this.receive(encodeChunk(CHUNK.cookieAck, 0, new Uint8Array(0)));
    this.sent = [];
    this.events.length = 0;
    return this;
  }

  sendInit(): this {
    this.association.connect(this.now);
    const init = decodeInit(chunksOf(this.takeSent()[0]!)[0]!.bytes);
    if ('problem' in init) throw new Error(init.problem);
    this.local = init.parameters;
    return this;
  }

  /** A packet with these chunks comes from the peer. */
  receive(...chunks: Uint8Array[]): this {
    this.association.handlePacket(packetOf(this.local.initiateTag, ...chunks), this.now);
    return this;
  }

  send(streamId: number, data: Uint8Array | string, options: Parameters<SctpAssociation['send']>[3] = {}): this {
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
    this.association.send(streamId, 51, bytes, options, this.now);
    return this;
  }

  /** The end of the caller's turn. */
  flush(): this {
    this.association.flush(this.now);
    return this;
  }

  /** Lets time go by, with all timers that are due in it. */
  run(ms: number): this {
    const end = this.now + ms;
    for (let turns = 0; this.association.nextTimeout <= end; turns++) {
      if (turns > 100_000) throw new Error(`hot loop: ${this.association.nextTimeoutReason}`);
      this.now = Math.max(this.now, this.association.nextTimeout);
      this.association.handleTimeout(this.now);
    }
    this.now = end;
    return this;
  }

  takeSent(): Uint8Array[] {
    const sent = this.sent;
    this.sent = [];
    return sent;
  }

  /** What was sent since the last look, one line per packet. */
  takeDescriptions(): string[] {
    return this.takeSent().map(describePacket);
  }

  takeData(): WireData[] {
    return dataOf(...this.takeSent());
  }

  takeSacks(): WireSack[] {
    return sacksOf(...this.takeSent());
  }

  get messages(): Message[] {
    return this.events.filter((event) => event.kind === 'message');
  }

  get texts(): string[] {
    return this.messages.map(({ streamId, data }) => `${streamId}:${new TextDecoder().decode(data)}`);
  }

  get closed(): SctpEvent | undefined {
    return this.events.find(({ kind }) => kind === 'closed');
  }

  get stats(): SctpStats {
    return this.association.stats;
  }
}
