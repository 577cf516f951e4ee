/** Requests made by hand, for what no client of ours would send. */
import { nodeCrypto } from '../../src/crypto/node.ts';
import {
  findAttribute,
  newTransactionId,
  parseStun,
  readErrorCode,
  readText,
  STUN_ATTRIBUTE,
  type StunMessage,
  StunWriter,
} from '../../src/stun/index.ts';
import { longTermKey, TURN_ATTRIBUTE, TURN_METHOD, type TurnFlow } from '../../src/turn/index.ts';
import { USERS, type World } from './world.ts';

export const FLOW: TurnFlow = {
  id: 'udp 192.0.2.44:7000',
  transport: 'udp',
  remote: { address: '192.0.2.44', port: 7000 },
};

export type Proof = { username?: string; realm?: string; nonce?: string; password?: string };

/** The server's answer to a packet. */
export function ask(world: World, packet: Uint8Array, flow: TurnFlow = FLOW): StunMessage | null {
  const before = world.answers.length;
  world.toServer(packet.slice(), flow);
  const answer = world.answers[before];
  return answer === undefined ? null : parseStun(answer.packet);
}

export function codeOf(answer: StunMessage | null): number | null {
  if (answer === null) return null;
  return answer.messageClass === 'success' ? 200 : (readErrorCode(answer)?.code ?? null);
}

/** A nonce that is good for this flow now. */
export function nonceFor(world: World, flow: TurnFlow = FLOW): string {
  const answer = ask(
    world,
    new StunWriter('request', TURN_METHOD.allocate, newTransactionId(world.random)).finish(),
    flow,
  );
  return readText(answer!, STUN_ATTRIBUTE.nonce)!;
}

/** A request with MD5 credentials, as browsers make it. */
export function signed(
  world: World,
  method: number,
  write: (writer: StunWriter) => unknown = () => {},
  { username = 'alice', realm = 'example.org', nonce, password }: Proof = {},
): Uint8Array {
  const writer = new StunWriter('request', method, newTransactionId(world.random));
  write(writer);
  writer.text(STUN_ATTRIBUTE.username, username).text(STUN_ATTRIBUTE.realm, realm);
  writer.text(STUN_ATTRIBUTE.nonce, nonce ?? nonceFor(world));
  const key = longTermKey(nodeCrypto, 'md5', username, realm, password ?? USERS[username] ?? 'none');
  return writer.integrity(nodeCrypto.hmac('sha1', key)).finish().slice();
}

export const UDP_TRANSPORT: Uint8Array = Uint8Array.of(17, 0, 0, 0);

/** An Allocate request as it should be. */
export function allocate(
  world: World,
  write: (writer: StunWriter) => unknown = () => {},
  proof: Proof = {},
): Uint8Array {
  return signed(
    world,
    TURN_METHOD.allocate,
    (writer) => {
      writer.attribute(TURN_ATTRIBUTE.requestedTransport, UDP_TRANSPORT);
      write(writer);
    },
    proof,
  );
}

export function unsigned(world: World, method: number, write: (writer: StunWriter) => unknown = () => {}): Uint8Array {
  const writer = new StunWriter('request', method, newTransactionId(world.random));
  write(writer);
  return writer.finish().slice();
}

export function has(answer: StunMessage | null, type: number): boolean {
  return answer !== null && findAttribute(answer, type) !== undefined;
}
