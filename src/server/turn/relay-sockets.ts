/** The sockets behind relayed addresses. */
import { isPortTaken } from '../../runtime/ports.ts';
import type { Runtime, UdpSocket } from '../../runtime/runtime.ts';
import type { SocketAddress } from '../../stun/index.ts';
import type { AddressFamily, RelayRequest } from '../../turn/index.ts';
import type { RelayAddress } from './relay-addresses.ts';
import { RelayPorts } from './relay-ports.ts';

/** Of ports that somebody else on this machine has: an Allocate request must not cost a walk through the whole range. */
const MAX_ATTEMPTS = 32;

export type RelaySocketsOptions = {
  readonly runtime: Runtime;
  readonly addresses: readonly RelayAddress[];
  readonly portRange: { readonly min: number; readonly max: number };
  readonly receiveBufferBytes: number;
  readonly onOpen: (relayId: number, address: SocketAddress) => void;
  /** `isFamilyServed`: there is no port; otherwise no address of that family. */
  readonly onFailure: (relayId: number, isFamilyServed: boolean) => void;
  readonly onPacket: (packet: Uint8Array, relayId: number, peer: SocketAddress) => void;
  /** The system has no socket for us, for another reason than the port. */
  readonly onError: (error: Error) => void;
};

type Relay = { readonly ports: RelayPorts; socket: UdpSocket | null; port: number; isOver: boolean };

export class RelaySockets {
  /** Allocations that no port was left for. */
  exhausted = 0;
  readonly #options: RelaySocketsOptions;
  readonly #relays = new Map<number, Relay>();
  readonly #ports: ReadonlyMap<AddressFamily, RelayPorts>;
  #sendErrors = 0;

  constructor(options: RelaySocketsOptions) {
    this.#options = options;
    const { addresses, portRange, runtime } = options;
    this.#ports = new Map(addresses.map(({ family }) => [family, new RelayPorts(portRange, runtime.random)]));
  }

  get size(): number {
    return this.#relays.size;
  }

  /** Datagrams to peers that the system refused, or whose queue was full. */
  get sendErrors(): number {
    const open = [...this.#relays.values()].map(({ socket }) => socket?.stats.sendErrors ?? 0);
    return open.reduce((sum, count) => sum + count, this.#sendErrors);
  }

  open({ relayId, family, evenPort }: RelayRequest): void {
    const address = this.#options.addresses.find((one) => one.family === family);
    if (address === undefined) {
      this.#options.onFailure(relayId, false);
      return;
    }
    const relay: Relay = { ports: this.#ports.get(family)!, socket: null, port: 0, isOver: false };
    this.#relays.set(relayId, relay);
    void this.#bind(relayId, relay, address, evenPort);
  }

  close(relayId: number): void {
    const relay = this.#relays.get(relayId);
    if (relay === undefined) return;
    this.#relays.delete(relayId);
    relay.isOver = true;
    if (relay.socket === null) return; // it closes when it is there
    this.#sendErrors += relay.socket.stats.sendErrors;
    relay.socket.close();
    relay.ports.giveBack(relay.port);
  }

  send(packet: Uint8Array, relayId: number, peer: SocketAddress): void {
    this.#relays.get(relayId)?.socket?.send(packet, peer);
  }

  /** A port of the range or none: never one of the system's choice, which no firewall would let through. */
  async #bind(relayId: number, relay: Relay, address: RelayAddress, evenPort: boolean): Promise<void> {
    const { runtime, receiveBufferBytes, onPacket, onOpen, onFailure, onError } = this.#options;
    const { ports } = relay;
    const refused: number[] = [];
    while (!relay.isOver && relay.socket === null && refused.length < MAX_ATTEMPTS) {
      const port = ports.take(evenPort);
      if (port === null) break;
      try {
        relay.socket = await runtime.bindUdp({
          address: address.bind,
          port,
          receiveBufferBytes,
          onPacket: (packet, peer) => onPacket(packet, relayId, peer),
        });
        relay.port = port;
      } catch (error) {
        refused.push(port);
        if (isPortTaken(error)) continue;
        onError(error as Error);
        break;
      }
    }
    for (const port of refused) ports.giveBack(port);
    if (relay.isOver) {
      relay.socket?.close();
      if (relay.socket !== null) ports.giveBack(relay.port);
    } else if (relay.socket !== null) {
      onOpen(relayId, { address: address.public, port: relay.port });
    } else {
      this.exhausted++;
      this.#relays.delete(relayId);
      onFailure(relayId, true);
    }
  }
}
