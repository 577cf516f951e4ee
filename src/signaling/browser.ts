/** Rooms over WebTorrent trackers, for browsers: the same names, nothing of Node's, and the browser's own connections. */
export { RoomKey } from './room-key.ts';
