/** base64url without padding (RFC 4648 §5, §3.2). */

/** The text of `bytes`: letters, digits, `-` and `_`. */
export function toBase64Url(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** The bytes of `text`; `null` for anything that {@link toBase64Url} would not have written. */
export function fromBase64Url(text: string): Uint8Array | null {
  if (text.length % 4 === 1 || /[^A-Za-z0-9_-]/.test(text)) return null;
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  // Bits that belong to no byte must be zero (§3.5): each value has one text.
  const rest = text.length % 4;
  return rest === 0 || toBase64Url(bytes.subarray(-(rest - 1))) === text.slice(-rest) ? bytes : null;
}
