import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
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
      { name: NAME, family: 4, unicastResponse: true },
      { name: NAME, family: 6, unicastResponse: true },
    ]);
  });

  test('a response carries addresses of both families', () => {
    const message = parseMdnsMessage(encodeMdnsResponse(NAME, ['192.0.2.1', '2001:db8::1']));
    expect(message?.isResponse).toBe(true);
    expect(message?.records).toEqual([
      { name: NAME, address: '192.0.2.1', ttlSeconds: MDNS_TTL_SECONDS },
      { name: NAME, address: '2001:db8::1', ttlSeconds: MDNS_TTL_SECONDS },
    ]);
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
    const response = encodeMdnsResponse(NAME, ['192.0.2.1', '2001:db8::1']);
    for (let length = 0; length < response.length; length++) {
      expect(parseMdnsMessage(response.slice(0, length))).toBeNull();
    }
  });

  test('no flipped byte and no random bytes throw', () => {
    const response = encodeMdnsResponse(NAME, ['192.0.2.1']);
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
    resolver.handlePacket(encodeMdnsResponse(NAME, ['192.0.2.1']), 5);
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
    resolver.handlePacket(encodeMdnsResponse(NAME, ['192.0.2.1']), 0);
    resolver.resolve(NAME, 119_999);
    expect(sent).toHaveLength(1);
    expect(resolved).toHaveLength(2);
    resolver.resolve(NAME, 120_000);
    expect(sent).toHaveLength(2);
  });

  test('an answer nobody asked for changes nothing', () => {
    const { resolver, sent, resolved } = makeResolver();
    resolver.handlePacket(encodeMdnsResponse(NAME, ['203.0.113.66']), 0);
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
});

describe('responder', () => {
  test('answers for its own names, as the asker wished', () => {
    const { responder, sent } = makeResponder();
    const name = responder.register('192.0.2.1');
    expect(isMdnsName(name)).toBe(true);
    responder.handlePacket(encodeMdnsQuery(name, true), ASKER, 0);
    responder.handlePacket(encodeMdnsQuery(name, false), ASKER, 0);
    expect(sent.map(([, to]) => to)).toEqual([ASKER, null]);
    const { resolver, resolved } = makeResolver();
    resolver.resolve(name, 0);
    resolver.handlePacket((sent[0] as (typeof sent)[0])[0], 1);
    expect(resolved).toEqual([[name, ['192.0.2.1']]]);
  });

  test('RFC 6762 §6: a record "MUST NOT" be multicast again within a second', () => {
    const { responder, sent } = makeResponder();
    const name = responder.register('192.0.2.1');
    for (const now of [0, 500, 999, 1000]) responder.handlePacket(encodeMdnsQuery(name, false), ASKER, now);
    expect(sent).toHaveLength(2);
  });

  test('RFC 6762 §6.7: a legacy asker gets its own id back, by unicast', () => {
    const { responder, sent } = makeResponder();
    const name = responder.register('192.0.2.1');
    const query = encodeMdnsQuery(name, false);
    query[1] = 42;
    const legacy = { address: '192.0.2.9', port: 40_000 };
    responder.handlePacket(query, legacy, 0);
    expect(sent[0]?.[1]).toEqual(legacy);
    expect(parseMdnsMessage((sent[0] as (typeof sent)[0])[0])?.id).toBe(42);
  });

  test('is silent about names of others and names given back', () => {
    const { responder, sent } = makeResponder();
    const name = responder.register('192.0.2.1');
    responder.release(name);
    responder.handlePacket(encodeMdnsQuery(name, true), ASKER, 0);
    responder.handlePacket(encodeMdnsQuery(NAME, true), ASKER, 0);
    expect(sent).toEqual([]);
  });
});
