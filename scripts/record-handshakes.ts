/**
 * Records how the browsers on this machine shake hands: `npm run record`, with Node 22.18 or newer. Writes
 * fixtures/handshakes/<browser>-<its DTLS role>.json, which test/interop/replay.test.ts replays.
 *
 * Our side is the machines of this package with the noble provider, whose ECDSA is deterministic: the same certificate,
 * random bytes, datagrams and times make it send the same bytes again. To be run anew when what we send changes (an
 * extension in the ClientHello, say): the browser's Finished is over both sides' bytes.
 */
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { defaultCrypto, fingerprint, generateEcdsaCertificate } from '../src/crypto/index.ts';
import { nobleCrypto } from '../src/crypto/noble.ts';
import type { DtlsRole } from '../src/dtls/index.ts';
import { formatCandidate, IceAgent } from '../src/ice/index.ts';
import type { RandomSource } from '../src/machine.ts';
import { classifyDatagram } from '../src/session/index.ts';
import { browserPeer } from '../test/browser/browser-peer.ts';
import { BROWSERS, type BrowserName, findBrowser } from '../test/browser/browsers.ts';
import {
  HandshakePeer,
  type RecordedPacket,
  type RecordedStep,
  type Recording,
} from '../test/interop/handshake-peer.ts';

const MESSAGES = ['Hello from the browser', 'grüße, 你好, 👋'];
/** Long enough for the last SACKs and the browser's goodbye. */
const AFTERMATH_MS = 500;

/** Keeps what it gives. */
class RecordingRandom implements RandomSource {
  readonly #given: Uint8Array[] = [];

  fill(target: Uint8Array): void {
    nobleCrypto.random.fill(target);
    this.#given.push(target.slice());
  }

  get base64(): string {
    return Buffer.concat(this.#given).toString('base64');
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** An address that browsers use: not loopback, unless there is nothing else. */
function hostAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The value of an attribute in a description with one media section. */
function attribute(sdp: string, name: string): string {
  const value = new RegExp(`^a=${name}:(.*)$`, 'm').exec(sdp)?.[1]?.trim();
  if (value === undefined) throw new Error(`the browser's offer has no a=${name}`);
  return value;
}

async function record(browser: BrowserName, dtlsRole: DtlsRole): Promise<Recording> {
  const peer = await browserPeer(browser);
  const socket = createSocket('udp4');
  const address = hostAddress();
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  const timers: { ours?: NodeJS.Timeout } = {};
  try {
    const certificate = generateEcdsaCertificate({ crypto: nobleCrypto, now: Date.now(), expires: 365 * 86_400_000 });
    const random = { dtls: new RecordingRandom(), sctp: new RecordingRandom() };
    const beganAt = performance.now();
    const now = (): number => Math.round((performance.now() - beganAt) * 10) / 10;
    const log: RecordedStep[] = [];
    const stun: RecordedPacket[] = [];
    const events: string[] = [];

    // ICE, for a path; recorded for its own sake.
    const remote = { address: '', port: 0 };
    const send = (packet: Uint8Array, to: { address: string; port: number }): void =>
      socket.send(packet, to.port, to.address);
    const agent = new IceAgent(
      { crypto: defaultCrypto(), random: nobleCrypto.random, controlling: false },
      {
        transmit: (packet, _socketId, to) => {
          stun.push({ at: now(), sent: base64(packet) });
          send(packet, to);
        },
        event: (event) => {
          if (event.kind !== 'selectedPair' || event.pair === null) return;
          const isFirst = remote.port === 0;
          Object.assign(remote, event.pair.remoteAddress);
          if (isFirst) begin();
        },
      },
    );

    const browserId = await peer.agent.open({ config: { iceServers: [] } });
    const channel = await peer.agent.createChannel({ peer: browserId, label: 'recorded' });
    // Its candidates are `.local` names; it checks ours, and so we learn where it is (RFC 8445 §7.3.1.3).
    const offer = await peer.agent.offer({ peer: browserId });
    const [algorithm = '', value = ''] = attribute(offer.sdp, 'fingerprint').split(' ');
    const browserFingerprint = { algorithm, value };
    const remoteCredentials = {
      usernameFragment: attribute(offer.sdp, 'ice-ufrag'),
      password: attribute(offer.sdp, 'ice-pwd'),
    };

    const ours = new HandshakePeer({
      crypto: nobleCrypto,
      certificate,
      role: dtlsRole,
      fingerprints: [browserFingerprint],
      dtlsRandom: random.dtls,
      sctpRandom: random.sctp,
      transmit: (packet) => {
        log.push({ at: now(), sent: base64(packet) });
        send(packet, remote);
      },
      event: (event) => events.push(event),
    });
    const arm = (): void => {
      clearTimeout(timers.ours);
      const due = Math.min(ours.nextTimeout, agent.nextTimeout);
      if (due !== Infinity) timers.ours = setTimeout(wake, Math.max(0, due - now()) + 1);
    };
    const step = (entry: RecordedStep, call: () => void): void => {
      log.push(entry);
      call();
      arm();
    };
    const wake = (): void => {
      const at = now();
      agent.handleTimeout(at);
      if (ours.nextTimeout <= at) step({ at, timeout: true }, () => ours.handleTimeout(at));
      arm();
    };
    const begin = (): void => {
      const at = now();
      step({ at, start: true }, () => ours.start(at));
    };
    // What comes before we have a path waits, as in the session.
    const early: Uint8Array[] = [];
    const take = (packet: Uint8Array): void => {
      const at = now();
      step({ at, received: base64(packet) }, () => ours.handlePacket(packet, at));
    };
    socket.on('message', (packet, from) => {
      if (classifyDatagram(packet) === 'dtls') {
        if (remote.port === 0) early.push(packet);
        else take(packet);
        return;
      }
      stun.push({ at: now(), received: base64(packet) });
      agent.handlePacket(packet, 0, { address: from.address, port: from.port }, now());
      if (remote.port !== 0) for (const waiting of early.splice(0)) take(waiting);
      arm();
    });

    agent.gather(now());
    agent.addSocket({ type: 'host', socketId: 0, address, port: socket.address().port }, now());
    agent.endOfLocalSockets(now());
    agent.setRemoteCredentials(remoteCredentials, now());
    arm();
    const { usernameFragment, password } = agent.localCredentials;
    const sdp = [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=-',
      't=0 0',
      `a=group:BUNDLE ${attribute(offer.sdp, 'mid')}`,
      'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
      'c=IN IP4 0.0.0.0',
      `a=mid:${attribute(offer.sdp, 'mid')}`,
      `a=ice-ufrag:${usernameFragment}`,
      `a=ice-pwd:${password}`,
      `a=fingerprint:sha-256 ${fingerprint(nobleCrypto, 'sha-256', certificate.chain[0]!)}`,
      `a=setup:${dtlsRole === 'client' ? 'active' : 'passive'}`,
      'a=sctp-port:5000',
      'a=max-message-size:262144',
      ...agent.localCandidates.map((candidate) => `a=${formatCandidate(candidate)}`),
      '',
    ].join('\r\n');
    await peer.agent.accept({ peer: browserId, description: { type: 'answer', sdp } });

    await peer.agent.waitReadyState({ channel: channel.channel, value: 'open' });
    for (const text of MESSAGES) await peer.agent.sendText({ channel: channel.channel, text });
    await peer.agent.received({ channel: channel.channel, count: MESSAGES.length });
    await sleep(AFTERMATH_MS);
    await peer.agent.closePeer({ peer: browserId });
    await sleep(AFTERMATH_MS);

    return {
      about: 'Recorded by scripts/record-handshakes.ts, replayed by test/interop/replay.test.ts.',
      browser: peer.name,
      recordedAt: new Date().toISOString(),
      dtlsRole,
      certificate: { der: base64(certificate.chain[0]!), pkcs8: base64(certificate.pkcs8) },
      browserFingerprint,
      random: { dtls: random.dtls.base64, sctp: random.sctp.base64 },
      ice: { localCredentials: { usernameFragment, password }, remoteCredentials, packets: stun },
      log,
      events,
    };
  } finally {
    clearTimeout(timers.ours);
    socket.close();
    await peer.dispose();
  }
}

for (const browser of BROWSERS) {
  if (findBrowser(browser) === null) {
    console.log(`${browser} is not installed: its recordings stay as they are`);
    continue;
  }
  for (const dtlsRole of ['client', 'server'] as const) {
    const recording = await record(browser, dtlsRole);
    const name = `${browser}-${dtlsRole === 'client' ? 'server' : 'client'}.json`;
    writeFileSync(
      new URL(`../fixtures/handshakes/${name}`, import.meta.url),
      `${JSON.stringify(recording, null, 1)}\n`,
    );
    console.log(`${name}: ${recording.browser}, ${recording.log.length} steps, ${recording.events.join(', ')}`);
  }
}
