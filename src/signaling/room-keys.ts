/** Where a room meets, and how its descriptions are protected on the way. */
import { RoomKey } from './room-key.ts';
import type { RoomOptions } from './room-options.ts';
import { keysFromPassword, keysFromSecret, type RoomKeys } from './security/keys.ts';
import { type DescriptionSeal, RoomSeal } from './security/seal.ts';

export type Meeting = { readonly key: RoomKey; readonly seal: DescriptionSeal };

/** Of a room that anyone may enter who knows its name. */
const noSeal: DescriptionSeal = {
  seal: (sdp) => sdp,
  open: (text) => text,
};

/** At once; or later, when there is a password to be stretched. @throws TypeError when the options contradict each other */
export function meetingOf(room: string | RoomKey, { secret, password }: RoomOptions): Meeting | Promise<Meeting> {
  const name = typeof room === 'string' ? room : room.toHex();
  if (name === '') throw new TypeError('a room has a name');
  if (secret !== undefined && password !== undefined)
    throw new TypeError('a room has a secret or a password, not both');
  if (secret !== undefined) return sealed(keysFromSecret(secret, name));
  if (password !== undefined) return keysFromPassword(password, name).then(sealed);
  return { key: typeof room === 'string' ? RoomKey.fromString(room) : room, seal: noSeal };
}

function sealed({ roomKey, sealKey }: RoomKeys): Meeting {
  return { key: roomKey, seal: new RoomSeal(sealKey) };
}
