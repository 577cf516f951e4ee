/**
 * mDNS sockets (RFC 6762) over `node:dgram`, which does multicast alike on Node, Deno and Bun. Two listen, one for each
 * group, joined on every interface that lets us; and each interface has a socket of its own for sending, because the
 * outgoing interface is a setting of the socket and Deno sends later than it is told to.
 */
import type { Socket } from 'node:dgram';
import type { SocketAddress } from '../ice/address.ts';
import { open } from './dgram.ts';
import type { MulticastOptions, MulticastSocket, NetworkInterface } from './runtime.ts';

/** RFC 6762 §3. */
const MDNS_PORT = 5353;
const MDNS_GROUPS = { 4: '224.0.0.251', 6: 'ff02::fb' } as const;
/** RFC 6762 §11: "All Multicast DNS responses (including responses sent via unicast) SHOULD be sent with IP TTL set to 255." */
const MDNS_TTL = 255;
/** Bound on sockets: machines with hundreds of virtual interfaces exist, and mDNS peers are near the first ones. */
const MAX_INTERFACES = 16;

type Family = 4 | 6;

export async function openMdns(
  { onPacket }: MulticastOptions,
  interfaces: readonly NetworkInterface[],
): Promise<MulticastSocket> {
  const listeners = new Map<Family, Socket>();
  const senders: { family: Family; socket: Socket }[] = [];
  for (const family of [4, 6] as const) {
    const outlets = outletsOf(interfaces, family);
    if (outlets.length === 0) continue;
    const listener = await tryOpen(family === 4 ? '0.0.0.0' : '::');
    if (listener === null) continue;
    for (const { address, outlet } of outlets) {
      const sender = join(listener, family, outlet) ? await openSender(address, outlet) : null;
      if (sender !== null) senders.push({ family, socket: sender });
    }
    listeners.set(family, listener);
  }

  let isOpen = true;
  const receive = (packet: Uint8Array, { address, port }: SocketAddress): void => {
    if (isOpen) onPacket(new Uint8Array(packet.buffer, packet.byteOffset, packet.length), { address, port });
  };
  const sockets = [...listeners.values(), ...senders.map(({ socket }) => socket)];
  for (const socket of sockets) {
    socket.on('message', receive); // senders hear what is sent to their own address
    socket.on('error', ignore);
  }

  return {
    memberships: senders.length,
    send(packet) {
      for (const { socket, family } of senders) trySend(isOpen, socket, packet, MDNS_PORT, MDNS_GROUPS[family]);
    },
    sendTo(packet, { address, port }) {
      const listener = listeners.get(address.includes(':') ? 6 : 4);
      if (listener !== undefined) trySend(isOpen, listener, packet, port, address);
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      for (const socket of sockets) socket.close();
    },
  };
}

/** One address of each interface, and what names the interface in socket options: the address (4) or a zone (6). */
function outletsOf(interfaces: readonly NetworkInterface[], family: Family): { address: string; outlet: string }[] {
  const outlets = new Map<string, { address: string; outlet: string }>();
  for (const { name, address, family: itsFamily, internal, linkLocal } of interfaces) {
    if (itsFamily !== family || internal || outlets.size === MAX_INTERFACES) continue;
    if (family === 4) outlets.set(address, { address, outlet: address });
    else if (linkLocal) outlets.set(name, { address: `${address}%${name}`, outlet: `::%${name}` });
  }
  return [...outlets.values()];
}

async function openSender(address: string, outlet: string): Promise<Socket | null> {
  const socket = await tryOpen(address);
  try {
    socket?.setMulticastInterface(outlet);
    socket?.setMulticastTTL(MDNS_TTL);
    socket?.setMulticastLoopback(true); // peers on this machine, browsers above all
    return socket;
  } catch {
    socket?.close();
    return null;
  }
}

function join(listener: Socket, family: Family, outlet: string): boolean {
  try {
    listener.addMembership(MDNS_GROUPS[family], outlet);
    return true;
  } catch {
    return false; // no multicast on this interface
  }
}

async function tryOpen(address: string): Promise<Socket | null> {
  try {
    return await open({ address, reuse: true }, MDNS_PORT);
  } catch {
    return null; // the port is taken exclusively, or the address is gone
  }
}

function trySend(isOpen: boolean, socket: Socket, packet: Uint8Array, port: number, address: string): void {
  if (!isOpen) return;
  try {
    socket.send(packet, port, address, ignore);
  } catch {
    // Best effort: queries are repeated (RFC 6762 §5.2).
  }
}

function ignore(): void {}
