import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { fromBase64Url } from '../../../src/binary/base64url.ts';
import { keysFromSecret } from '../../../src/signaling/security/keys.ts';
import { createSecretLink, formatSecretLink, parseSecretLink } from '../../../src/signaling/security/secret-link.ts';

describe('secret links', () => {
  it('say the room and a new secret of 128 bits, in the fragment and nowhere else', () => {
    const link = createSecretLink('https://chat.example/app?lang=en#old', 'tea & biscuits');
    const url = new URL(link.url);
    expect(url.origin + url.pathname + url.search).toBe('https://chat.example/app?lang=en');
    expect(link.url.slice(0, link.url.indexOf('#'))).not.toMatch(/tea|secret/);
    expect(parseSecretLink(link.url)).toEqual({ room: 'tea & biscuits', secret: link.secret });
    expect(fromBase64Url(link.secret)).toHaveLength(16);
    expect(createSecretLink('https://chat.example/').secret).not.toBe(link.secret);
    expect(() => keysFromSecret(link.secret, link.room)).not.toThrow();
  });

  it('keep any room name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (room) => {
        const { url, secret } = createSecretLink('http://[::1]:8080/', room);
        expect(parseSecretLink(url)).toEqual({ room, secret });
        expect(parseSecretLink(new URL(url).hash)).toEqual({ room, secret });
      }),
    );
  });

  it('survive how people copy them', () => {
    const { url, room, secret } = createSecretLink('https://chat.example/', 'tea');
    expect(parseSecretLink(` ${url}\n`)).toEqual({ room, secret });
    expect(parseSecretLink(formatSecretLink('https://elsewhere.example/', { room, secret }))).toEqual({ room, secret });
  });

  it('are null for anything else, and nothing is thrown or logged', () => {
    const written = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name));
    const { url } = createSecretLink('https://chat.example/', 'tea');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl({ withFragments: true }),
          fc.nat({ max: url.length - 1 }).map((end) => url.slice(0, end)),
          fc.string().map((text) => `https://chat.example/#secret=${text}`),
        ),
        (text) => {
          expect(parseSecretLink(text)).toBeNull();
        },
      ),
    );
    for (const text of [
      `${url}A`,
      `${url}=`,
      `${url.replace('secret', 'Secret')}`,
      `https://chat.example/#${'a'.repeat(9000)}`,
    ]) {
      expect(parseSecretLink(text)).toBeNull();
    }
    for (const spy of written) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });
});
