import { describe, expect, it } from 'vitest';
import { toBase64Url } from '../../../src/binary/base64url.ts';
import { fromHex, toHex } from '../../../src/binary/bytes.ts';
import { RoomKey } from '../../../src/signaling/room-key.ts';
import { keysFromPassword, keysFromSecret, type RoomKeys } from '../../../src/signaling/security/keys.ts';
import { vectors } from './vectors.ts';

function inHex({ roomKey, sealKey, authKey }: RoomKeys): Record<string, string> {
  return { roomKey: roomKey.toHex(), sealKey: toHex(sealKey), authKey: toHex(authKey) };
}

const secret = new Uint8Array(16).fill(7);

describe('keys from a secret', () => {
  it.each(vectors.secrets)('are those that OpenSSL makes for $appId, room "$room"', (vector) => {
    const keys = inHex(keysFromSecret(fromHex(vector.secret), vector.room, { appId: vector.appId }));
    expect(vector).toMatchObject(keys);
  });

  it('change with the secret, the room and the application, all three keys of them', () => {
    const other = secret.slice();
    other[15]! ^= 1;
    const all = [
      keysFromSecret(secret, 'tea'),
      keysFromSecret(other, 'tea'),
      keysFromSecret(secret, 'Tea'),
      keysFromSecret(secret, 'tea', { appId: 'chess' }),
    ];
    const texts = all.flatMap((keys) => Object.values(inHex(keys)));
    expect(new Set(texts).size).toBe(12);
  });

  it('take the secret as bytes or as its base64url', () => {
    expect(inHex(keysFromSecret(toBase64Url(secret), 'tea'))).toEqual(inHex(keysFromSecret(secret, 'tea')));
  });

  it('have nothing to do with the room that the bare name makes', () => {
    expect(keysFromSecret(secret, 'tea').roomKey.equals(RoomKey.fromString('tea'))).toBe(false);
  });

  it.each([
    ['short bytes', new Uint8Array(15)],
    ['a short text', 'c2hvcnQ'],
    ['what somebody typed', 'correct horse battery staple'],
    ['what passes for base64url', 'correct-horse-battery-stap'],
    ['nothing', undefined as unknown as string],
  ])('refuse %s without repeating it', (_, bad) => {
    expect(() => keysFromSecret(bad, 'tea')).toThrow(TypeError);
    expect(() => keysFromSecret(bad, 'tea')).not.toThrow(/horse|c2hv/);
  });
});

describe('keys from a password', () => {
  // The second is typed with combining accents and a no-break space, and was made from what RFC 8265 turns that into.
  it.each(vectors.passwords)(
    'are those that OpenSSL makes for "$password", in slices that let others run',
    async (vector) => {
      let turns = 0;
      const timer = setInterval(() => turns++, 1);
      const keys = inHex(await keysFromPassword(vector.password, vector.room, { appId: vector.appId }));
      clearInterval(timer);
      expect(vector).toMatchObject(keys);
      expect(turns).toBeGreaterThan(10); // of about a hundred: it takes most of a second
    },
  );

  it('want a password', async () => {
    await expect(keysFromPassword('', 'tea')).rejects.toThrow(TypeError);
  });
});
