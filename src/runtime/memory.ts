/**
 * The runtime in memory: a whole network with addresses, NATs and bad wires, a virtual clock, and everything random
 * from one seed. `Host` is a `Runtime`; `Host.bind` is the same for tests without promises.
 *
 * @example
 * const network = new MemoryNetwork({ seed: 1 });
 * const nat = network.addNat({ kind: 'portRestricted', address: '203.0.113.1' });
 * const alice = network.addHost({ addresses: ['192.168.0.2'], nat, link: { delayMs: 20, lossRate: 0.01 } });
 */
export type { Attachment } from './memory/attachment.ts';
export type { Host } from './memory/host.ts';
export type { BurstLoss, Link, LinkDrop, LinkOptions } from './memory/link.ts';
export type { Nat, NatKind, NatOptions } from './memory/nat.ts';
export {
  type Fate,
  type HostOptions,
  type InterfaceOptions,
  MemoryNetwork,
  type MemoryNetworkOptions,
  type PacketTrace,
} from './memory/network.ts';
export { SeededRandom } from './memory/seeded-random.ts';
export type { UdpSocket } from './runtime.ts';
