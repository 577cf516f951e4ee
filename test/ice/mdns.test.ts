import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DNS_TYPE,
  encodeMdnsQuery,
  encodeMdnsResponse,
  isMdnsName,
  MDNS_TTL_SECONDS,
  parseMdnsMessage,
} from '../../src/ice/mdns-message.ts';
import { MdnsResolver } from '../../src/ice/mdns-resolver.ts';
import { MdnsResponder } from '../../src/ice/mdns-responder.ts';
import { SeededRandom } from '../../src/runtime/memory.ts';

const NAME = '0f3a7c1e-52b0-4f55-9d0a-7f1b2f6c9a11.local';
const ASKER = { address: '192.0.2.9', port: 5353 };

/** A response with addresses, as another implementation would send it. */
function told(name: string, ...addresses: string[]): Uint8Array {
  return encodeMdnsResponse({ name, answers: addresses.map((address) => ({ kind: 'address', address })) });
}

function makeResolver() {
  const sent: Uint8Array[] = [];
  const resolved: [string, readonly string[] | null][] = [];
  const resolver = new MdnsResolver({
    transmit: (message) => sent.push(message),
    resolved: (name, addresses) => resolved.push([name, addresses]),
  });
  return { resolver, sent, resolved };
}

function makeResponder() {
  const sent: [Uint8Array, typeof ASKER | null][] = [];
  const responder = new MdnsResponder(new SeededRandom(7), { transmit: (message, to) => sent.push([message, to]) });
  return { responder, sent };
}

describe('messages', () => {
  test('a query asks for both families, and for a unicast answer when told so', () => {
    const message = parseMdnsMessage(encodeMdnsQuery(NAME, true));
    expect(message?.isResponse).toBe(false);
    expect(message?.questions).toEqual([
      { name: NAME, type: DNS_TYPE.a, unicastResponse: true },
      { name: NAME, type: DNS_TYPE.aaaa, unicastResponse: true },
    ]);
  });

  test('a response carries addresses of both families', () => {
    const message = parseMdnsMessage(told(NAME, '192.0.2.1', '2001:db8::1'));
    expect(message?.isResponse).toBe(true);
    expect(message?.answers).toEqual([
      { name: NAME, address: '192.0.2.1', ttlSeconds: MDNS_TTL_SECONDS },
      { name: NAME, address: '2001:db8::1', ttlSeconds: MDNS_TTL_SECONDS },
    ]);
  });

  test('RFC 6763 §4.3: a dot within a label is told from one between labels', () => {
    const query = encodeMdnsQuery('ab.local', false, [DNS_TYPE.a]);
    query.set(new TextEncoder().encode('.'), 14); // the b
    expect(parseMdnsMessage(query)?.questions[0]?.name).toBe('a\\..local');
  });

  test('RFC 1035 §4.1.4: a compressed name is followed', () => {
    const query = encodeMdnsQuery('a.local', false);
    // The second question's name becomes a pointer to the first one's, at offset 12.
    const compressed = Uint8Array.of(...query.subarray(0, 25), 0xc0, 12, ...query.subarray(34));
    expect(parseMdnsMessage(compressed)?.questions.map(({ name }) => name)).toEqual(['a.local', 'a.local']);
  });

  test('a pointer that runs in a circle ends the parsing', () => {
    const looped = Uint8Array.of(0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1);
    expect(parseMdnsMessage(looped)).toBeNull();
  });

  test('every truncation of a response is refused', () => {
    const response = told(NAME, '192.0.2.1', '2001:db8::1');
    for (let length = 0; length < response.length; length++) {
      expect(parseMdnsMessage(response.slice(0, length))).toBeNull();
    }
  });

  test('no flipped byte and no random bytes throw', () => {
    const response = told(NAME, '192.0.2.1');
    for (let at = 0; at < response.length; at++) {
      for (const mask of [1, 0x80, 0xff]) {
        const flipped = response.slice();
        flipped[at] = (flipped[at] as number) ^ mask;
        parseMdnsMessage(flipped);
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseMdnsMessage(bytes)));
  });

  test('only single labels under .local are looked up', () => {
    expect(isMdnsName(NAME)).toBe(true);
    for (const name of ['example.org', 'a.b.local', '.local', 'local', 'a local.local', `${'a'.repeat(64)}.local`]) {
      expect(isMdnsName(name)).toBe(false);
    }
  });
});

describe('resolver', () => {
  test('asks once, and tells the address that was answered', () => {
    const { resolver, sent, resolved } = makeResolver();
    resolver.resolve(NAME.toUpperCase(), 0);
    resolver.resolve(NAME, 1);
    expect(sent).toHaveLength(1);
    resolver.handlePacket(told(NAME, '192.0.2.1'), ASKER, 5);
    expect(resolved).toEqual([[NAME, ['192.0.2.1']]]);
    expect(resolver.nextTimeout).toBe(Infinity);
  });

  test('asks three times, then gives up', () => {
    const { resolver, sent, resolved } = makeResolver();
    resolver.resolve(NAME, 0);
    const times: number[] = [];
    while (resolver.nextTimeout < Infinity) {
      times.push(resolver.nextTimeout);
      resolver.handleTimeout(resolver.nextTimeout);
    }
    expect(times).toEqual([1000, 3000, 5000]);
    expect(sent).toHaveLength(3);
    expect(resolved).toEqual([[NAME, null]]);
  });

  test('remembers an answer for its time to live', () => {
    const { resolver, sent, resolved } = makeResolver();
    resolver.resolve(NAME, 0);
    resolver.handlePacket(told(NAME, '192.0.2.1'), ASKER, 0);
    resolver.resolve(NAME, 119_999);
    expect(sent).toHaveLength(1);
    expect(resolved).toHaveLength(2);
    resolver.resolve(NAME, 120_000);
    expect(sent).toHaveLength(2);
  });

  test('an answer nobody asked for changes nothing', () => {
    const { resolver, sent, resolved } = makeResolver();
    resolver.handlePacket(told(NAME, '203.0.113.66'), ASKER, 0);
    resolver.resolve(NAME, 1);
    expect(resolved).toEqual([]);
    expect(sent).toHaveLength(1);
  });

  test('refuses names that are not .local, and more names than it has room for', () => {
    const { resolver, sent, resolved } = makeResolver();
    resolver.resolve('example.org', 0);
    for (let i = 0; i < 65; i++) resolver.resolve(`host-${i}.local`, 0);
    expect(resolved.map(([name]) => name)).toEqual(['example.org', 'host-64.local']);
    expect(sent).toHaveLength(64);
  });

  test('RFC 6762 §15.1: never asks for a unicast answer, which may go to another program', () => {
    const { resolver, sent } = makeResolver();
    resolver.resolve(NAME, 0);
    resolver.handleTimeout(resolver.nextTimeout);
    const questions = sent.flatMap((query) => parseMdnsMessage(query)!.questions);
    expect(questions.map(({ unicastResponse }) => unicastResponse)).toEqual([false, false, false, false]);
  });

  test('RFC 6762 §6: a response from another port than 5353 is ignored', () => {
    const { resolver, resolved } = makeResolver();
    resolver.resolve(NAME, 0);
    resolver.handlePacket(told(NAME, '203.0.113.66'), { ...ASKER, port: 5354 }, 1);
    expect(resolved).toEqual([]);
    expect(resolver.stats.messagesDropped).toBe(1);
  });

  test('RFC 6762 §10.1: a record of no life makes us ask again', () => {
    const { resolver, sent } = makeResolver();
    resolver.resolve(NAME, 0);
    resolver.handlePacket(told(NAME, '192.0.2.1'), ASKER, 0);
    const goodbye = told(NAME, '192.0.2.1');
    goodbye.set([0, 0, 0, 0], goodbye.length - 10);
    resolver.handlePacket(goodbye, ASKER, 1);
    resolver.resolve(NAME, 2);
    expect(sent).toHaveLength(2);
  });
});

/** Who was told what; questions and data in the order they stand in. */
function transcript(sent: [Uint8Array, typeof ASKER | null][]) {
  return sent.map(([message, to]) => ({ to, ...parseMdnsMessage(message)! }));
}

describe('responder', () => {
  const QUERY = { qm: false, qu: true } as const;
  const { a, aaaa, any, nsec } = DNS_TYPE;

  test('answers for its own names, and the resolver understands', () => {
    const { responder, sent } = makeResponder();
    const name = responder.register('192.0.2.1')!;
    expect(isMdnsName(name)).toBe(true);
    responder.handlePacket(encodeMdnsQuery(name), ASKER, 0);
    expect(sent.map(([, to]) => to)).toEqual([null]);
    const { resolver, resolved } = makeResolver();
    resolver.resolve(name, 0);
    resolver.handlePacket(sent[0]![0], ASKER, 1);
    expect(resolved).toEqual([[name, ['192.0.2.1']]]);
  });

  test('RFC 6762 §6: a record "MUST NOT" be multicast again within a second', () => {
    const { responder, sent } = makeResponder();
    const name = responder.register('192.0.2.1')!;
    for (const now of [0, 500, 999, 1000]) responder.handlePacket(encodeMdnsQuery(name), ASKER, now);
    expect(sent).toHaveLength(2);
  });

  test('RFC 6762 §5.4: a unicast answer only where the record was multicast within 30 s', () => {
    const { responder, sent } = makeResponder();
    const name = responder.register('192.0.2.1')!;
    for (const now of [0, 1, 29_999, 30_000]) responder.handlePacket(encodeMdnsQuery(name, QUERY.qu), ASKER, now);
    expect(sent.map(([, to]) => to)).toEqual([null, ASKER, ASKER, null]);
  });

  test('RFC 6762 §6: a probe is answered at once', () => {
    const { responder, sent } = makeResponder();
    const name = responder.register('192.0.2.1')!;
    const probe = (unicastResponse: boolean): Uint8Array => {
      const query = encodeMdnsQuery(name, unicastResponse, [any]);
      query[9] = 1; // one record in the authority section: the question's head serves as its own, with a life and no data
      return Uint8Array.of(...query, ...query.subarray(12), 0, 0, 0, 120, 0, 0);
    };
    responder.handlePacket(probe(QUERY.qu), ASKER, 0);
    for (const now of [0, 249, 250]) responder.handlePacket(probe(QUERY.qm), ASKER, now);
    expect(sent.map(([, to]) => to)).toEqual([ASKER, null, null]);
  });

  test('RFC 6762 §6.1: a question for a type we lack is answered with the types there are', () => {
    const { responder, sent } = makeResponder();
    const [four, six] = [responder.register('192.0.2.1')!, responder.register('2001:db8::1')!];
    responder.handlePacket(encodeMdnsQuery(four, QUERY.qm, [aaaa]), ASKER, 0);
    responder.handlePacket(encodeMdnsQuery(six, QUERY.qm, [a]), ASKER, 0);
    // Behind the owner's name: NSEC, of a next name that points to it, block 0, and bits (A is 1, AAAA 28).
    const record = (bits: number[]) => [
      0,
      nsec,
      0x80,
      1,
      0,
      0,
      0,
      120,
      0,
      4 + bits.length,
      0xc0,
      12,
      0,
      bits.length,
      ...bits,
    ];
    for (const [index, bits] of [[0x40], [0, 0, 0, 0x08]].entries()) {
      const start = 12 + four.length + 2;
      expect([...sent[index]![0].subarray(start, start + 14 + bits.length)]).toEqual(record(bits));
    }
    expect(
      transcript(sent).map(({ answers, additionals }) => [answers, additionals.map(({ address }) => address)]),
    ).toEqual([
      [[], ['192.0.2.1']],
      [[], ['2001:db8::1']],
    ]);
  });

  test('RFC 6762 §6.2: what is not asked for goes along, so that it need not be', () => {
    const { responder, sent } = makeResponder();
    const name = responder.register('192.0.2.1')!;
    responder.handlePacket(encodeMdnsQuery(name, QUERY.qm, [a]), ASKER, 0);
    const [, , , , , , , answers, , , , additionals] = sent[0]![0];
    expect([answers, additionals]).toEqual([1, 1]);
  });

  test('RFC 6762 §7.1: what the asker knows, and will for a minute, is not answered', () => {
    const { responder, sent } = makeResponder();
    const name = responder.register('192.0.2.1')!;
    const known = (ttlSeconds: number): Uint8Array => {
      const query = encodeMdnsQuery(name, QUERY.qm, [a]);
      query[7] = 1;
      return Uint8Array.of(...query, 0xc0, 12, 0, a, 0, 1, 0, 0, 0, ttlSeconds, 0, 4, 192, 0, 2, 1);
    };
    responder.handlePacket(known(60), ASKER, 0);
    expect(sent).toHaveLength(0);
    responder.handlePacket(known(59), ASKER, 0);
    expect(sent).toHaveLength(1);
  });

  describe('RFC 6762 §6.7: a simple resolver, which asks from another port,', () => {
    const legacy = { address: '192.0.2.9', port: 40_000 };

    function ask(types: readonly number[]) {
      const { responder, sent } = makeResponder();
      const name = responder.register('192.0.2.1')!;
      const query = encodeMdnsQuery(name, QUERY.qm, types);
      query[1] = 42;
      responder.handlePacket(query, legacy, 0);
      responder.handlePacket(query, legacy, 1); // however often it asks
      expect(sent).toHaveLength(2);
      return { name, bytes: sent[0]![0], ...transcript(sent)[0]! };
    }

    test('gets its own id and question back, by unicast', () => {
      const { name, to, id, isResponse, questions } = ask([a]);
      expect({ to, id, isResponse }).toEqual({ to: legacy, id: 42, isResponse: true });
      expect(questions).toEqual([{ name, type: a, unicastResponse: false }]);
    });

    test('with a life of ten seconds and without the cache-flush bit', () => {
      const { name, answers, bytes } = ask([a]);
      expect(answers).toEqual([{ name, address: '192.0.2.1', ttlSeconds: 10 }]);
      expect([...bytes.slice(-16)]).toEqual([0xc0, 12, 0, a, 0, 1, 0, 0, 0, 10, 0, 4, 192, 0, 2, 1]);
    });

    test('and no answer where there is none, as from any other name server', () => {
      const { answers, additionals, questions } = ask([aaaa]);
      expect([answers, additionals]).toEqual([[], []]);
      expect(questions).toHaveLength(1);
    });
  });

  test('has a thousand names, and more when some are given back', () => {
    const { responder } = makeResponder();
    const names = Array.from({ length: 1024 }, () => responder.register('192.0.2.1'));
    expect(new Set(names).size).toBe(1024);
    expect(responder.register('192.0.2.1')).toBeNull();
    responder.release(names[0]!);
    expect(responder.register('192.0.2.1')).not.toBeNull();
  });

  test('is silent about names of others and names given back', () => {
    const { responder, sent } = makeResponder();
    const name = responder.register('192.0.2.1')!;
    responder.release(name);
    responder.handlePacket(encodeMdnsQuery(name, true), ASKER, 0);
    responder.handlePacket(encodeMdnsQuery(NAME, true), ASKER, 0);
    expect(sent).toEqual([]);
  });
});
