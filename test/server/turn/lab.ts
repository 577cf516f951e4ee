/** A TURN service and its clients on the in-memory network, with the time as a number. */
import { type Host, MemoryNetwork, type NatOptions } from '../../../src/runtime/memory.ts';
import type { TcpSocket } from '../../../src/runtime/tcp.ts';
import { staticUsers, TurnService, type TurnServiceOptions } from '../../../src/server/turn/index.ts';
import {
  newTransactionId,
  parseStun,
  readErrorCode,
  readText,
  type SocketAddress,
  STUN_ATTRIBUTE,
  type StunMessage,
  StunWriter,
} from '../../../src/stun/index.ts';
import {
  longTermKey,
  StreamFramer,
  TURN_ATTRIBUTE,
  TURN_METHOD,
  TurnClient,
  type TurnClientEvent,
  type TurnClientOptions,
} from '../../../src/turn/index.ts';

export const SERVER = '203.0.113.9';
export const SERVER6 = '2001:db8::9';
export const REALM = 'example.org';
const PORT = 3478;

export class Lab {
  readonly network: MemoryNetwork = new MemoryNetwork({ seed: 1, poisonsSentPackets: true });
  readonly host: Host;
  service!: TurnService;
  /** The clock that ephemeral names are stamped by. */
  unix = 1_000_000;
  #lastHost = 0;

  /** With UDP and TCP on port 3478 of both families, and a user alice. */
  static async start(
    options: Partial<TurnServiceOptions> = {},
    addresses: readonly string[] = [SERVER, SERVER6],
  ): Promise<Lab> {
    const lab = new Lab(addresses);
    lab.service = await lab.serve(options);
    return lab;
  }

  constructor(addresses: readonly string[] = [SERVER]) {
    this.host = this.network.addHost({ addresses, link: { delayMs: 5 } });
    // Far off: a network with nothing to come waits a second of real time for work that is none of its own.
    this.host.setTimer(2 ** 31 - 1, () => {});
  }

  /** Timers and packets of the service and its clients that are still to come. */
  get pending(): number {
    return this.network.clock.size - 1;
  }

  serve(options: Partial<TurnServiceOptions> = {}): Promise<TurnService> {
    return TurnService.start({
      runtime: this.host,
      listen: (['0.0.0.0', '::'] as const).flatMap((address) => [
        { protocol: 'udp', address, port: PORT },
        { protocol: 'tcp', address, port: PORT },
      ]),
      realm: REALM,
      credentials: [staticUsers({ alice: 'wonderland', bob: 'builder' })],
      unixSeconds: () => this.unix,
      ...options,
    });
  }

  newHost(nat?: Omit<NatOptions, 'address'>): Host {
    const n = ++this.#lastHost;
    const behind = nat && this.network.addNat({ ...nat, address: `198.51.100.${n}` });
    return behind === undefined
      ? this.network.addHost({ addresses: [`198.51.100.${n}`], link: { delayMs: 5 } })
      : this.network.addHost({ addresses: [`192.168.${n}.2`], link: { delayMs: 5 }, nat: behind });
  }

  /** An allocation, or what became of it. */
  async client(options: Partial<TurnClientOptions> = {}, host: Host = this.newHost()): Promise<LabClient> {
    const client = new LabClient(host, options);
    await this.until(() => client.machine.state === 'allocated' || client.failure !== undefined, 'an answer');
    return client;
  }

  async until(predicate: () => boolean, what: string = String(predicate), withinMs = 60_000): Promise<void> {
    if (!(await this.network.runUntilAsync(predicate, withinMs))) throw new Error(`did not happen: ${what}`);
  }

  run(ms: number): Promise<void> {
    return this.network.runAsync(ms);
  }

  /** The same, quicker, where no relay is opened and nothing else needs promises. */
  tick(ms: number): void {
    this.network.run(ms);
  }
}

/** A `TurnClient` with a socket on the memory network and a timer. */
export class LabClient {
  readonly machine: TurnClient;
  readonly events: TurnClientEvent[] = [];
  readonly tcp: TcpSocket | null = null;
  readonly #host: Host;
  readonly #end: () => void;
  #timer: ReturnType<Host['setTimer']> | null = null;

  constructor(host: Host, options: Partial<TurnClientOptions>, address: string = SERVER) {
    this.#host = host;
    let transmit: (packet: Uint8Array) => void;
    const server = { address, port: PORT };
    if (options.transport === 'tcp') {
      const tcp = host.connectTcp({
        remote: server,
        onOpen: () => this.act((machine, now) => machine.start(now)),
        onData: (bytes) => this.act((machine, now) => machine.handlePacket(bytes, now)),
        onClose: () => {},
      });
      this.tcp = tcp;
      transmit = (packet) => tcp.write(packet);
      this.#end = () => tcp.close();
    } else {
      const socket = host.bind({
        address: '0.0.0.0',
        onPacket: (packet) => this.act((machine, now) => machine.handlePacket(packet, now)),
      });
      transmit = (packet) => socket.send(packet, server);
      this.#end = () => socket.close();
    }
    this.machine = new TurnClient(
      { crypto: host.crypto, random: host.random, username: 'alice', password: 'wonderland', ...options },
      { transmit, event: (event) => this.events.push(event) },
    );
    if (this.tcp === null) this.act((machine, now) => machine.start(now));
  }

  act<T>(call: (machine: TurnClient, now: number) => T): T {
    const host = this.#host;
    const result = call(this.machine, host.now());
    if (this.#timer !== null) host.clearTimer(this.#timer);
    this.#timer = null;
    const { nextTimeout } = this.machine;
    if (nextTimeout < Infinity) {
      this.#timer = host.setTimer(nextTimeout - host.now(), () => {
        this.act((machine, now) => machine.handleTimeout(now));
      });
    }
    return result;
  }

  send(text: string, peer: SocketAddress): void {
    this.act((machine, now) => machine.send(new TextEncoder().encode(text), peer, now));
  }

  get data(): string[] {
    return this.events.flatMap((event) => (event.kind === 'data' ? [new TextDecoder().decode(event.packet)] : []));
  }

  get failure(): number | undefined {
    const failed = this.events.find((event) => event.kind === 'failed');
    return failed?.kind === 'failed' ? failed.code : undefined;
  }

  /** Gives the allocation back. */
  close(): void {
    this.act((machine, now) => machine.close(now));
  }

  /** Is gone, without a word. */
  vanish(): void {
    if (this.#timer !== null) this.#host.clearTimer(this.#timer);
    this.#end();
  }
}

/** Requests by hand, over UDP from one port: for what no client of ours would send. */
export class Asker {
  readonly #lab: Lab;
  readonly #host: Host;
  readonly #socket: ReturnType<Host['bind']>;
  readonly #answers: StunMessage[] = [];
  readonly #user: { readonly username: string; readonly password: string };
  #nonce: string | null = null;

  constructor(lab: Lab, user = { username: 'alice', password: 'wonderland' }, host: Host = lab.newHost()) {
    this.#lab = lab;
    this.#host = host;
    this.#user = user;
    this.#socket = host.bind({
      address: '0.0.0.0',
      onPacket: (packet) => {
        const message = parseStun(packet);
        if (message !== null) this.#answers.push(message);
      },
    });
  }

  get answerCount(): number {
    return this.#answers.length;
  }

  send(packet: Uint8Array): void {
    this.#socket.send(packet, { address: SERVER, port: PORT });
  }

  /** A request without credentials. */
  unsigned(method: number, write: (writer: StunWriter) => unknown = () => {}): Uint8Array {
    const writer = new StunWriter('request', method, newTransactionId(this.#host.random));
    write(writer);
    return writer.finish().slice();
  }

  /** The code that a signed request is answered with, 200 for a success. */
  async ask(method: number, write: (writer: StunWriter) => unknown = () => {}): Promise<number> {
    this.#nonce ??= readText(await this.#exchange(this.unsigned(TURN_METHOD.allocate)), STUN_ATTRIBUTE.nonce);
    const { crypto, random } = this.#host;
    const { username, password } = this.#user;
    const writer = new StunWriter('request', method, newTransactionId(random));
    write(writer);
    writer.text(STUN_ATTRIBUTE.username, username).text(STUN_ATTRIBUTE.realm, REALM);
    writer.text(STUN_ATTRIBUTE.nonce, this.#nonce!);
    const key = crypto.hmac('sha1', longTermKey(crypto, 'md5', username, REALM, password));
    const answer = await this.#exchange(writer.integrity(key).finish().slice());
    return answer.messageClass === 'success' ? 200 : readErrorCode(answer)!.code;
  }

  allocate(write: (writer: StunWriter) => unknown = () => {}): Promise<number> {
    return this.ask(TURN_METHOD.allocate, (writer) => {
      writer.attribute(TURN_ATTRIBUTE.requestedTransport, Uint8Array.of(17, 0, 0, 0));
      write(writer);
    });
  }

  permit(address: string): Promise<number> {
    return this.ask(TURN_METHOD.createPermission, (writer) =>
      writer.xorAddress(TURN_ATTRIBUTE.xorPeerAddress, { address, port: 0 }),
    );
  }

  async #exchange(packet: Uint8Array): Promise<StunMessage> {
    const before = this.#answers.length;
    this.send(packet);
    await this.#lab.until(() => this.#answers.length > before, 'an answer');
    return this.#answers.at(-1)!;
  }
}

/** A TCP connection to the service that says what it is told to. */
export class LabConnection {
  isOpen = false;
  isOver = false;
  readonly messages: Uint8Array[] = [];
  readonly socket: TcpSocket;
  readonly #framer = new StreamFramer();

  constructor(host: Host) {
    this.socket = host.connectTcp({
      remote: { address: SERVER, port: PORT },
      onOpen: () => {
        this.isOpen = true;
      },
      onData: (bytes) => void this.#framer.push(bytes, (message) => this.messages.push(message)),
      onClose: () => {
        this.isOver = true;
      },
    });
  }
}
