/** Where a room meets, and how its descriptions are protected on the way. */
import { RoomKey } from './room-key.ts';
import type { RoomOptions } from './room-options.ts';
import { keysFromPassword, keysFromSecret, type RoomKeys } from './security/keys.ts';
import { type DescriptionSeal, RoomSeal } from './security/seal.ts';

export type Meeting = { readonly key: RoomKey; readonly seal: DescriptionSeal };

/** Of a room that anyone may enter who knows its name. */
const noSeal: DescriptionSeal = {
  refusal: null,
  seal: (sdp) => sdp,
  open: (text) => text,
};

/** At once; or later, when there is a password to be stretched. @throws TypeError when the options contradict each other */
export function meetingOf(room: string | RoomKey, options: RoomOptions): Meeting | Promise<Meeting> {
  const { secret, password } = options;
  const name = typeof room === 'string' ? room : room.toHex();
  if (secret !== undefined && password !== undefined)
    throw new TypeError('a room has a secret or a password, not both');
  if (secret !== undefined) return sealed(keysFromSecret(secret, name, options));
  if (password !== undefined) return keysFromPassword(password, name, options).then(sealed);
  if (name === '') throw new TypeError('a room without a secret has a name');
  return { key: typeof room === 'string' ? RoomKey.fromString(room) : room, seal: noSeal };
}

/** Why a description was not taken, for people. */
export function refusalOf(description: string, { refusal }: DescriptionSeal): string {
  switch (refusal) {
    case 'stale':
      return `${description} is more than five minutes off: the tracker held it back, or a clock is wrong`;
    case 'replayed':
      return `${description} came a second time`;
    default:
      return `${description} does not come from a member of this room`;
  }
}

function sealed({ roomKey, sealKey }: RoomKeys): Meeting {
  return { key: roomKey, seal: new RoomSeal(sealKey) };
}
