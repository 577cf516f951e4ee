/**
 * What SRTP costs: packets per second, one core, for each profile, provider and direction.
 *
 *   node bench/srtp.ts [--quick] [--json]     (Node 22.18 or later, Deno and Bun run the source as it is)
 *   npm run bench -- media                    (on each runtime that is installed)
 *
 * A pass protects 1024 packets in their buffers, then unprotects them. Each figure is the best of many passes, so that
 * a busy machine spoils few of them.
 */
import process from 'node:process';
import { setU16, setU32 } from '../src/binary/bytes.ts';
import { nobleCrypto } from '../src/crypto/noble.ts';
import { nodeCrypto } from '../src/crypto/node.ts';
import type { CryptoProvider } from '../src/crypto/provider.ts';
import { InboundSrtp, OutboundSrtp, SRTP_MAX_OVERHEAD, SRTP_PROFILES, type SrtpProfile } from '../src/srtp/index.ts';
import { PROFILE_PARAMETERS } from '../src/srtp/profiles.ts';

const PAYLOADS = [1200, 160]; // bytes: video, audio
const HEADER = 20; // bytes: with an extension of one word, as transport-wide-cc has
const PACKETS = 1024;
const RUN_MS = process.argv.includes('--quick') ? 200 : 700;

type Speed = { protect: number; unprotect: number };

/** ns per packet. */
function measure(crypto: CryptoProvider, profile: SrtpProfile, payloadLength: number): Speed {
  const { keyLength, saltLength } = PROFILE_PARAMETERS[profile];
  const masterKey = crypto.hash('sha256', new Uint8Array(1)).subarray(0, keyLength);
  const masterSalt = crypto.hash('sha256', new Uint8Array(2)).subarray(0, saltLength);
  const length = HEADER + payloadLength;
  const buffers = Array.from({ length: PACKETS }, () => new Uint8Array(length + SRTP_MAX_OVERHEAD));
  const speed = { protect: Number.POSITIVE_INFINITY, unprotect: Number.POSITIVE_INFINITY };
  for (const stop = performance.now() + RUN_MS; performance.now() < stop; ) {
    const out = new OutboundSrtp({ crypto, profile, masterKey, masterSalt });
    const inbound = new InboundSrtp({ crypto, profile, masterKey, masterSalt });
    buffers.forEach((buffer, i) => {
      writeHeader(buffer, i);
    });
    const start = performance.now();
    for (const buffer of buffers) out.protectRtp(buffer, 0, length);
    const between = performance.now();
    const sealed = buffers.map((buffer) => buffer.subarray(0, length + out.rtpOverhead));
    const restart = performance.now();
    for (const packet of sealed) inbound.unprotectRtp(packet);
    const end = performance.now();
    if (inbound.stats.rtpPackets !== PACKETS) throw new Error('lost');
    speed.protect = Math.min(speed.protect, ((between - start) * 1e6) / PACKETS);
    speed.unprotect = Math.min(speed.unprotect, ((end - restart) * 1e6) / PACKETS);
  }
  return speed;
}

function writeHeader(packet: Uint8Array, sequenceNumber: number): void {
  packet[0] = 0x90;
  packet[1] = 96;
  setU16(packet, 2, sequenceNumber);
  setU32(packet, 8, 0xcafe_babe);
  setU32(packet, 12, 0xbede_0001);
}

function row(title: string, cells: readonly string[]): void {
  console.log(title.padEnd(36) + cells.map((cell) => cell.padStart(14)).join(''));
}

const PROFILES = Object.keys(SRTP_PROFILES) as SrtpProfile[];
const PROVIDERS = [nodeCrypto, nobleCrypto];

if (process.argv.includes('--json')) {
  const rows = PAYLOADS.flatMap((payloadLength) =>
    PROFILES.flatMap((profile) =>
      PROVIDERS.map((crypto) => ({
        profile,
        payloadLength,
        crypto: crypto.name,
        ...measure(crypto, profile, payloadLength),
      })),
    ),
  );
  console.log(JSON.stringify(rows));
} else {
  for (const payloadLength of PAYLOADS) {
    row(`${payloadLength}-byte payload, packets/s`, ['node protect', 'unprotect', 'noble protect', 'unprotect']);
    for (const profile of PROFILES) {
      const speeds = PROVIDERS.map((crypto) => measure(crypto, profile, payloadLength));
      const cells = speeds.flatMap(({ protect, unprotect }) => [protect, unprotect]);
      row(
        `  ${profile}`,
        cells.map((ns) => Math.round(1e9 / ns).toLocaleString('en')),
      );
    }
  }
}
