/** The options of an association with their defaults filled in, and its statistics at the beginning. */
import { DEFAULT_MTU, type ResolvedTiming, resolveTiming } from './timing.ts';
import { RenoCongestionControl } from './tx/reno-congestion-control.ts';
import { RenoLossRecovery } from './tx/reno-loss-recovery.ts';
import type { SctpOptions, SctpStats } from './types.ts';

export type ResolvedOptions = Required<Omit<SctpOptions, 'timing'>> & { readonly timing: ResolvedTiming };

/** RFC 8841 §5: the port of WebRTC, in SDP and here, when nothing else is said. */
const DEFAULT_PORT = 5000;
/** Browsers announce about as much, and 5 MiB is 100 ms of 400 Mbit/s. */
const DEFAULT_RECEIVE_BUFFER_BYTES = 5 * 1024 * 1024;
/** RFC 8831 §6.6 leaves it open; every browser takes 256 KiB. */
const DEFAULT_MAX_MESSAGE_BYTES = 256 * 1024;
/** RFC 9260 §6.1 D has 4. RFC 6928 found 10 at once, after idling too, to do no harm. */
const DEFAULT_MAX_BURST = 10;
/** The smallest that holds a DATA chunk and any control chunk of ours. */
const MIN_MTU = 200;
/** The chunk length is 16 bits, with some room for the headers. */
const MAX_MTU = 65_000;
const MAX_STREAMS = 65_535;

export function resolveOptions(options: SctpOptions): ResolvedOptions {
  const maxMessageSize = inRange('maxMessageSize', options.maxMessageSize ?? DEFAULT_MAX_MESSAGE_BYTES, 1, 2 ** 31);
  const receiveBufferSize = inRange(
    'receiveBufferSize',
    options.receiveBufferSize ?? DEFAULT_RECEIVE_BUFFER_BYTES,
    1500, // RFC 9260 §3.3.2
    2 ** 32 - 1,
  );
  return {
    random: options.random,
    localPort: inRange('localPort', options.localPort ?? DEFAULT_PORT, 1, 65_535),
    remotePort: inRange('remotePort', options.remotePort ?? DEFAULT_PORT, 1, 65_535),
    mtu: inRange('mtu', options.mtu ?? DEFAULT_MTU, MIN_MTU, MAX_MTU) & ~3,
    headroom: inRange('headroom', options.headroom ?? 0, 0, 1024),
    tailroom: inRange('tailroom', options.tailroom ?? 0, 0, 1024),
    maxMessageSize,
    // A message that does not fit would be received one window probe at a time.
    receiveBufferSize: Math.min(Math.max(receiveBufferSize, 2 * maxMessageSize), 2 ** 32 - 1),
    outboundStreams: inRange('outboundStreams', options.outboundStreams ?? MAX_STREAMS, 1, MAX_STREAMS),
    inboundStreams: inRange('inboundStreams', options.inboundStreams ?? MAX_STREAMS, 1, MAX_STREAMS),
    timing: resolveTiming(options.timing),
    maxBurst: inRange('maxBurst', options.maxBurst ?? DEFAULT_MAX_BURST, 1, 1_000_000),
    packetsPerSack: inRange('packetsPerSack', options.packetsPerSack ?? 2, 1, 1_000),
    congestionControl: options.congestionControl ?? ((path) => new RenoCongestionControl(path)),
    lossRecovery: options.lossRecovery ?? ((context) => new RenoLossRecovery(context)),
  };
}

/** `value`, or a `RangeError` that says what it should have been. */
export function inRange(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`${name} must be an integer from ${min} to ${max} (got ${value})`);
}

export function newStats(): SctpStats {
  return {
    packetsSent: 0,
    packetsReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
    dataChunksSent: 0,
    dataChunksReceived: 0,
    messagesSent: 0,
    messagesReceived: 0,
    retransmissions: 0,
    fastRetransmits: 0,
    t3Expiries: 0,
    sacksSent: 0,
    sacksReceived: 0,
    duplicateTsnsReceived: 0,
    messagesAbandoned: 0,
    srttMs: 0,
    rtoMs: 0,
    cwnd: 0,
    ssthresh: 0,
    flightSize: 0,
    peerRwnd: 0,
    localRwnd: 0,
    dropped: {
      malformed: 0,
      checksum: 0,
      port: 0,
      verificationTag: 0,
      unexpected: 0,
      unknownChunk: 0,
      cookie: 0,
      heartbeat: 0,
      sack: 0,
      window: 0,
      stream: 0,
      forwardTsn: 0,
      reconfig: 0,
    },
  };
}
