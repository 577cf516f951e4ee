/**
 * The messages of the WebTorrent tracker protocol, as client and server see them. There is no specification: the reference
 * is what trackers in the field accept and send (docs/signaling.md). One JSON object is one text frame.
 *
 * Parsing never throws: what is malformed comes out as `invalid`, and what merely could be tidier (a `null` where a number
 * belongs, an event nobody knows, one bad offer among good ones) is read as its author meant it.
 */

/** Room keys, peer ids and offer ids have 20 bytes, as BitTorrent's hashes do. */
export const ID_BYTES = 20;
/**
 * Bound: the longest message taken, in UTF-16 units of its JSON; a longer one is invalid. Trackers in the field take as
 * many bytes, and no honest message with a handful of session descriptions is near it.
 */
export const MAX_MESSAGE_LENGTH: number = 64 * 1024;
/** Bound: ICE servers read from one response, and addresses of each; the rest is ignored. */
const MAX_ICE_SERVERS = 8;
const MAX_ICE_SERVER_URLS = 8;

/**
 * A "binary string": 20 characters U+0000 to U+00FF, one for each byte. In JSON's UTF-8 those from U+0080 take two bytes.
 */
export type WireId = string;

/** Whether a value is exactly 20 characters of one byte each. Some trackers let others pass; they would alias. */
export function isWireId(value: unknown): value is WireId {
  if (typeof value !== 'string' || value.length !== ID_BYTES) return false;
  for (let i = 0; i < ID_BYTES; i++) if (value.charCodeAt(i) > 0xff) return false;
  return true;
}

/** @throws RangeError unless there are 20 bytes */
export function wireIdFromBytes(bytes: Uint8Array): WireId {
  if (bytes.length !== ID_BYTES) throw new RangeError(`expected ${ID_BYTES} bytes, got ${bytes.length}`);
  return String.fromCharCode(...bytes);
}

/** @throws RangeError unless it is a binary string of 20 characters */
export function wireIdToBytes(id: WireId): Uint8Array {
  if (!isWireId(id)) throw new RangeError(`expected ${ID_BYTES} characters from U+0000 to U+00FF`);
  return Uint8Array.from(id, (character) => character.charCodeAt(0));
}

/** 40 lower-case hexadecimal digits: how ids look in everything people see. */
export function wireIdToHex(id: WireId): string {
  let hex = '';
  for (let i = 0; i < id.length; i++) hex += id.charCodeAt(i).toString(16).padStart(2, '0');
  return hex;
}

/** @throws RangeError unless there are 40 hexadecimal digits */
export function wireIdFromHex(hex: string): WireId {
  if (!/^[0-9a-f]{40}$/i.test(hex)) throw new RangeError('expected 40 hexadecimal digits');
  return hex.replaceAll(/../g, (digits) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/** `started` joins, `stopped` leaves, `completed` is a seeder's; no event refreshes, and joins where that is needed. */
export type AnnounceEvent = 'started' | 'completed' | 'stopped';

/** An offer in an announce: for one random other member of the room. */
export type WireOffer = { readonly offerId: WireId; readonly sdp: string };

/** TURN or STUN servers that a tracker hands out: an extension, only in answer to an announce with `extension`. */
export type WireIceServer = {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
};

export type Announce = {
  readonly kind: 'announce';
  readonly infoHash: WireId;
  readonly peerId: WireId;
  readonly event: AnnounceEvent | null;
  /** How many offers the sender is ready to get; `null` when it does not say. */
  readonly numwant: number | null;
  /** 0 makes a seeder, which changes counts and nothing else; `null` when it does not say. */
  readonly left: number | null;
  readonly offers: readonly WireOffer[];
  /** What the tracker called itself to this client (`tracker id`). */
  readonly trackerId: string | null;
  /** `x: 1`: the sender understands PureRTC's additions to a response. */
  readonly extension: boolean;
  /** An access token, for trackers that want one. */
  readonly token: string | null;
};

export type Answer = {
  readonly kind: 'answer';
  readonly infoHash: WireId;
  readonly peerId: WireId;
  readonly toPeerId: WireId;
  readonly offerId: WireId;
  readonly sdp: string;
  readonly trackerId: string | null;
};

/** `infoHashes: null` asks for every room there is; nobody should be told. */
export type Scrape = { readonly kind: 'scrape'; readonly infoHashes: readonly WireId[] | null };

/** What the sender should be told, with as much as could be read of what it was about. */
export type InvalidMessage = {
  readonly kind: 'invalid';
  readonly reason: string;
  readonly infoHash: WireId | null;
};

export type ClientMessage = Announce | Answer | Scrape | InvalidMessage;

/** To an announce. All of it is optional on the wire. */
export type AnnounceResponse = {
  readonly kind: 'response';
  readonly infoHash: WireId;
  /** Seconds until the next announce, and the least that is allowed. */
  readonly interval: number | null;
  readonly minInterval: number | null;
  /** Seeders and the others; their sum is the members of the room. */
  readonly complete: number | null;
  readonly incomplete: number | null;
  readonly trackerId: string | null;
  readonly warning: string | null;
  readonly extension: boolean;
  readonly iceServers: readonly WireIceServer[] | null;
};

export type RelayedOffer = {
  readonly kind: 'offer';
  readonly infoHash: WireId;
  readonly peerId: WireId;
  readonly offerId: WireId;
  readonly sdp: string;
};

export type RelayedAnswer = {
  readonly kind: 'answer';
  readonly infoHash: WireId;
  readonly peerId: WireId;
  readonly offerId: WireId;
  readonly sdp: string;
};

export type Failure = {
  readonly kind: 'failure';
  readonly reason: string;
  readonly infoHash: WireId | null;
  /** Seconds to stay away (`retry in`, BEP 31, in minutes on the wire); Infinity for `never`; `null`: not said. */
  readonly retryIn: number | null;
};

export type ScrapeCounts = { readonly complete: number; readonly incomplete: number; readonly downloaded: number };
export type ScrapeResponse = { readonly kind: 'scrape'; readonly files: ReadonlyMap<WireId, ScrapeCounts> };

export type ServerMessage =
  | AnnounceResponse
  | RelayedOffer
  | RelayedAnswer
  | Failure
  | ScrapeResponse
  | { readonly kind: 'invalid' };

// ---------------------------------------------------------------------------------------------- what a client sends

/**
 * An announce in the form that every tracker known takes: an integer `numwant`, which some want to equal the number of
 * offers; `left` and `event` only with values that all of them know; no `offers` on leaving.
 */
export function encodeAnnounce(announce: Omit<Announce, 'kind'>): string {
  const { event, offers } = announce;
  return JSON.stringify({
    action: 'announce',
    info_hash: announce.infoHash,
    peer_id: announce.peerId,
    numwant: announce.numwant ?? offers.length,
    uploaded: 0,
    downloaded: 0,
    left: announce.left ?? 1,
    ...(event !== null && { event }),
    ...(event !== 'stopped' && {
      offers: offers.map(({ offerId, sdp }) => ({ offer: { type: 'offer', sdp }, offer_id: offerId })),
    }),
    ...(announce.trackerId !== null && { trackerid: announce.trackerId }),
    ...(announce.extension && { x: 1 }),
    ...(announce.token !== null && { token: announce.token }),
  });
}

/** An answer, without `event`, `numwant` or `left`: with them some trackers take it for an announce. */
export function encodeAnswer(answer: Omit<Answer, 'kind'>): string {
  return JSON.stringify({
    action: 'announce',
    info_hash: answer.infoHash,
    peer_id: answer.peerId,
    to_peer_id: answer.toPeerId,
    offer_id: answer.offerId,
    answer: { type: 'answer', sdp: answer.sdp },
    ...(answer.trackerId !== null && { trackerid: answer.trackerId }),
  });
}

export function encodeScrape(infoHashes: readonly WireId[]): string {
  return JSON.stringify({ action: 'scrape', info_hash: infoHashes });
}

// ---------------------------------------------------------------------------------------------- what a server sends

export function encodeResponse(response: Omit<AnnounceResponse, 'kind'>): string {
  return JSON.stringify({
    action: 'announce',
    info_hash: response.infoHash,
    interval: response.interval ?? undefined,
    'min interval': response.minInterval ?? undefined,
    complete: response.complete ?? undefined,
    incomplete: response.incomplete ?? undefined,
    'tracker id': response.trackerId ?? undefined,
    'warning message': response.warning ?? undefined,
    x: response.extension ? 1 : undefined,
    ice_servers: response.iceServers ?? undefined,
  });
}

/** What the receiver of an offer or an answer gets: the sender's id in place of its own. */
export function encodeRelayed({ kind, infoHash, peerId, offerId, sdp }: RelayedOffer | RelayedAnswer): string {
  return JSON.stringify({
    action: 'announce',
    info_hash: infoHash,
    peer_id: peerId,
    offer_id: offerId,
    [kind]: { type: kind, sdp },
  });
}

/**
 * An error. It always has an `action`: the stock client gives up its connection, and with it every other room, when it
 * gets a message without one.
 */
export function encodeFailure({ reason, infoHash, retryIn }: Omit<Failure, 'kind'>): string {
  return JSON.stringify({
    action: 'announce',
    info_hash: infoHash ?? undefined,
    'failure reason': reason,
    'retry in': retryIn === null ? undefined : retryIn === Number.POSITIVE_INFINITY ? 'never' : Math.ceil(retryIn / 60),
  });
}

export function encodeScrapeResponse(files: ReadonlyMap<WireId, ScrapeCounts>): string {
  return JSON.stringify({ action: 'scrape', files: Object.fromEntries(files) });
}

// ---------------------------------------------------------------------------------------------- reading

/** Reads what a client sent. Never throws. */
export function parseClientMessage(message: string | Uint8Array): ClientMessage {
  const fields = parseObject(message);
  if (fields === null) return invalid('expected a JSON object', null);
  const infoHash = isWireId(fields['info_hash']) ? fields['info_hash'] : null;
  if (fields['action'] === 'scrape') return parseScrape(fields['info_hash']);
  if (fields['action'] !== 'announce') return invalid('unknown action', infoHash);
  if (infoHash === null) return invalid('invalid info_hash', null);
  const peerId = fields['peer_id'];
  if (!isWireId(peerId)) return invalid('invalid peer_id', infoHash);
  const trackerId = stringOrNull(fields['trackerid']);

  if (isObject(fields['answer'])) {
    const sdp = sdpOf(fields['answer'], 'answer');
    const toPeerId = fields['to_peer_id'];
    const offerId = fields['offer_id'];
    if (sdp === null) return invalid('invalid answer', infoHash);
    if (!isWireId(toPeerId)) return invalid('invalid to_peer_id', infoHash);
    if (!isWireId(offerId)) return invalid('invalid offer_id', infoHash);
    return { kind: 'answer', infoHash, peerId, toPeerId, offerId, sdp, trackerId };
  }
  return {
    kind: 'announce',
    infoHash,
    peerId,
    event: eventOf(fields['event']),
    numwant: countOrNull(fields['numwant']),
    left: countOrNull(fields['left']),
    offers: offersOf(fields['offers']),
    trackerId,
    extension: fields['x'] === 1,
    token: stringOrNull(fields['token']),
  };
}

/** Reads what a server sent. Never throws. */
export function parseServerMessage(message: string | Uint8Array): ServerMessage {
  const fields = parseObject(message);
  if (fields === null) return { kind: 'invalid' };
  const infoHash = isWireId(fields['info_hash']) ? fields['info_hash'] : null;
  const reason = fields['failure reason'];
  if (typeof reason === 'string') return { kind: 'failure', reason, infoHash, retryIn: retryInOf(fields['retry in']) };
  if (isObject(fields['files'])) return { kind: 'scrape', files: filesOf(fields['files']) };
  if (infoHash === null) return { kind: 'invalid' };

  for (const kind of ['offer', 'answer'] as const) {
    const description = fields[kind];
    if (description === undefined || description === null) continue;
    const sdp = isObject(description) ? sdpOf(description, kind) : null;
    const { peer_id: peerId, offer_id: offerId } = fields;
    if (sdp === null || !isWireId(peerId) || !isWireId(offerId)) return { kind: 'invalid' };
    return { kind, infoHash, peerId, offerId, sdp };
  }
  return {
    kind: 'response',
    infoHash,
    interval: countOrNull(fields['interval']),
    minInterval: countOrNull(fields['min interval']),
    complete: countOrNull(fields['complete']),
    incomplete: countOrNull(fields['incomplete']),
    trackerId: stringOrNull(fields['tracker id']),
    warning: stringOrNull(fields['warning message']),
    extension: fields['x'] === 1,
    iceServers: iceServersOf(fields['ice_servers']),
  };
}

type Fields = { readonly [name: string]: unknown };

const utf8 = new TextDecoder();

function parseObject(message: string | Uint8Array): Fields | null {
  if (message.length > MAX_MESSAGE_LENGTH) return null;
  try {
    const value: unknown = JSON.parse(typeof message === 'string' ? message : utf8.decode(message));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(reason: string, infoHash: WireId | null): InvalidMessage {
  return { kind: 'invalid', reason, infoHash };
}

function parseScrape(hashes: unknown): Scrape | InvalidMessage {
  if (hashes === undefined) return { kind: 'scrape', infoHashes: null };
  const infoHashes: readonly unknown[] = Array.isArray(hashes) ? hashes : [hashes];
  return infoHashes.every(isWireId) ? { kind: 'scrape', infoHashes } : invalid('invalid info_hash', null);
}

/** A session description, if it is the kind it stands for. */
function sdpOf(description: Fields, type: 'offer' | 'answer'): string | null {
  const { sdp } = description;
  return description['type'] === type && typeof sdp === 'string' ? sdp : null;
}

function offersOf(value: unknown): WireOffer[] {
  if (!Array.isArray(value)) return [];
  const offers: WireOffer[] = [];
  for (const item of value) {
    if (!isObject(item) || !isWireId(item['offer_id']) || !isObject(item['offer'])) continue;
    const sdp = sdpOf(item['offer'], 'offer');
    if (sdp !== null) offers.push({ offerId: item['offer_id'], sdp });
  }
  return offers;
}

/** Clients have names of their own for "nothing happened": all mean an update. */
function eventOf(value: unknown): AnnounceEvent | null {
  return value === 'started' || value === 'completed' || value === 'stopped' ? value : null;
}

/** A count or a number of seconds; fractions are cut off. JSON has no Infinity, but 1e999 reads as one. */
function countOrNull(value: unknown): number | null {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? Math.floor(value) : null;
}

function stringOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** BEP 31: "retry in" is a number of minutes, as an integer or its text, or "never". */
function retryInOf(value: unknown): number | null {
  if (value === 'never') return Number.POSITIVE_INFINITY;
  const minutes = countOrNull(typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value);
  return minutes === null ? null : minutes * 60;
}

function filesOf(value: Fields): Map<WireId, ScrapeCounts> {
  const files = new Map<WireId, ScrapeCounts>();
  for (const [infoHash, counts] of Object.entries(value)) {
    if (!isWireId(infoHash) || !isObject(counts)) continue;
    files.set(infoHash, {
      complete: countOrNull(counts['complete']) ?? 0,
      incomplete: countOrNull(counts['incomplete']) ?? 0,
      downloaded: countOrNull(counts['downloaded']) ?? 0,
    });
  }
  return files;
}

/** Only addresses that an RTCPeerConnection could take: a wrong one would make its constructor throw. */
function iceServersOf(value: unknown): WireIceServer[] | null {
  if (!Array.isArray(value)) return null;
  const servers: WireIceServer[] = [];
  for (const item of value.slice(0, MAX_ICE_SERVERS)) {
    if (!isObject(item)) continue;
    const listed: readonly unknown[] = Array.isArray(item['urls']) ? item['urls'] : [item['urls']];
    const { username, credential } = item;
    const hasCredentials = typeof username === 'string' && typeof credential === 'string';
    const urls = listed
      .filter((url): url is string => typeof url === 'string' && /^(stuns?|turns?):[^/]/i.test(url))
      .filter((url) => hasCredentials || /^stun/i.test(url)) // W3C: a turn: server without both throws
      .slice(0, MAX_ICE_SERVER_URLS);
    if (urls.length > 0) servers.push({ urls, ...(hasCredentials && { username, credential }) });
  }
  return servers;
}
