/** Where relays are bound, and what peers are told of it. */
import type { NetworkInterface } from '../../runtime/runtime.ts';
import { addressFamily, canonicalAddress, isUnspecified } from '../../stun/index.ts';
import { type AddressFamily, PeerPolicy } from '../../turn/index.ts';
import type { TurnServiceOptions } from './options.ts';

export type RelayAddress = {
  readonly family: AddressFamily;
  /** Told to clients and peers. */
  readonly public: string;
  /** Of this machine; unspecified where the system chooses. */
  readonly bind: string;
};

const ANY = { 4: '0.0.0.0', 6: '::' } as const;
const FAMILIES = [4, 6] as const;

/**
 * @throws TypeError for a public address that is none
 * @throws Error when there is no address to give out
 */
export function relayAddressesOf(
  { publicAddresses, listen }: Pick<TurnServiceOptions, 'publicAddresses' | 'listen'>,
  interfaces: readonly NetworkInterface[],
): RelayAddress[] {
  const given = publicAddresses?.map(checkPublicAddress);
  const found = FAMILIES.flatMap((family): RelayAddress[] => {
    const listening = listen
      .map(({ address }) => address)
      .filter((address) => addressFamily(address) === family)
      .map((address) => canonicalAddress(address)!);
    if (listening.length === 0 && given === undefined) return [];
    const specific = [...new Set(listening.filter((address) => !isUnspecified(address)))];
    const own = interfaces.filter((one) => one.family === family).map(({ address }) => address);
    const candidates = given?.filter((address) => addressFamily(address) === family);
    if (candidates !== undefined && candidates.length > 1) {
      throw new TypeError(`publicAddresses: at most one of each family expected, got ${candidates.join(' and ')}`);
    }
    const address = candidates === undefined ? (specific[0] ?? detect(interfaces, family)) : candidates[0];
    if (address === undefined) return [];
    const bind = own.includes(address) ? address : specific.length === 1 ? specific[0]! : ANY[family];
    return [{ family, public: address, bind }];
  });
  if (found.length === 0) {
    throw new Error('no address found that peers could reach this machine at: name it in publicAddresses');
  }
  return found;
}

/** Whether the Internet cannot reach that address. */
export function isPrivate(address: string): boolean {
  return !new PeerPolicy().allows(address);
}

function checkPublicAddress(address: string): string {
  const canonical = canonicalAddress(address);
  if (canonical === null) throw new TypeError(`publicAddresses: IP literals expected, got '${address}'`);
  if (isUnspecified(canonical)) {
    throw new TypeError(`publicAddresses: ${canonical} means any address; the one that peers are to use is expected`);
  }
  return canonical;
}

/** One of the Internet before a private one; never loopback, which is nobody's but ours, nor what is to change soon. */
function detect(interfaces: readonly NetworkInterface[], family: AddressFamily): string | undefined {
  const candidates = interfaces
    .filter((one) => one.family === family && !one.internal && !one.linkLocal && !one.temporary)
    .map(({ address }) => address);
  return candidates.find((address) => !isPrivate(address)) ?? candidates[0];
}
