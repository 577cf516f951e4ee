/**
 * Links that let whoever has them into a room: its name and a secret of 128 bits stand in the URL's fragment, which browsers
 * keep to themselves (RFC 3986 §3.5). Nothing here reports what it was given: a link in a log is a key in a log.
 */
import { fromBase64Url, toBase64Url } from '../../binary/base64url.ts';
import { randomBytes } from '../../machine.ts';
import { SECRET_LENGTH } from './keys.ts';
import { systemRandom } from './system-random.ts';

/** Bound, in characters: a longer text is no link of ours. It is what browsers agree on as a URL's length. */
const MAX_LINK_LENGTH = 2048;

export type SecretLink = {
  readonly room: string;
  /** 22 characters: what `joinRoom` takes as `secret`. */
  readonly secret: string;
};

/**
 * A link with a new secret, `https://chat.example/#room=tea&secret=…`.
 * @param base the page that it leads to; a fragment of its own is dropped
 * @param room the room's name, which only holders of the link see
 * @throws TypeError when `base` is no absolute URL
 */
export function createSecretLink(base: string | URL, room = ''): SecretLink & { readonly url: string } {
  const secret = toBase64Url(randomBytes(systemRandom, SECRET_LENGTH));
  return { url: formatSecretLink(base, { room, secret }), room, secret };
}

/** The link to a room whose secret exists already: to show it again. */
export function formatSecretLink(base: string | URL, { room, secret }: SecretLink): string {
  const url = new URL(base);
  url.hash = new URLSearchParams({ room, secret }).toString();
  return url.href;
}

/** What a link, or only its fragment, says; `null` for anything that is no secret link. Never throws. */
export function parseSecretLink(link: string | URL): SecretLink | null {
  const text = String(link).trim();
  if (text.length > MAX_LINK_LENGTH) return null;
  const parameters = new URLSearchParams(text.slice(text.indexOf('#') + 1));
  const secret = parameters.get('secret');
  if (secret === null || fromBase64Url(secret)?.length !== SECRET_LENGTH) return null;
  return { room: parameters.get('room') ?? '', secret };
}
