/** A peer that does what the test says: for requests no well-behaved agent would send, and for answers that are wrong. */
import { nodeCrypto } from '../../src/crypto/node.ts';
import type { SocketAddress } from '../../src/ice/address.ts';
import type { IceCredentials, IceRole } from '../../src/ice/index.ts';
import {
  BINDING,
  findAttribute,
  newTransactionId,
  parseStun,
  readErrorCode,
  STUN_ATTRIBUTE,
  type StunMessage,
  StunWriter,
  shortTermKeys,
} from '../../src/stun/index.ts';
import { CREDENTIALS, type Peer, type Simulation } from './simulation.ts';

const HOST_PRIORITY = 2 ** 24 * 126 + 2 ** 8 * 65535 + 255; // RFC 8445 §5.1.2.1

export type RequestOptions = {
  readonly username?: string | null;
  readonly password?: string;
  readonly role?: IceRole | null;
  readonly tieBreaker?: Uint8Array;
  readonly priority?: number | null;
  readonly useCandidate?: boolean;
  readonly integrity?: 'sha1' | 'sha256' | 'both' | 'none';
  readonly fingerprint?: boolean;
  readonly transactionId?: Uint8Array;
  readonly extra?: (writer: StunWriter) => void;
};

export class ScriptedPeer {
  readonly address: SocketAddress;
  readonly credentials: IceCredentials;
  /** What came, in order. */
  readonly received: StunMessage[] = [];
  /** How requests are answered; `null`: not at all. */
  answer: ((request: StunMessage, from: SocketAddress) => Uint8Array | null) | null = (request, from) =>
    this.success(request, from);
  readonly #simulation: Simulation;
  readonly #target: Peer;

  constructor(simulation: Simulation, target: Peer, address: SocketAddress, credentials: IceCredentials = CREDENTIALS) {
    this.#simulation = simulation;
    this.#target = target;
    this.address = address;
    this.credentials = credentials;
    simulation.bind(address, (packet, from) => {
      const message = parseStun(packet);
      if (message === null) return;
      this.received.push(message);
      const response = message.messageClass === 'request' ? this.answer?.(message, from) : null;
      if (response != null) simulation.send(response, this.address, from);
    });
  }

  get requests(): StunMessage[] {
    return this.received.filter(({ messageClass }) => messageClass === 'request');
  }

  /** The answers to our requests: `success`, or the error's code. */
  get answers(): (number | 'success')[] {
    return this.received.flatMap((message): (number | 'success')[] => {
      if (message.messageClass === 'success') return ['success'];
      return message.messageClass === 'error' ? [readErrorCode(message)!.code] : [];
    });
  }

  /** Tells the agent our credentials and, unless `candidate` is false, our address. */
  introduce({ candidate = true, priority = HOST_PRIORITY }: { candidate?: boolean; priority?: number } = {}): void {
    const { agent } = this.#target;
    agent.setRemoteCredentials(this.credentials, this.#simulation.now);
    if (!candidate) return;
    const { address, port } = this.address;
    agent.addRemoteCandidate(
      { foundation: '1', component: 1, protocol: 'udp', priority, address, port, type: 'host' },
      this.#simulation.now,
    );
  }

  /** Sends a Binding request that is right but for `options`. */
  request(to: SocketAddress, options: RequestOptions = {}): void {
    this.#simulation.send(this.encode(options), this.address, to);
  }

  encode(options: RequestOptions = {}): Uint8Array {
    const { localCredentials, role: targetRole } = this.#target.agent;
    const {
      username = `${localCredentials.usernameFragment}:${this.credentials.usernameFragment}`,
      password = localCredentials.password,
      role = targetRole === 'controlling' ? 'controlled' : 'controlling',
      tieBreaker = new Uint8Array(8).fill(0x55),
      priority = 2 ** 24 * 110 + 255,
      useCandidate = false,
      integrity = 'sha1',
      fingerprint = true,
      transactionId = newTransactionId(this.#simulation.random),
    } = options;
    const keys = shortTermKeys(nodeCrypto, password);
    const writer = new StunWriter('request', BINDING, transactionId);
    if (username !== null) writer.text(STUN_ATTRIBUTE.username, username);
    const roleType = role === 'controlling' ? STUN_ATTRIBUTE.iceControlling : STUN_ATTRIBUTE.iceControlled;
    if (role !== null) writer.attribute(roleType, tieBreaker);
    if (priority !== null) writer.uint32(STUN_ATTRIBUTE.priority, priority);
    if (useCandidate) writer.flag(STUN_ATTRIBUTE.useCandidate);
    options.extra?.(writer);
    if (integrity === 'sha1' || integrity === 'both') writer.integrity(keys.sha1);
    if (integrity === 'sha256' || integrity === 'both') writer.integrity(keys.sha256);
    if (fingerprint) writer.fingerprint();
    return writer.finish();
  }

  success(request: StunMessage, mapped: SocketAddress, password: string = this.credentials.password): Uint8Array {
    return new StunWriter('success', BINDING, request.transactionId)
      .xorAddress(STUN_ATTRIBUTE.xorMappedAddress, mapped)
      .integrity(shortTermKeys(nodeCrypto, password).sha1)
      .fingerprint()
      .finish();
  }

  error(request: StunMessage, code: number, password: string = this.credentials.password): Uint8Array {
    return new StunWriter('error', BINDING, request.transactionId)
      .errorCode(code, '')
      .integrity(shortTermKeys(nodeCrypto, password).sha1)
      .fingerprint()
      .finish();
  }
}

export function hasAttribute(message: StunMessage, type: number): boolean {
  return findAttribute(message, type) !== undefined;
}
