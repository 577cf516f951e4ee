/** A whole session on a host of the memory network, without promises: what `PeerTransport` does, in virtual time. */
import { type Fingerprint, fingerprint } from '../../src/crypto/fingerprint.ts';
import type { Channel } from '../../src/datachannel/index.ts';
import type { DtlsCertificate, DtlsRole } from '../../src/dtls/index.ts';
import type { StunServer } from '../../src/ice/index.ts';
import type { Host, UdpSocket } from '../../src/runtime/memory.ts';
import { DEFAULT_MAX_MESSAGE_SIZE, Session, type SessionEvent, type SessionOptions } from '../../src/session/index.ts';

/** Calls into a session at one virtual instant; more than this many wake-ups without time passing is a hot loop. */
const MAX_WAKES_PER_INSTANT = 1000;

export type SimulatedPeerOptions = Partial<Omit<SessionOptions, 'ice'>> & {
  readonly host: Host;
  readonly certificate: DtlsCertificate;
  readonly controlling: boolean;
  readonly servers?: readonly StunServer[];
  readonly ice?: Partial<SessionOptions['ice']>;
};

export class SimulatedPeer {
  readonly host: Host;
  readonly session: Session;
  readonly fingerprints: readonly Fingerprint[];
  /** Every event, in order, with its time. */
  readonly events: { readonly at: number; readonly event: SessionEvent }[] = [];
  onEvent: ((event: SessionEvent) => void) | null = null;
  readonly #options: SimulatedPeerOptions;
  readonly #sockets: UdpSocket[] = [];
  #timer: object | number | null = null;
  #wakesAt = Infinity;
  #lastWake = { at: -1, count: 0 };
  #remote: SimulatedPeer | null = null;
  #signallingDelayMs = 0;

  constructor(options: SimulatedPeerOptions) {
    this.#options = options;
    this.host = options.host;
    const { crypto, random } = options.host;
    this.fingerprints = [
      { algorithm: 'sha-256', value: fingerprint(crypto, 'sha-256', options.certificate.chain[0] as Uint8Array) },
    ];
    this.session = new Session(
      { crypto, random, ...options, ice: { controlling: options.controlling, ...options.ice } },
      {
        transmit: (packet, socketId, remote) => this.#sockets[socketId]?.send(packet, remote),
        event: (event) => this.#handle(event),
      },
    );
  }

  get now(): number {
    return this.host.now();
  }

  /** Binds every address, asks every server, and signals candidates to `remote` as they come. */
  signalTo(remote: SimulatedPeer, delayMs: number): void {
    this.#remote = remote;
    this.#signallingDelayMs = delayMs;
    this.run((session, now) => {
      session.ice.gather(now);
      const addresses = this.host.networkInterfaces().filter(({ internal, linkLocal }) => !internal && !linkLocal);
      for (const { address } of addresses) {
        const socketId = this.#sockets.length;
        const socket = this.host.bind({
          address,
          onPacket: (packet, from) => this.run(() => session.handlePacket(packet, socketId, from, this.now)),
        });
        this.#sockets.push(socket);
        session.ice.addSocket({ type: 'host', socketId, address, port: socket.localAddress.port }, now);
      }
      for (const server of this.#options.servers ?? []) session.ice.addServer(server, now);
      session.ice.endOfLocalSockets(now);
    });
  }

  /** What this peer learns from the other's description. */
  learn(remote: SimulatedPeer, dtlsRole: DtlsRole): void {
    this.run((session, now) => {
      session.ice.setRemoteCredentials(remote.session.ice.localCredentials, now);
      session.start(
        {
          dtlsRole,
          fingerprints: remote.fingerprints,
          sctp: { localPort: 5000, remotePort: 5000, maxMessageSize: DEFAULT_MAX_MESSAGE_SIZE },
        },
        now,
      );
    });
  }

  run<Result>(call: (session: Session, now: number) => Result): Result {
    const result = call(this.session, this.now);
    this.session.settle(this.now);
    this.#schedule();
    return result;
  }

  openChannel(label: string, parameters: Partial<Channel['parameters']> = {}): Channel {
    return this.run((session, now) =>
      session.channels.open({ label, protocol: '', ordered: true, negotiated: false, ...parameters }, now),
    );
  }

  send(channel: Channel, data: Uint8Array, isText = false): void {
    this.run((_session, now) => channel.send(data, isText, now));
  }

  close(): void {
    this.session.close(this.now);
    if (this.#timer !== null) this.host.clearTimer(this.#timer);
    this.#timer = null;
    for (const socket of this.#sockets) socket.close();
  }

  #handle(event: SessionEvent): void {
    this.events.push({ at: this.now, event });
    if (event.kind === 'ice') {
      const remote = this.#remote;
      if (event.event.kind === 'candidate') {
        const { candidate } = event.event;
        this.#signal(() => remote?.run((session, now) => session.ice.addRemoteCandidate(candidate, now)));
      } else if (event.event.kind === 'gatheringState' && event.event.state === 'complete') {
        this.#signal(() => remote?.run((session, now) => session.ice.endOfRemoteCandidates(now)));
      }
    }
    this.onEvent?.(event);
  }

  #signal(deliver: () => void): void {
    this.host.setTimer(this.#signallingDelayMs, deliver);
  }

  #schedule(): void {
    const due = this.session.nextTimeout;
    if (due >= this.#wakesAt || due === Infinity) return;
    if (this.#timer !== null) this.host.clearTimer(this.#timer);
    this.#wakesAt = due;
    this.#timer = this.host.setTimer(due - this.now, () => this.#wake());
  }

  #wake(): void {
    this.#timer = null;
    this.#wakesAt = Infinity;
    const { now } = this;
    this.#lastWake = { at: now, count: this.#lastWake.at === now ? this.#lastWake.count + 1 : 1 };
    if (this.#lastWake.count > MAX_WAKES_PER_INSTANT) {
      throw new Error(`hot loop: ${this.session.nextTimeoutReason} is due again and again at ${now} ms`);
    }
    this.session.handleTimeout(now);
    this.#schedule();
  }
}
