/** The checks of an Allocate request that need no more than the request (RFC 8656 §7.2, items 3 to 9). */
import { findAttribute, STUN_ERROR, type StunMessage } from '../stun/index.ts';
import { type AddressFamily, TURN_ATTRIBUTE, TURN_ERROR, UDP_PROTOCOL } from './registry.ts';
import { readAddressFamily, readEvenPort, readLifetime, readRequestedTransport } from './values.ts';

export type AllocateRequest = {
  /** The families of the relayed addresses wanted: two with ADDITIONAL-ADDRESS-FAMILY. */
  readonly families: readonly AddressFamily[];
  readonly evenPort: boolean;
  /** In seconds; `undefined`: not said. */
  readonly lifetime: number | undefined;
};

/** What is asked for, or the code it is refused with. */
export function readAllocateRequest(message: StunMessage, served: readonly AddressFamily[]): AllocateRequest | number {
  const transport = readRequestedTransport(message);
  if (transport === undefined || transport === null) return STUN_ERROR.badRequest;
  if (transport !== UDP_PROTOCOL) return TURN_ERROR.unsupportedTransportProtocol;
  const requested = readAddressFamily(message, TURN_ATTRIBUTE.requestedAddressFamily);
  const additional = readAddressFamily(message, TURN_ATTRIBUTE.additionalAddressFamily);
  const evenPort = readEvenPort(message);
  const lifetime = readLifetime(message);
  if (requested === null || additional === null || evenPort === null || lifetime === null) return STUN_ERROR.badRequest;
  if (findAttribute(message, TURN_ATTRIBUTE.reservationToken) !== undefined) {
    const isAlone = evenPort === undefined && requested === undefined && additional === undefined;
    return isAlone ? TURN_ERROR.insufficientCapacity : STUN_ERROR.badRequest; // we make no reservations
  }
  if (requested !== undefined && additional !== undefined) return STUN_ERROR.badRequest;
  if (additional !== undefined && additional !== 6) return STUN_ERROR.badRequest; // "0x02 … is the only valid value"
  if (requested === 'unknown') return TURN_ERROR.addressFamilyNotSupported;
  const families: readonly AddressFamily[] = additional === 6 ? [4, 6] : [requested ?? 4];
  if (!families.some((family) => served.includes(family))) return TURN_ERROR.addressFamilyNotSupported;
  if (evenPort?.reserveNext) return additional ? STUN_ERROR.badRequest : TURN_ERROR.insufficientCapacity;
  return { families, evenPort: evenPort !== undefined, lifetime };
}
