/** Which room an address of the page leads to: the fragment says it, which no server gets to see. */
import { cleanRoomName } from '../protocol/index.ts';

/** `secret` is null in a room that everybody finds who knows its name. */
export type RoomAddress = { readonly room: string; readonly secret: string | null };

/** Reads secret links; `parseSecretLink` of purertc/signaling. */
export type ParseSecret = (link: string) => { readonly room: string; readonly secret: string } | null;

/** @returns null where the fragment names no room */
export function parseRoomAddress(fragment: string, parseSecret: ParseSecret): RoomAddress | null {
  const secret = parseSecret(fragment);
  if (secret !== null) return { room: cleanRoomName(secret.room), secret: secret.secret };
  const room = cleanRoomName(new URLSearchParams(fragment.replace(/^#/, '')).get('room') ?? '');
  return room === '' ? null : { room, secret: null };
}

/** `#room=tea&secret=…`. */
export function formatRoomAddress({ room, secret }: RoomAddress): string {
  const parameters = new URLSearchParams({ room });
  if (secret !== null) parameters.set('secret', secret);
  return `#${parameters}`;
}
