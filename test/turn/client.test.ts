/** The client against answers that no good server gives, and against challenges of all kinds. */
import { describe, expect, test } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import {
  findAttribute,
  integrityAlgorithm,
  newTransactionId,
  parseStun,
  readPasswordAlgorithms,
  STUN_ATTRIBUTE,
  type StunMessage,
  StunWriter,
} from '../../src/stun/index.ts';
import {
  longTermKey,
  nonceCookie,
  TURN_ATTRIBUTE,
  TURN_METHOD,
  TurnClient,
  type TurnClientEvent,
  type TurnClientOptions,
} from '../../src/turn/index.ts';
import { seededRandom } from '../crypto/seeded-random.ts';
import { Client, PEER, World } from './world.ts';

const RELAYED = { address: '203.0.113.1', port: 50_000 };
const MAPPED = { address: '192.0.2.33', port: 6000 };
const KEY = nodeCrypto.hmac('sha1', longTermKey(nodeCrypto, 'md5', 'alice', 'example.org', 'wonderland'));

/** A client whose server is the test. */
class Script {
  now = 0;
  readonly sent: StunMessage[] = [];
  readonly events: TurnClientEvent[] = [];
  readonly random = seededRandom(7);
  readonly client: TurnClient;

  constructor(options: Partial<TurnClientOptions> = {}) {
    this.client = new TurnClient(
      { crypto: nodeCrypto, random: this.random, username: 'alice', password: 'wonderland', ...options },
      { transmit: (packet) => this.sent.push(parseStun(packet.slice())!), event: (event) => this.events.push(event) },
    );
    this.client.start(0);
  }

  get last(): StunMessage {
    return this.sent.at(-1)!;
  }

  answer(
    messageClass: 'success' | 'error',
    write: (writer: StunWriter) => unknown,
    key: typeof KEY | null = KEY,
  ): void {
    const writer = new StunWriter(messageClass, this.last.method, this.last.transactionId);
    write(writer);
    if (key !== null) writer.integrity(key);
    this.client.handlePacket(writer.finish().slice(), this.now);
  }

  challenge(code = 401, nonce = 'once', write: (writer: StunWriter) => unknown = () => {}): void {
    this.answer(
      'error',
      (writer) =>
        write(writer.errorCode(code, '').text(STUN_ATTRIBUTE.realm, 'example.org').text(STUN_ATTRIBUTE.nonce, nonce)),
      null,
    );
  }

  allocated(key: typeof KEY | null = KEY): void {
    this.answer('success', (writer) => success(writer), key);
  }
}

function success(writer: StunWriter): unknown {
  writer.xorAddress(TURN_ATTRIBUTE.xorRelayedAddress, RELAYED).uint32(TURN_ATTRIBUTE.lifetime, 600);
  return writer.xorAddress(STUN_ATTRIBUTE.xorMappedAddress, MAPPED);
}

const has = (message: StunMessage, type: number): boolean => findAttribute(message, type) !== undefined;

describe('RFC 8489 §9.2: credentials', () => {
  test('§9.2.3.1: the first request has none', () => {
    const { last } = new Script();
    for (const type of [STUN_ATTRIBUTE.username, STUN_ATTRIBUTE.realm, STUN_ATTRIBUTE.nonce])
      expect(has(last, type)).toBe(false);
    expect(integrityAlgorithm(last)).toBeNull();
  });

  test('an old server is answered with MD5 and MESSAGE-INTEGRITY', () => {
    const script = new Script();
    script.challenge();
    expect(integrityAlgorithm(script.last)).toBe('sha1');
    expect(has(script.last, STUN_ATTRIBUTE.passwordAlgorithms)).toBe(false);
    script.allocated();
    expect(script.events).toEqual([{ kind: 'allocated', relayed: RELAYED, mapped: MAPPED, lifetimeMs: 600_000 }]);
  });

  test('§9.2.5: the first algorithm of the list that we know, and MESSAGE-INTEGRITY-SHA256 only', () => {
    const script = new Script();
    const none = new Uint8Array(0);
    const list = [9, 2, 1].map((algorithm) => ({ algorithm, parameters: none }));
    const nonce = `${nonceCookie({ passwordAlgorithms: true, usernameAnonymity: false })}x`;
    script.challenge(401, nonce, (w) => w.passwordAlgorithms(STUN_ATTRIBUTE.passwordAlgorithms, list));
    expect(integrityAlgorithm(script.last)).toBe('sha256');
    expect(readPasswordAlgorithms(script.last, STUN_ATTRIBUTE.passwordAlgorithms)).toEqual(list);
    expect(readPasswordAlgorithms(script.last, STUN_ATTRIBUTE.passwordAlgorithm)).toEqual([list[1]]);
    const key = longTermKey(nodeCrypto, 'sha256', 'alice', 'example.org', 'wonderland');
    script.allocated(nodeCrypto.hmac('sha1', key)); // the right key, the weaker proof
    expect(script.events).toEqual([]);
    script.allocated(nodeCrypto.hmac('sha256', key));
    expect(script.events).toHaveLength(1);
  });

  test('§9.2.1: a nonce that promises a list that is not there ends it: somebody took it out', () => {
    const script = new Script();
    script.challenge(401, `${nonceCookie({ passwordAlgorithms: true, usernameAnonymity: false })}x`);
    expect(script.events).toMatchObject([{ kind: 'failed', code: 401 }]);
    expect(script.sent).toHaveLength(1);
  });

  test('a list of none that we know ends it', () => {
    const script = new Script();
    const list = [{ algorithm: 9, parameters: new Uint8Array(0) }];
    script.challenge(401, 'once', (w) => w.passwordAlgorithms(STUN_ATTRIBUTE.passwordAlgorithms, list));
    expect(script.events).toMatchObject([{ kind: 'failed', code: 401 }]);
  });

  test('a second 401 for the same realm is the end: the password is wrong', () => {
    const script = new Script();
    script.challenge();
    script.challenge(401, 'twice');
    expect(script.events).toMatchObject([{ kind: 'failed', code: 401 }]);
    expect(script.sent).toHaveLength(2);
    expect(script.client.nextTimeout).toBe(Infinity);
  });

  test('a server that finds every nonce stale is asked a few times, not for ever', () => {
    const script = new Script();
    script.challenge();
    for (let i = 0; i < 20; i++) script.challenge(438, `nonce ${i}`);
    expect(script.events).toMatchObject([{ kind: 'failed', code: 438 }]);
    expect(script.sent).toHaveLength(5);
  });

  test('without a username a challenge is the end', () => {
    const script = new Script({ username: '' });
    script.challenge();
    expect(script.events).toMatchObject([{ kind: 'failed', code: 401 }]);
  });
});

describe('answers that are not believed', () => {
  const forged = nodeCrypto.hmac('sha1', new Uint8Array(16));

  test.each([
    ['without integrity', null],
    ['with that of another key', forged],
  ])('%s: over UDP as if they had not come, and the timeout says so', (_, key) => {
    const script = new Script();
    script.challenge();
    script.allocated(key);
    script.answer('error', (w) => w.errorCode(486, 'Allocation Quota Reached'), key);
    expect(script.events).toEqual([]);
    for (let i = 0; i < 8; i++) script.client.handleTimeout(script.client.nextTimeout);
    expect(script.events).toMatchObject([{ kind: 'failed', code: 408 }]);
    expect((script.events[0] as { text: string }).text).toContain('486');
  });

  test('over a stream they are the end', () => {
    const script = new Script({ transport: 'tls' });
    script.challenge();
    script.allocated(forged);
    expect(script.events).toMatchObject([{ kind: 'failed', code: 408 }]);
  });

  test('to nothing asked, of another method, with a wrong FINGERPRINT', () => {
    const script = new Script();
    script.challenge();
    const { transactionId } = script.last;
    const packets = [
      success_(new StunWriter('success', TURN_METHOD.allocate, newTransactionId(script.random)))
        .integrity(KEY)
        .finish(),
      success_(new StunWriter('success', TURN_METHOD.refresh, transactionId))
        .integrity(KEY)
        .finish(),
      success_(new StunWriter('success', TURN_METHOD.allocate, transactionId))
        .integrity(KEY)
        .fingerprint()
        .finish(),
    ];
    packets[2]![packets[2]!.length - 1]! ^= 1;
    for (const packet of packets) script.client.handlePacket(packet.slice(), 0);
    expect(script.events).toEqual([]);
  });

  test('a success without its addresses or lifetime is a failure', () => {
    const script = new Script();
    script.challenge();
    script.answer('success', (w) => w.uint32(TURN_ATTRIBUTE.lifetime, 600));
    expect(script.events).toMatchObject([{ kind: 'failed', code: 0 }]);
  });

  test('RFC 8656 §7.3: an address of another family than asked for is given back', () => {
    const script = new Script({ family: 6 });
    script.challenge();
    script.allocated();
    expect(script.events).toMatchObject([{ kind: 'failed', code: 440 }]);
    expect(script.last.method).toBe(TURN_METHOD.refresh);
  });
});

describe('both families', () => {
  test.each([400, 420, 440, 508])('a server that answers %i to that is asked for what it has', (code) => {
    const script = new Script({ family: 'both' });
    script.challenge();
    expect(findAttribute(script.last, TURN_ATTRIBUTE.additionalAddressFamily)?.value).toEqual(
      Uint8Array.of(2, 0, 0, 0),
    );
    script.answer('error', (w) => w.errorCode(code, 'because'));
    expect(script.last.method).toBe(TURN_METHOD.allocate);
    expect(findAttribute(script.last, TURN_ATTRIBUTE.additionalAddressFamily)).toBe(undefined);
    script.allocated();
    expect(script.events).toMatchObject([{ kind: 'allocated' }]);
    expect(script.events[0]).not.toHaveProperty('alsoRelayed');
  });

  test('a server that knows nothing of that gives one, and peers of the other family are not sent to', () => {
    const script = new Script({ family: 'both' });
    script.challenge();
    script.allocated();
    expect(script.client.send(new Uint8Array(3), { address: '2001:db8::1', port: 9 }, script.now)).toBe(false);
  });
});

function success_(writer: StunWriter): StunWriter {
  success(writer);
  return writer;
}

describe('errors', () => {
  test.each([400, 403, 437, 440, 442, 486, 500, 508])('%i to the Allocate request', (code) => {
    const script = new Script();
    script.challenge();
    script.answer('error', (w) => w.errorCode(code, 'because'));
    expect(script.events).toEqual([{ kind: 'failed', code, text: 'because' }]);
    expect(script.client.state).toBe('failed');
    expect(script.client.nextTimeout).toBe(Infinity);
  });

  test('300 says whom to ask instead, also before the challenge', () => {
    const alternateServer = { address: '192.0.2.200', port: 3479 };
    const script = new Script();
    script.answer('error', (w) => w.errorCode(300, '').address(STUN_ATTRIBUTE.alternateServer, alternateServer), null);
    expect(script.events).toEqual([{ kind: 'failed', code: 300, text: 'Try Alternate', alternateServer }]);
  });

  test('a peer that is out of bounds is told, and not asked for again', () => {
    const world = new World();
    const client = new Client(world).allocate();
    const peer = { address: '10.0.0.1', port: 9 };
    expect(client.send('one', peer)).toBe(true); // it waits
    world.run(1000);
    expect(client.events.at(-1)).toMatchObject({ kind: 'peerRefused', address: '10.0.0.1', code: 403 });
    const before = client.sent.length;
    expect(client.send('two', peer)).toBe(false);
    expect(client.sent).toHaveLength(before);
    expect(client.machine.state).toBe('allocated');
  });

  test('the stream breaks, or is none', () => {
    const world = new World();
    const lost = new Client(world, { transport: 'tcp' }).allocate();
    lost.machine.connectionLost(world.now);
    expect(lost.failure).toMatchObject({ code: 0 });
    const strange = new Client(world, { transport: 'tcp' }).allocate();
    strange.machine.handlePacket(new TextEncoder().encode('SSH-2.0-OpenSSH\r\n'), world.now);
    expect(strange.failure).toMatchObject({ code: 0 });
    expect(strange.machine.nextTimeout).toBe(Infinity);
  });
});

describe('what comes from the relay', () => {
  const dataIndication = (
    random: { fill(target: Uint8Array): void },
    write: (writer: StunWriter) => unknown,
  ): Uint8Array => {
    const writer = new StunWriter('indication', TURN_METHOD.data, newTransactionId(random));
    write(writer);
    return writer.finish().slice();
  };

  test('RFC 8656 §11.4: only from addresses we asked to be let through', () => {
    const world = new World();
    const client = new Client(world).allocate();
    const give = (address: string): void => {
      const packet = dataIndication(world.random, (w) =>
        w
          .xorAddress(TURN_ATTRIBUTE.xorPeerAddress, { address, port: 1 })
          .attribute(TURN_ATTRIBUTE.data, Uint8Array.of(33)),
      );
      client.machine.handlePacket(packet, world.now);
    };
    give(PEER.address);
    client.machine.permit(PEER.address, world.now);
    give('198.51.100.8');
    expect(client.data).toEqual([]);
    expect(client.machine.stats.unexpectedData).toBe(2);
    give(PEER.address); // may overtake the answer
    expect(client.data).toEqual(['!']);
    client.machine.handlePacket(Uint8Array.of(0x40, 0x05, 0, 1, 33), world.now); // a channel nobody bound
    client.machine.handlePacket(Uint8Array.of(0x40, 0x00, 0, 9, 33), world.now); // shorter than it says
    expect(client.machine.stats).toMatchObject({ unexpectedData: 3, malformedPackets: 1 });
  });

  test('RFC 8656 §11.6: an ICMP error', () => {
    const world = new World();
    const client = new Client(world).allocate();
    client.machine.permit(PEER.address, world.now);
    const packet = dataIndication(world.random, (w) =>
      w
        .xorAddress(TURN_ATTRIBUTE.xorPeerAddress, PEER)
        .attribute(TURN_ATTRIBUTE.icmp, Uint8Array.of(0, 0, 3, 4, 0, 0, 5, 0xdc)),
    );
    client.machine.handlePacket(packet, world.now);
    expect(client.events.at(-1)).toEqual({
      kind: 'peerUnreachable',
      peer: PEER,
      icmp: { type: 3, code: 4, errorData: 1500 },
    });
  });

  test('whatever it is: every truncation of what a server sends', () => {
    const world = new World();
    const client = new Client(world).allocate();
    client.send('one');
    world.run(100);
    world.fromPeer(Uint8Array.of(1, 2, 3), client.machine.relayed!);
    world.run(100);
    const count = client.events.length;
    for (const { packet } of world.answers) {
      for (let length = 0; length < packet.length; length++) {
        client.machine.handlePacket(packet.slice(0, length), world.now);
      }
    }
    expect(client.machine.state).toBe('allocated');
    expect(client.events).toHaveLength(count);
  });
});

describe('bounds', () => {
  test('permissions: 128 addresses', () => {
    const world = new World();
    const client = new Client(world).allocate();
    const sends = Array.from({ length: 130 }, (_, i) => client.machine.permit(`198.51.100.${i + 1}`, world.now));
    expect(sends.filter((taken) => taken)).toHaveLength(128);
    world.run(600_000);
    expect(client.machine.permit('198.51.100.200', world.now)).toBe(true);
  });

  test('packets that wait for a permission: the newest 8', () => {
    const world = new World();
    const client = new Client(world).allocate();
    for (let i = 0; i < 20; i++) client.send(String(i));
    world.run(100);
    expect(world.received.map(({ packet }) => Number(new TextDecoder().decode(packet)))).toEqual([
      12, 13, 14, 15, 16, 17, 18, 19,
    ]);
  });

  test('channels: 64 peers, the others by indications', () => {
    const world = new World();
    const client = new Client(world).allocate();
    for (let round = 0; round < 2; round++) {
      for (let port = 1; port <= 66; port++) {
        client.send('x', { address: PEER.address, port });
        world.run(30);
      }
    }
    const binds = client.sent.filter((packet) => parseStun(packet)?.method === TURN_METHOD.channelBind);
    expect(binds).toHaveLength(64);
    expect(world.received).toHaveLength(132);
  });

  test('options that make no sense are refused', () => {
    expect(() => new Script({ username: 'x'.repeat(509) })).toThrow(RangeError);
    expect(() => new Script({ lifetimeSeconds: 0 })).toThrow(RangeError);
  });
});
