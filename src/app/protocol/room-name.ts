/** How a chat room is called on a tracker: apart from everything else there, and the same from every program. */

/** Bound: UTF-16 units of a room's name. */
export const MAX_ROOM_NAME_LENGTH = 100;

const NAMESPACE = 'purertc-chat/';

/** What somebody typed as a room's name, as all must type it: without space around it, composed. */
export function cleanRoomName(typed: string): string {
  return typed.normalize('NFC').trim().slice(0, MAX_ROOM_NAME_LENGTH);
}

/** The name to give to `joinRoom`: names are common and trackers are shared. */
export function trackerRoomName(name: string): string {
  return NAMESPACE + cleanRoomName(name);
}
