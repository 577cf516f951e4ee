/** The JSON messages of the chat protocol (docs/chat-protocol.md): built, and taken from a stranger or not. */
import {
  MAX_CAPABILITIES,
  MAX_CAPABILITY_LENGTH,
  MAX_MEDIA_TYPE_LENGTH,
  MAX_MESSAGE_LENGTH,
  MAX_TEXT_ID_LENGTH,
  MAX_TEXT_LENGTH,
} from './limits.ts';
import { cleanFileName, cleanName, cleanText } from './names.ts';

/** The version in `hello`. A later one has to understand this one. */
export const PROTOCOL_VERSION = 1;

/** What somebody sends at the moment. Without a microphone, `microphone` is false. */
export type MediaState = { readonly microphone: boolean; readonly camera: boolean; readonly screen: boolean };

const REFUSALS = ['declined', 'cancelled', 'busy', 'too-large', 'mismatch', 'failed'] as const;
/** Why a receiver does not want a file, or not any more. */
export type RefusalReason = (typeof REFUSALS)[number];

const WITHDRAWALS = ['cancelled', 'failed'] as const;
/** Why a sender stops. */
export type WithdrawalReason = (typeof WITHDRAWALS)[number];

export type Hello = {
  readonly kind: 'hello';
  readonly version: number;
  readonly name: string;
  /** `browser`, `terminal` … */
  readonly client: string;
  /** What it can do: `files` (receives them), `media` (negotiates audio and video). */
  readonly capabilities: readonly string[];
  readonly media: MediaState;
};

/** Of the file messages, `offer`, `done` and `withdraw` come from the sender of the file, the others from its receiver. */
export type Message =
  | Hello
  | { readonly kind: 'text'; readonly id: string; readonly sentAt: number; readonly text: string }
  | { readonly kind: 'media'; readonly media: MediaState }
  | {
      readonly kind: 'offer';
      readonly id: number;
      readonly name: string;
      readonly size: number;
      readonly mediaType: string;
    }
  | { readonly kind: 'done'; readonly id: number; readonly sha256: string }
  | { readonly kind: 'withdraw'; readonly id: number; readonly reason: WithdrawalReason }
  | { readonly kind: 'accept'; readonly id: number }
  | { readonly kind: 'refuse'; readonly id: number; readonly reason: RefusalReason }
  | { readonly kind: 'progress'; readonly id: number; readonly bytes: number }
  | { readonly kind: 'verified'; readonly id: number };

/** Why a message was not taken; `unknown` is of a kind that a later version may have. */
export type ParseFailure = 'oversized' | 'malformed' | 'unknown';

export function encodeMessage(message: Message): string {
  return JSON.stringify(message);
}

/** What a peer sent, with its names and texts made harmless and unknown fields left out. */
export function parseMessage(json: string): Message | ParseFailure {
  if (json.length > MAX_MESSAGE_LENGTH) return 'oversized';
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return 'malformed';
  }
  if (!isRecord(value) || typeof value['kind'] !== 'string') return 'malformed';
  const parse = Object.hasOwn(PARSERS, value['kind']) ? PARSERS[value['kind'] as Message['kind']] : undefined;
  return parse === undefined ? 'unknown' : (parse(value) ?? 'malformed');
}

type Fields = Readonly<Record<string, unknown>>;

const PARSERS: { readonly [Kind in Message['kind']]: (fields: Fields) => Extract<Message, { kind: Kind }> | null } = {
  hello({ version, name, client, capabilities, media: given }) {
    const media = mediaState(given);
    if (!isInteger(version, 1, 0xffff) || typeof name !== 'string' || typeof client !== 'string') return null;
    if (!Array.isArray(capabilities) || capabilities.length > MAX_CAPABILITIES || media === null) return null;
    if (!capabilities.every((item) => typeof item === 'string' && item.length <= MAX_CAPABILITY_LENGTH)) return null;
    return { kind: 'hello', version, name: cleanName(name), client: cleanName(client), capabilities, media };
  },
  text({ id, sentAt, text }) {
    if (typeof id !== 'string' || id.length === 0 || id.length > MAX_TEXT_ID_LENGTH) return null;
    if (typeof sentAt !== 'number' || typeof text !== 'string' || text.length > MAX_TEXT_LENGTH) return null;
    const cleaned = cleanText(text);
    return cleaned === '' ? null : { kind: 'text', id, sentAt, text: cleaned };
  },
  media({ media: given }) {
    const media = mediaState(given);
    return media === null ? null : { kind: 'media', media };
  },
  offer({ id, name, size, mediaType }) {
    if (!isTransferId(id) || typeof name !== 'string' || !isSize(size) || typeof mediaType !== 'string') return null;
    return { kind: 'offer', id, name: cleanFileName(name), size, mediaType: cleanMediaType(mediaType) };
  },
  done({ id, sha256 }) {
    if (!isTransferId(id) || typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return null;
    return { kind: 'done', id, sha256 };
  },
  withdraw: ({ id, reason }) =>
    isTransferId(id) && isOneOf(WITHDRAWALS, reason) ? { kind: 'withdraw', id, reason } : null,
  accept: ({ id }) => (isTransferId(id) ? { kind: 'accept', id } : null),
  refuse: ({ id, reason }) => (isTransferId(id) && isOneOf(REFUSALS, reason) ? { kind: 'refuse', id, reason } : null),
  progress: ({ id, bytes }) => (isTransferId(id) && isSize(bytes) ? { kind: 'progress', id, bytes } : null),
  verified: ({ id }) => (isTransferId(id) ? { kind: 'verified', id } : null),
};

/** The type if it has the form of one (RFC 6838 §4.2), parameters left out; else none. */
export function cleanMediaType(text: string): string {
  const essence = text.split(';', 1)[0]!.trim().toLowerCase();
  return essence.length <= MAX_MEDIA_TYPE_LENGTH && /^[a-z0-9][\w!#$&^.+-]*\/[a-z0-9][\w!#$&^.+-]*$/.test(essence)
    ? essence
    : '';
}

function mediaState(value: unknown): MediaState | null {
  if (!isRecord(value)) return null;
  const { microphone, camera, screen } = value;
  if (typeof microphone !== 'boolean' || typeof camera !== 'boolean' || typeof screen !== 'boolean') return null;
  return { microphone, camera, screen };
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

function isTransferId(value: unknown): value is number {
  return isInteger(value, 1, 0xffff_ffff);
}

function isSize(value: unknown): value is number {
  return isInteger(value, 0, Number.MAX_SAFE_INTEGER);
}

function isOneOf<T extends string>(names: readonly T[], value: unknown): value is T {
  return (names as readonly unknown[]).includes(value);
}
