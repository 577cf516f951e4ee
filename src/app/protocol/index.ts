/** The chat that PureRTC's page and its terminal speak to each other (docs/chat-protocol.md). */
export { ChatPeer, type DroppedMessages } from './chat-peer.ts';
export { type ChatEvent, type ChatOptions, ChatSession, type ChatText } from './chat-session.ts';
export type { IncomingTransfer } from './incoming-transfer.ts';
export { MAX_NAME_LENGTH, MAX_TEXT_LENGTH } from './limits.ts';
export type { MediaState } from './messages.ts';
export { cleanFileName, cleanName } from './names.ts';
export type { OutgoingTransfer } from './outgoing-transfer.ts';
export type { ChatChannel, ChatRoom, ChatRoomPeer } from './room.ts';
export { cleanRoomName, MAX_ROOM_NAME_LENGTH, trackerRoomName } from './room-name.ts';
export type { EndReason, FileSink, FileSource, Transfer, TransferState } from './transfer.ts';
