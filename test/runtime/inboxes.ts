/** Hosts with a socket each, and packets that carry a number. */
import type { SocketAddress } from '../../src/ice/address.ts';
import { type Host, type LinkOptions, MemoryNetwork } from '../../src/runtime/memory.ts';
import type { UdpSocket } from '../../src/runtime/runtime.ts';

export type Inbox = {
  readonly socket: UdpSocket;
  readonly received: { at: number; packet: Uint8Array; remote: SocketAddress }[];
};

export function open(host: Host, address: string, port = 0): Inbox {
  const received: Inbox['received'] = [];
  const onPacket = (packet: Uint8Array, remote: SocketAddress): void => {
    received.push({ at: host.now(), packet, remote });
  };
  return { socket: host.bind({ address, port, onPacket }), received };
}

/** Two hosts in the open network; what goes from a to b meets `link`. */
export function pair(
  link: LinkOptions,
  seed: number | string = 1,
): { network: MemoryNetwork; host: Host; a: Inbox; b: Inbox } {
  const network = new MemoryNetwork({ seed });
  const host = network.addHost({ addresses: ['10.0.0.1'], uplink: link });
  const other = network.addHost({ addresses: ['10.0.0.2'] });
  return { network, host, a: open(host, '10.0.0.1'), b: open(other, '10.0.0.2') };
}

export function numbered(n: number, size = 4): Uint8Array {
  const packet = new Uint8Array(size);
  new DataView(packet.buffer).setUint32(0, n);
  return packet;
}

export function numbers({ received }: Inbox): number[] {
  return received.map(({ packet }) => new DataView(packet.buffer, packet.byteOffset).getUint32(0));
}
