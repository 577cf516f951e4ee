/** Offers with media as browsers make them, damaged, through the W3C API: an answer, or an exception of the specification's. */
import { beforeAll, expect, test } from 'vitest';
import { type RTCCertificate, RTCPeerConnection } from '../../src/index.ts';
import { MemoryNetwork, SeededRandom } from '../../src/runtime/memory.ts';
import { MEDIA_FIXTURES } from '../sdp/media-peer.ts';
import { fixture } from '../sdp/peer.ts';

const ROUNDS = 20;

/** One for all: making them is most of the time. */
let certificate: RTCCertificate;

beforeAll(async () => {
  certificate = await RTCPeerConnection.generateCertificate({ name: 'ECDSA', namedCurve: 'P-256' } as EcKeyGenParams);
});

/** Lines left out, said twice, swapped, cut, and with characters changed. */
function damage(text: string, random: SeededRandom): string {
  const lines = text.split('\r\n').slice(0, -1);
  for (let times = 1 + random.below(4); times > 0; times--) {
    const at = random.below(lines.length);
    const line = lines[at]!;
    const from = random.below(line.length + 1);
    switch (random.below(5)) {
      case 0:
        lines.splice(at, 1);
        break;
      case 1:
        lines.splice(random.below(lines.length), 0, line);
        break;
      case 2:
        lines[at] = line.slice(0, from);
        break;
      case 3:
        lines[at] = line.replace(/\d+/, () => String(random.below(70_000)));
        break;
      default:
        lines[at] = line.slice(0, from) + String.fromCharCode(33 + random.below(94)) + line.slice(from + 1);
    }
    if (lines.length === 0) break;
  }
  return `${lines.join('\r\n')}\r\n`;
}

test.each(MEDIA_FIXTURES.filter((name) => name.endsWith('offer')))(
  '%s, damaged',
  async (name) => {
    const random = new SeededRandom(`damage ${name}`);
    const text = fixture(name);
    const network = new MemoryNetwork({ seed: 1 });
    let answered = 0;
    let refused = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const runtime = network.addHost({ addresses: [`10.0.0.${round + 1}`] });
      const pc = new RTCPeerConnection({ certificates: [certificate] }, { runtime, mdns: 'off' });
      const sdp = round === 0 ? text : damage(text, random);
      let wasTaken = false;
      try {
        await pc.setRemoteDescription({ type: 'offer', sdp });
        wasTaken = true;
      } catch (error) {
        refused++;
        expect(error, sdp).toBeInstanceOf(DOMException);
      }
      if (wasTaken) {
        await pc.setLocalDescription(); // what was taken can be answered
        expect(pc.getTransceivers().length).toBeLessThan(20);
        answered++;
      }
      pc.close();
    }
    expect(answered).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  },
  30_000,
);
