/** Which ports a socket tries, and what is a valid request. */
import { addressFamily, type SocketAddress } from '../ice/address.ts';
import { type RandomSource, randomUint32 } from '../machine.ts';
import type { UdpOptions } from './runtime.ts';

/** Where a socket is to be bound. */
type BindOptions = Pick<UdpOptions, 'address' | 'port' | 'portRange'>;

/** @throws RangeError saying what was expected and what came */
export function checkBindOptions({ address, port, portRange }: BindOptions): void {
  if (addressFamily(address) === 0) throw new RangeError(`address: an IP literal expected, got '${address}'`);
  if (port !== undefined && !isPort(port)) throw new RangeError(`port: 0–65535 expected, got ${port}`);
  if (portRange === undefined) return;
  const { min, max } = portRange;
  if (!isPort(min) || !isPort(max) || min < 1 || min > max) {
    throw new RangeError(`portRange: 1 ≤ min ≤ max ≤ 65535 expected, got ${min}–${max}`);
  }
}

/** @throws RangeError saying what was expected and what came */
export function checkRemote({ address, port }: SocketAddress): void {
  if (addressFamily(address) === 0) throw new RangeError(`remote: an IP literal expected, got '${address}'`);
  if (!isPort(port) || port === 0) throw new RangeError(`remote: a port of 1–65535 expected, got ${port}`);
}

/** The ports to try, in order: the one asked for, or each of the range once from a random start (RFC 6056 §3.3.2). */
export function* candidatePorts({ port, portRange }: BindOptions, random: RandomSource): Generator<number> {
  if (portRange === undefined) return yield port ?? 0;
  const size = portRange.max - portRange.min + 1;
  const start = randomUint32(random) % size;
  for (let i = 0; i < size; i++) yield portRange.min + ((start + i) % size);
}

/** Whether the next port of a range is worth trying after this error. */
export function isPortTaken(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'EADDRINUSE' || code === 'EACCES'; // EACCES: a reserved port among free ones
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}
