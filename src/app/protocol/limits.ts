/** Every bound of the chat protocol (docs/chat-protocol.md). A peer that goes past one is not believed: what it sent is dropped and counted. */

/** Bound: UTF-16 units of one JSON message. The longest honest one is a text full of escapes. */
export const MAX_MESSAGE_LENGTH = 32_768;

/** Bound: UTF-16 units of what somebody says. */
export const MAX_TEXT_LENGTH = 4_000;

/** Bound: code points of a display name; a longer one is cut. */
export const MAX_NAME_LENGTH = 40;

/** Bound: UTF-8 bytes of a file's name; a longer one is cut, its extension kept. File systems end at 255. */
export const MAX_FILE_NAME_BYTES = 180;

/** Bound: characters of a media type; a longer one counts as none. */
export const MAX_MEDIA_TYPE_LENGTH = 100;

/** Bound: characters of an id that a peer chose for a text. */
export const MAX_TEXT_ID_LENGTH = 32;

/** Bound: texts whose ids are remembered per peer, to drop a repetition. */
export const REMEMBERED_TEXTS = 256;

/** Bound: capabilities a peer may list, and the characters of each. */
export const MAX_CAPABILITIES = 16;
export const MAX_CAPABILITY_LENGTH = 24;

/** What a chunk carries. Small, so that what somebody says waits for one of them and not for a file. */
export const CHUNK_BYTES = 16_384;

/** Bound: the largest chunk taken from a peer. */
export const MAX_CHUNK_BYTES = 65_536;

/** Bound: bytes of one file under way that the receiver has not yet confirmed as written. Its memory is bounded by this. */
export const WINDOW_BYTES: number = 4 * 1024 * 1024;

/** The receiver confirms after so many bytes, so that sixteen confirmations cover a window. */
export const PROGRESS_BYTES: number = 256 * 1024;

/** The sender fills the channel up to here, and goes on when it has drained to the low mark. */
export const BUFFER_HIGH_BYTES: number = 512 * 1024;
export const BUFFER_LOW_BYTES: number = 256 * 1024;

/** Bound: transfers per peer and direction that are offered or under way. One more is refused as `busy`. */
export const MAX_TRANSFERS = 32;

/** Bound: bytes of a file that is offered to us, unless the application says otherwise. */
export const DEFAULT_MAX_FILE_BYTES: number = 16 * 1024 ** 3;

/** Bound: messages of a peer that somebody would see (hello, text, media, offer): so many at once, then so many a second. */
export const FLOOD_BURST = 60;
export const FLOOD_PER_SECOND = 10;

/** A text's time is believed if it is at most so far from ours. */
export const MAX_CLOCK_DIFFERENCE_MS: number = 10 * 60_000;
