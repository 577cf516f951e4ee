/**
 * The mDNS of one machine, shared by all its connections: one membership of the group, opened when the first name is
 * asked for or offered and left when the last connection lets go.
 */
import { MdnsResolver } from '../ice/mdns-resolver.ts';
import { MdnsResponder } from '../ice/mdns-responder.ts';
import type { RandomSource } from '../machine.ts';
import type { MulticastSocket, Runtime, TimerHandle } from '../runtime/runtime.ts';

/** Bound: messages that wait for the socket to open; later ones are dropped, questions are asked again. */
const MAX_EARLY_MESSAGES = 64;

type Waiter = { readonly owner: object; readonly found: (address: string) => void };

const services = new WeakMap<Runtime, MdnsService>();

export class MdnsService {
  readonly #runtime: Runtime;
  readonly #resolver: MdnsResolver;
  readonly #responder: MdnsResponder;
  readonly #waiters = new Map<string, Waiter[]>();
  /** Who uses the service, with the names offered for each. */
  readonly #users = new Map<object, string[]>();
  #socket: MulticastSocket | null = null;
  #isOpening = false;
  #early: Uint8Array[] = [];
  #timer: TimerHandle | null = null;

  /** The one service of a runtime. */
  static of(runtime: Runtime): MdnsService {
    const known = services.get(runtime);
    if (known !== undefined) return known;
    const service = new MdnsService(runtime, runtime.random);
    services.set(runtime, service);
    return service;
  }

  private constructor(runtime: Runtime, random: RandomSource) {
    this.#runtime = runtime;
    this.#resolver = new MdnsResolver({
      transmit: (message) => this.#send(message),
      resolved: (name, addresses) => this.#settle(name, addresses),
    });
    this.#responder = new MdnsResponder(random, {
      transmit: (message, to) => (to === null ? this.#send(message) : this.#socket?.sendTo(message, to)),
    });
  }

  /** Looks `name` up for `owner`; `found` is called once, with its first address, or never. */
  resolve(name: string, owner: object, found: (address: string) => void): void {
    this.#use(owner);
    const key = name.toLowerCase();
    this.#waiters.set(key, [...(this.#waiters.get(key) ?? []), { owner, found }]);
    this.#resolver.resolve(key, this.#runtime.now());
    this.#schedule();
  }

  /** A name that stands for `address` until `owner` lets go; `null` when there are too many. */
  offer(address: string, owner: object): string | null {
    this.#use(owner);
    const name = this.#responder.register(address);
    if (name !== null) this.#users.get(owner)?.push(name);
    return name;
  }

  /** `owner` needs nothing more. */
  release(owner: object): void {
    for (const name of this.#users.get(owner) ?? []) this.#responder.release(name);
    if (!this.#users.delete(owner)) return;
    for (const [name, waiters] of this.#waiters) {
      const others = waiters.filter((waiter) => waiter.owner !== owner);
      if (others.length > 0) this.#waiters.set(name, others);
      else this.#waiters.delete(name);
    }
    if (this.#users.size > 0) return;
    this.#socket?.close();
    this.#socket = null;
    this.#early = [];
    if (this.#timer !== null) this.#runtime.clearTimer(this.#timer);
    this.#timer = null;
  }

  #use(owner: object): void {
    if (!this.#users.has(owner)) this.#users.set(owner, []);
    if (this.#socket === null && !this.#isOpening) void this.#open();
  }

  async #open(): Promise<void> {
    this.#isOpening = true;
    const socket = await this.#runtime.openMulticast({
      onPacket: (packet, remote) => {
        const now = this.#runtime.now();
        // The responder reads, the resolver may keep views: neither writes.
        this.#responder.handlePacket(packet, remote, now);
        this.#resolver.handlePacket(packet, remote, now);
        this.#schedule();
      },
    });
    this.#isOpening = false;
    if (this.#users.size === 0) {
      socket.close();
      return;
    }
    this.#socket = socket;
    for (const message of this.#early.splice(0)) socket.send(message);
  }

  #send(message: Uint8Array): void {
    if (this.#socket !== null) this.#socket.send(message);
    else if (this.#early.length < MAX_EARLY_MESSAGES) this.#early.push(message);
  }

  #settle(name: string, addresses: readonly string[] | null): void {
    const waiters = this.#waiters.get(name) ?? [];
    this.#waiters.delete(name);
    const [first] = addresses ?? [];
    if (first !== undefined) for (const { found } of waiters) found(first);
  }

  #schedule(): void {
    if (this.#timer !== null) this.#runtime.clearTimer(this.#timer);
    this.#timer = null;
    const due = this.#resolver.nextTimeout;
    if (due === Infinity || this.#users.size === 0) return;
    this.#timer = this.#runtime.setTimer(due - this.#runtime.now(), () => {
      this.#timer = null;
      this.#resolver.handleTimeout(this.#runtime.now());
      this.#schedule();
    });
  }
}
