/** Two DTLS machines on one virtual clock, joined by a network whose losses, delays and order are data. */
import { readFileSync } from 'node:fs';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { certificatesFromPem, privateKeyFromPem } from '../../src/crypto/pem.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { type DtlsCertificate, DtlsConnection, type DtlsEvent, type DtlsOptions } from '../../src/dtls/index.ts';
import { seededRandom } from '../crypto/seeded-random.ts';

export type CertificateName = 'ecdsa-p256' | 'ecdsa-p384' | 'rsa-2048';

const FIXTURES = new URL('../../fixtures/dtls/', import.meta.url);

export function readFixture(name: string): string {
  return readFileSync(new URL(name, FIXTURES), 'utf8');
}

export function loadCertificate(name: string, crypto: CryptoProvider = nodeCrypto): DtlsCertificate {
  return {
    chain: certificatesFromPem(readFixture(`${name}.cert.pem`)),
    privateKey: crypto.importPrivateKey(privateKeyFromPem(readFixture(`${name}.key.pem`))),
  };
}

/** A copy of a datagram on its way: its delay in ms, and what has become of it if it was changed. */
export type Delivery = number | { readonly delay: number; readonly datagram: Uint8Array };
/** What the network does with a datagram, the `index`th of its sender; an empty list loses it. */
export type Network = (datagram: Uint8Array, from: Peer, index: number) => readonly Delivery[];

/** Both ways in 10 ms, everything arrives. */
export const PERFECT: Network = () => [10];

/** One machine with all it has done. */
export class Peer {
  readonly name: 'client' | 'server';
  readonly connection: DtlsConnection;
  readonly events: DtlsEvent[] = [];
  readonly sent: Uint8Array[] = [];

  constructor(name: 'client' | 'server', options: DtlsOptions, transmit: (datagram: Uint8Array, from: Peer) => void) {
    this.name = name;
    this.connection = new DtlsConnection(options, {
      transmit: (datagram) => {
        this.sent.push(datagram.slice());
        transmit(datagram, this);
      },
      event: (event) => this.events.push(event),
    });
  }

  get data(): Uint8Array[] {
    return this.events.flatMap((event) => (event.kind === 'data' ? [event.data] : []));
  }

  get failure(): Extract<DtlsEvent, { kind: 'failed' }> | undefined {
    return this.events.find((event) => event.kind === 'failed');
  }
}

export type PairOptions = {
  readonly crypto?: CryptoProvider;
  readonly seed?: number;
  readonly certificate?: CertificateName;
  readonly client?: Partial<DtlsOptions>;
  readonly server?: Partial<DtlsOptions>;
  readonly network?: Network;
};

type InFlight = { readonly at: number; readonly order: number; readonly to: Peer; readonly datagram: Uint8Array };

/** Bound: more calls than this without an end is a hot loop, which the tests are after. */
const MAX_EVENTS = 20_000;

export class Pair {
  readonly client: Peer;
  readonly server: Peer;
  /** May be replaced while it runs. */
  network: Network;
  now = 0;
  #inFlight: InFlight[] = [];
  #order = 0;

  constructor(options: PairOptions = {}) {
    const { crypto = nodeCrypto, seed = 1, certificate = 'ecdsa-p256', network = PERFECT } = options;
    this.network = network;
    const common = { crypto, random: seededRandom(seed), verifyCertificate: () => true };
    const transmit = (datagram: Uint8Array, from: Peer): void => this.#transmit(datagram, from);
    this.client = new Peer('client', { ...common, role: 'client', ...options.client }, transmit);
    const own = options.server?.certificate ?? loadCertificate(certificate, crypto);
    this.server = new Peer('server', { ...common, role: 'server', ...options.server, certificate: own }, transmit);
  }

  get peers(): readonly [Peer, Peer] {
    return [this.client, this.server];
  }

  get connected(): boolean {
    return this.peers.every(({ connection }) => connection.state === 'connected');
  }

  /** Both start, then time passes until neither has anything to do or `until` is past. */
  run(until = 120_000): this {
    for (const { connection } of this.peers) connection.start(this.now);
    return this.advance(until);
  }

  advance(until: number): this {
    for (let count = 0; ; count++) {
      if (count > MAX_EVENTS) throw new Error(`still busy after ${MAX_EVENTS} events, at ${this.now} ms`);
      const due = Math.min(
        ...this.peers.map(({ connection }) => connection.nextTimeout),
        ...this.#inFlight.map(({ at }) => at),
      );
      if (due > until) return this;
      this.now = Math.max(this.now, due);
      this.#inFlight.sort((a, b) => a.at - b.at || a.order - b.order);
      while (this.#inFlight[0] !== undefined && this.#inFlight[0].at <= this.now) {
        const { to, datagram } = this.#inFlight.shift()!;
        to.connection.handlePacket(datagram, this.now);
      }
      for (const { connection } of this.peers) {
        if (connection.nextTimeout > this.now) continue;
        connection.handleTimeout(this.now);
        if (connection.nextTimeout <= this.now) throw new Error(`nextTimeout stays at ${connection.nextTimeout}`);
      }
    }
  }

  /** Lets `ms` pass, whether or not anything happens. */
  wait(ms: number): this {
    const until = this.now + ms;
    this.advance(until);
    this.now = until;
    return this;
  }

  #transmit(datagram: Uint8Array, from: Peer): void {
    const to = from === this.client ? this.server : this.client;
    for (const delivery of this.network(datagram, from, from.sent.length - 1)) {
      const { delay, datagram: arriving } = typeof delivery === 'number' ? { delay: delivery, datagram } : delivery;
      this.#inFlight.push({ at: this.now + delay, order: this.#order++, to, datagram: arriving.slice() });
    }
  }
}
