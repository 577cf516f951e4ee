import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rawDescription, rawDescriptions } from '../../src/server/tracker/raw-descriptions.ts';
import { parseClientMessage, type WireOffer } from '../../src/signaling/wire.ts';
import { id, ROOM, World } from './world.ts';

const announce = (offers: unknown): string =>
  JSON.stringify({ action: 'announce', info_hash: ROOM, peer_id: id('a'), offers });

function offersOf(message: string): readonly WireOffer[] {
  const parsed = parseClientMessage(message);
  return parsed.kind === 'announce' ? parsed.offers : [];
}

describe('a description cut out of a message', () => {
  test('is what JSON says it is, whatever stands in it', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(fc.constantFrom('"', '\\', '\\"', '"sdp":"', 'sdp', ':', '\r\n', '\u2028', 'é'))
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), (sdps) => {
        const message = announce(sdps.map((sdp, i) => ({ offer_id: id(`${i}`), offer: { type: 'offer', sdp } })));
        const raw = rawDescriptions(message, offersOf(message));
        if (raw !== null) expect(raw.map((json) => JSON.parse(json))).toEqual(sdps);
        // What stands in a string has its quotes escaped: it is never taken for the key.
        else expect.fail('every message of JSON.stringify can be cut');
        expect(JSON.parse(rawDescription(message)!)).toBe(sdps[0]);
      }),
    );
  });

  test('of any valid message is a whole JSON string', () => {
    const key = fc.constantFrom('sdp', 'offer', 'offer_id', 'type', 'x"sdp', 'sdp":"', '\\"sdp', 'a\\');
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom('offer', 'x', '"', '"sdp":"', '\\', id('o')),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(key, tie('value'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 1), (anything, indent) => {
        const message = JSON.stringify({ action: 'announce', offers: [anything], more: anything }, null, indent);
        const one = rawDescription(message);
        if (one !== null) expect(typeof JSON.parse(one)).toBe('string');
        const offers = [{ offerId: id('o'), sdp: '' }];
        for (const json of rawDescriptions(message, offers) ?? []) expect(typeof JSON.parse(json)).toBe('string');
      }),
    );
  });

  test('is not looked for where it cannot be told which is which', () => {
    const good = { offer_id: id('o'), offer: { type: 'offer', sdp: 'good' } };
    for (const message of [
      announce([{ ...good, offer: { type: 'answer', sdp: 'wrong type' } }, good]), // one of two is left out
      announce([good]).replace('"sdp":', '"sdp": '),
      announce([good]).replace('sdp', 's\\u0064p'),
      announce([{ ...good, more: { sdp: 'x' } }]),
    ]) {
      const offers = offersOf(message);
      expect(offers).toMatchObject([{ sdp: 'good' }]);
      expect(rawDescriptions(message, offers)).toBeNull();
    }
  });

  test('in other spellings the offers are dealt all the same', () => {
    const world = new World();
    const [other, author] = world.members(2);
    other!.take();
    author!.say(
      `{ "action": "announce", "info_hash": "${ROOM}", "peer_id": "${author!.peerId}",
         "offers": [ { "offer_id": "${id('o')}", "offer": { "type": "offer", "sdp" : "a\\u0062c" } } ] }`,
    );
    const [offer] = other!.read('offer');
    expect(offer).toMatchObject({ sdp: 'abc' });
    other!.say(
      `{ "action": "announce", "info_hash": "${ROOM}", "peer_id": "${other!.peerId}", "to_peer_id": "${author!.peerId}",
         "offer_id": "${id('o')}", "answer": { "type": "answer", "sdp" : "\\u0064" } }`,
    );
    expect(author!.read('answer')).toMatchObject([{ sdp: 'd' }]);
  });
});
