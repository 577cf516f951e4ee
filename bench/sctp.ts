/**
 * SCTP alone: two associations joined in memory, both in one thread, CRC32c included, no DTLS, no sockets.
 *
 *   node bench/sctp.ts [seconds per case]        (Node 22.18+; on Node 20 run the build)
 *
 * Bytes are counted at the receiver, in steady state: the first quarter of the time does not count.
 */
import type { RandomSource } from '../src/machine.ts';
import { SctpAssociation } from '../src/sctp/association.ts';
import type { SctpEvent } from '../src/sctp/types.ts';

const secondsPerCase = Number(process.argv[2] ?? 2);
/** The application keeps about this much in the queue, as one that watches `bufferedAmount` would. */
const BUFFERED_BYTES = 1024 * 1024;
const HEADROOM = 24;
const TAILROOM = 16;

const random: RandomSource = { fill: (target) => void crypto.getRandomValues(target as Uint8Array<ArrayBuffer>) };

class Side {
  readonly association: SctpAssociation;
  inbox: Uint8Array[] = [];
  messages = 0;
  bytes = 0;
  other: Side | null = null;

  constructor() {
    this.association = new SctpAssociation(
      { random, headroom: HEADROOM, tailroom: TAILROOM },
      {
        transmit: (packet) => this.other!.inbox.push(packet.subarray(HEADROOM, packet.length - TAILROOM)),
        event: (event: SctpEvent) => {
          if (event.kind !== 'message') return;
          this.messages++;
          this.bytes += event.data.length;
        },
      },
    );
  }

  /** Takes what has arrived, as a socket would deliver it: packet after packet. */
  drain(now: number): boolean {
    const packets = this.inbox;
    if (packets.length === 0) return false;
    this.inbox = [];
    for (const packet of packets) this.association.handlePacket(packet, now);
    return true;
  }
}

function run(messageSize: number): void {
  const a = new Side();
  const b = new Side();
  a.other = b;
  b.other = a;
  a.association.connect(0);
  b.association.connect(0);
  const message = new Uint8Array(messageSize).fill(0x5a);
  const measureFrom = secondsPerCase * 250;
  const end = secondsPerCase * 1000;
  const start = performance.now();
  let from = { at: 0, cpu: 0, bytes: 0, messages: 0, packets: 0 };
  const mark = (at: number): typeof from => {
    const { user, system } = process.cpuUsage();
    return {
      at,
      cpu: (user + system) / 1000,
      bytes: b.bytes,
      messages: b.messages,
      packets: a.association.stats.packetsSent,
    };
  };
  for (let now = 0; now < end; now = performance.now() - start) {
    if (from.at === 0 && now >= measureFrom) from = mark(now);
    while (a.association.bufferedAmount(0) < BUFFERED_BYTES) a.association.send(0, 53, message.slice(), {}, now);
    for (const side of [a, b]) {
      if (side.association.nextTimeout <= now) side.association.handleTimeout(now);
      side.drain(now);
    }
  }
  const to = mark(performance.now() - start);
  const seconds = (to.at - from.at) / 1000;
  const cpuSeconds = (to.cpu - from.cpu) / 1000;
  const megabytes = (to.bytes - from.bytes) / 1e6;
  const { retransmissions, cwnd } = a.association.stats;
  const columns = [
    `${String(messageSize).padStart(8)} B`,
    `${((to.messages - from.messages) / seconds).toFixed(0).padStart(9)} messages/s`,
    `${((to.packets - from.packets) / seconds).toFixed(0).padStart(8)} packets/s`,
    `${(megabytes / seconds).toFixed(0).padStart(5)} MB/s`,
    `${(megabytes / cpuSeconds).toFixed(0).padStart(5)} MB per CPU second`,
    `retransmissions ${retransmissions}, cwnd ${Math.round(cwnd / 1024)} KiB`,
  ];
  console.log(columns.join('  '));
}

console.log(`node ${process.versions.node}, two associations in one thread, ${secondsPerCase} s each`);
for (const size of [100, 1_024, 16_384, 65_536, 262_144]) run(size);
