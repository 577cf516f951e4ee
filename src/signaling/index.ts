/** Rooms over WebTorrent trackers, for Node, Deno and Bun: docs/signaling.md. */
export { RoomKey } from './room-key.ts';
