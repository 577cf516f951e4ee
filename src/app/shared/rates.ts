/** What a connection does at the moment, out of two reports of `getStats`. Any browser's report: what it lacks is `null`. */

type Entry = { readonly id: string; readonly type: string; readonly [name: string]: unknown };
export type Report = { values(): Iterable<Entry>; get(id: string): Entry | undefined };

export type Video = { readonly width: number; readonly height: number; readonly framesPerSecond: number };

export type ConnectionSample = {
  /** ms, of the report. */
  readonly at: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  /** Bits per second since the sample before; `null` for the first. */
  readonly receiveRate: number | null;
  readonly sendRate: number | null;
  /** ms. */
  readonly roundTrip: number | null;
  /** Share of the packets of media that should have come since the sample before. */
  readonly loss: number | null;
  /** `host UDP 192.0.2.1:5000`. */
  readonly localCandidate: string | null;
  readonly remoteCandidate: string | null;
  /** `VP8`, `opus`. */
  readonly codecs: readonly string[];
  readonly videoReceived: Video | null;
  readonly videoSent: Video | null;
  /** `DTLS 1.2, AES_CM_128_HMAC_SHA1_80`. */
  readonly encryption: string | null;
};

export function takeSample(report: Report, before: ConnectionSample | null): ConnectionSample {
  const entries = [...report.values()];
  const transport = entries.find(({ type }) => type === 'transport');
  const pair = selectedPair(report, entries, transport);
  const inbound = entries.filter(({ type }) => type === 'inbound-rtp');
  const at = number(pair?.['timestamp']) ?? number(transport?.['timestamp']) ?? 0;
  const bytesReceived = number(pair?.['bytesReceived']) ?? number(transport?.['bytesReceived']) ?? 0;
  const bytesSent = number(pair?.['bytesSent']) ?? number(transport?.['bytesSent']) ?? 0;
  const packetsReceived = sum(inbound, 'packetsReceived');
  const packetsLost = sum(inbound, 'packetsLost');
  const seconds = before === null ? 0 : (at - before.at) / 1000;
  const expected = before === null ? 0 : packetsReceived - before.packetsReceived + packetsLost - before.packetsLost;
  return {
    at,
    bytesReceived,
    bytesSent,
    packetsReceived,
    packetsLost,
    receiveRate: before === null ? null : rate(bytesReceived - before.bytesReceived, seconds),
    sendRate: before === null ? null : rate(bytesSent - before.bytesSent, seconds),
    roundTrip: roundTrip(pair, entries),
    // A packet that was counted as lost may come after all: then the count falls.
    loss: before === null || expected <= 0 ? null : Math.max(0, (packetsLost - before.packetsLost) / expected),
    localCandidate: candidate(report, pair?.['localCandidateId']),
    remoteCandidate: candidate(report, pair?.['remoteCandidateId']),
    codecs: codecs(report, entries),
    videoReceived: video(inbound),
    videoSent: video(entries.filter(({ type }) => type === 'outbound-rtp')),
    encryption: encryption(transport),
  };
}

/** Firefox has no transport that names it, but says `selected`. */
function selectedPair(report: Report, entries: readonly Entry[], transport: Entry | undefined): Entry | undefined {
  const id = transport?.['selectedCandidatePairId'];
  if (typeof id === 'string') return report.get(id);
  const pairs = entries.filter(({ type }) => type === 'candidate-pair');
  return (
    pairs.find((pair) => pair['selected'] === true) ??
    pairs.find((pair) => pair['nominated'] === true && pair['state'] === 'succeeded')
  );
}

function rate(bytes: number, seconds: number): number | null {
  return seconds > 0 && bytes >= 0 ? (bytes * 8) / seconds : null; // another pair counts from zero
}

function roundTrip(pair: Entry | undefined, entries: readonly Entry[]): number | null {
  const seconds =
    number(pair?.['currentRoundTripTime']) ??
    number(entries.find((entry) => entry.type === 'remote-inbound-rtp' && 'roundTripTime' in entry)?.['roundTripTime']);
  return seconds === null ? null : seconds * 1000;
}

function candidate(report: Report, id: unknown): string | null {
  const found = typeof id === 'string' ? report.get(id) : undefined;
  if (found === undefined) return null;
  const { candidateType, protocol, relayProtocol } = found;
  const address = typeof found['address'] === 'string' && found['address'] !== '' ? found['address'] : 'hidden address';
  const host = address.includes(':') ? `[${address}]` : address;
  const via = typeof relayProtocol === 'string' ? ` (${relayProtocol.toUpperCase()} to the relay)` : '';
  return `${candidateType} ${String(protocol).toUpperCase()} ${host}:${found['port'] ?? '?'}${via}`;
}

function codecs(report: Report, entries: readonly Entry[]): string[] {
  const names = new Set<string>();
  for (const entry of entries) {
    if (entry.type !== 'inbound-rtp' && entry.type !== 'outbound-rtp') continue;
    if ((number(entry['bytesReceived']) ?? number(entry['bytesSent']) ?? 0) === 0) continue;
    const mimeType = typeof entry['codecId'] === 'string' ? report.get(entry['codecId'])?.['mimeType'] : undefined;
    if (typeof mimeType === 'string') names.add(mimeType.slice(mimeType.indexOf('/') + 1));
  }
  return [...names].sort();
}

/** The largest picture, of several encodings. */
function video(streams: readonly Entry[]): Video | null {
  let largest: Video | null = null;
  for (const stream of streams) {
    const [width, height] = [number(stream['frameWidth']) ?? 0, number(stream['frameHeight']) ?? 0];
    const framesPerSecond = Math.round(number(stream['framesPerSecond']) ?? 0);
    if (stream['kind'] !== 'video' || width === 0 || framesPerSecond === 0) continue;
    if (width * height > (largest?.width ?? 0) * (largest?.height ?? 0)) largest = { width, height, framesPerSecond };
  }
  return largest;
}

function encryption(transport: Entry | undefined): string | null {
  const version = { FEFF: '1.0', FEFD: '1.2', FEFC: '1.3' }[String(transport?.['tlsVersion']).toUpperCase()];
  if (version === undefined) return null;
  const cipher = transport?.['srtpCipher'] ?? transport?.['dtlsCipher'];
  return typeof cipher === 'string' ? `DTLS ${version}, ${cipher}` : `DTLS ${version}`;
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function sum(entries: readonly Entry[], name: string): number {
  return entries.reduce((total, entry) => total + (number(entry[name]) ?? 0), 0);
}
