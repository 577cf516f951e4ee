/** What anybody on the path may send: SRTP and SRTCP of a running call, damaged and repeated, into the session itself. */
import { expect, test } from 'vitest';
import { nodeCrypto } from '../../src/crypto/node.ts';
import { ExtensionMap } from '../../src/rtp/index.ts';
import { MemoryNetwork, type PacketTrace, SeededRandom } from '../../src/runtime/memory.ts';
import { makeDtlsCertificate } from './certificates.ts';
import { EXTENSIONS, MediaFlow } from './media-flow.ts';
import { connect } from './scenario.ts';
import { SimulatedPeer } from './simulated-peer.ts';

const CALL_MS = 2_000;
/** Sound and picture both ways: what is sent twice or damaged must not show in what is delivered. */
const FRAME_INTERVAL_MS = 40;

/** RFC 7983: 128 to 191. */
function isMedia({ packet }: PacketTrace): boolean {
  return packet[0]! >= 128 && packet[0]! <= 191;
}

test('damaged, cut and repeated SRTP and SRTCP: the call goes on as if nothing had come', async () => {
  const certificates = [await makeDtlsCertificate(nodeCrypto), await makeDtlsCertificate(nodeCrypto)] as const;
  const random = new SeededRandom('damage');
  const network = new MemoryNetwork({ seed: 7, poisonsSentPackets: true });
  const peers = ([0, 1] as const).map((index) => {
    const addresses = [`192.0.2.${index + 1}`];
    const host = network.addHost({ name: `peer ${index}`, addresses, uplink: { delayMs: 20 } });
    return new SimulatedPeer({ host, certificate: certificates[index], controlling: index === 0 });
  }) as [SimulatedPeer, SimulatedPeer];
  const ways = [peers, [peers[1], peers[0]]] as const;
  const flows = ways.flatMap((way, index) => [
    new MediaFlow('video', way, 'rtx', random.fork(`video ${index}`)),
    new MediaFlow('audio', way, 'none', random.fork(`audio ${index}`)),
  ]);
  const parameters = { extensions: new ExtensionMap(EXTENSIONS), feedback: 'transport-cc', reducedSize: true } as const;
  for (const { session } of peers) {
    session.media.configure(parameters);
  }
  connect(peers, random);
  const isConnected = (): boolean => peers.every(({ session }) => session.dtls?.state === 'connected');
  expect(network.runUntil(isConnected, 60_000)).toBe(true);

  const damaged = { rtp: 0, rtcp: 0 };
  const damage = (packet: Uint8Array): Uint8Array => {
    const kind = random.below(4);
    if (kind === 0) return packet; // once more, as it was
    if (kind === 1) return packet.subarray(0, random.below(packet.length));
    for (let flips = 1 + random.below(4); flips > 0; flips--) {
      packet[random.below(random.chance(0.5) ? Math.min(20, packet.length) : packet.length)]! ^= 1 << random.below(8);
    }
    return packet;
  };
  network.onFate = (trace) => {
    if (trace.fate !== 'delivered' || !isMedia(trace)) return;
    const peer = peers.find(({ host }) => host.attachment.addresses.includes(trace.destination.address))!;
    const packet = trace.packet.slice();
    const isRtcp = packet[1]! >= 192 && packet[1]! <= 223;
    for (let copies = 0; copies < 5; copies++) {
      const copy = damage(packet.slice());
      damaged[isRtcp ? 'rtcp' : 'rtp']++;
      // Before it, or behind it: the true one comes as well.
      peer.host.setTimer(random.below(30), () =>
        peer.run((session, now) => session.handlePacket(copy, 0, trace.source, now)),
      );
    }
  };
  const start = network.now;
  for (const flow of flows) {
    const next = (): void => {
      if (network.now - start >= CALL_MS) return;
      flow.sendFrame();
      flow.from.host.setTimer(FRAME_INTERVAL_MS, next);
    };
    flow.from.host.setTimer(0, next);
  }
  network.run(CALL_MS + 1_000);
  expect(damaged.rtp).toBeGreaterThan(1_000);
  expect(damaged.rtcp).toBeGreaterThan(100);
  for (const flow of flows) {
    expect(flow.problem).toBeNull();
    expect(flow.brokenBetween(start, start + CALL_MS)).toEqual({ frames: flow.delivered.length, broken: 0 });
    expect(flow.delivered.length).toBeGreaterThan(40);
  }
  for (const { session } of peers) {
    expect([...session.media.demultiplexer.streams].length).toBeLessThanOrEqual(3);
    expect(session.media.stats.malformed + session.media.stats.malformedRtp).toBe(0);
    expect(session.nextTimeout).toBeGreaterThan(network.now - 1);
  }
  for (const peer of peers) peer.close();
}, 30_000);
