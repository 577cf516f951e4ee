/**
 * Records fixtures/rtp/<browser>-*.json: the RTP packets of a moving picture as Chromium sends them, decrypted, beside what
 * its encoder made: `node scripts/record-browser-rtp.ts`, with Node 22.18 or newer. test/rtp/payload/browsers.test.ts puts
 * the packets together and compares.
 */
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { defaultCrypto, fingerprint, generateEcdsaCertificate, matchesFingerprint } from '../src/crypto/index.ts';
import { nobleCrypto } from '../src/crypto/noble.ts';
import { DtlsConnection } from '../src/dtls/index.ts';
import { formatCandidate, IceAgent } from '../src/ice/index.ts';
import { DEPENDENCY_DESCRIPTOR_URI } from '../src/rtp/extensions/dependency-descriptor.ts';
import { classifyDatagram } from '../src/session/index.ts';
import {
  deriveSrtpKeys,
  InboundSrtp,
  SRTP_EXPORTER_LABEL,
  type SrtpProfile,
  srtpKeyingMaterialLength,
} from '../src/srtp/index.ts';
import { TestBrowser } from '../test/browser/browsers.ts';
import { PageServer } from '../test/browser/page-server.ts';

const FOLDER = new URL('../fixtures/rtp/', import.meta.url).pathname;
type Clip = { codec: string; mode: string; width: number; height: number; bitrate: number };

const CLIPS: readonly Clip[] = [
  { codec: 'VP8', mode: 'L1T2', width: 160, height: 90, bitrate: 200_000 },
  { codec: 'VP9', mode: 'L1T3', width: 160, height: 90, bitrate: 200_000 },
  { codec: 'VP9', mode: 'L2T2', width: 640, height: 360, bitrate: 1_000_000 },
  { codec: 'VP9', mode: 'L3T3_KEY', width: 960, height: 540, bitrate: 2_000_000 },
  { codec: 'AV1', mode: 'L1T3', width: 160, height: 90, bitrate: 200_000 },
  { codec: 'AV1', mode: 'L2T2', width: 640, height: 360, bitrate: 1_000_000 },
];
/** So many pictures are enough to see every kind of frame. */
const PICTURES = 6;

/** What the page does. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>sender</title><script type="module">
  const hex = async (data) => Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', data)),
    (byte) => byte.toString(16).padStart(2, '0')).join('');
  const frames = [];
  let pc;
  globalThis.start = async ({ codec, mode, width, height, bitrate, extension }) => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d');
    let n = 0;
    setInterval(() => {
      context.fillStyle = '#246';
      context.fillRect(0, 0, width, height);
      context.fillStyle = '#fc6';
      context.fillRect((7 * n++) % width, height / 4, width / 6, height / 3);
      for (let i = 0; i < 60; i++) {
        context.fillStyle = 'hsl(' + (47 * i) % 360 + ' 70% 50%)';
        context.fillRect((37 * i + (i % 9 ? 0 : n)) % width, (53 * i) % height, 3, 5);
      }
    }, 40);
    const [track] = canvas.captureStream(25).getVideoTracks();
    pc = new RTCPeerConnection({ encodedInsertableStreams: true });
    const transceiver = pc.addTransceiver(track, { direction: 'sendonly', sendEncodings: [{ scalabilityMode: mode, maxBitrate: bitrate }] });
    transceiver.setCodecPreferences(RTCRtpSender.getCapabilities('video').codecs
      .filter(({ mimeType, sdpFmtpLine = '' }) => mimeType === 'video/' + codec && !/profile(-id)?=[1-9]/.test(sdpFmtpLine)));
    const extensions = transceiver.getHeaderExtensionsToNegotiate();
    for (const each of extensions) if (each.uri === extension) each.direction = 'sendrecv';
    transceiver.setHeaderExtensionsToNegotiate(extensions);
    const { readable, writable } = transceiver.sender.createEncodedStreams();
    readable.pipeThrough(new TransformStream({ async transform(frame, controller) {
      const { width, height, spatialIndex, temporalIndex, frameId, dependencies } = frame.getMetadata();
      const length = frame.data.byteLength;
      frames.push({ rtpTimestamp: frame.timestamp, type: frame.type, length, sha256: await hex(frame.data), width, height, spatialIndex, temporalIndex, frameId, dependencies });
      controller.enqueue(frame);
    } })).pipeTo(writable);
    await pc.setLocalDescription(await pc.createOffer());
    return pc.localDescription.sdp;
  };
  globalThis.accept = (sdp) => pc.setRemoteDescription({ type: 'answer', sdp });
  globalThis.sent = () => frames;
</script>`;

type SentFrame = {
  rtpTimestamp: number;
  type: string;
  length: number;
  sha256: string;
  spatialIndex?: number;
  temporalIndex?: number;
};

declare global {
  var start: (clip: Clip & { extension: string }) => Promise<string>;
  var accept: (sdp: string) => Promise<void>;
  var sent: () => SentFrame[];
}

function hostAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function record(clip: Clip): Promise<object> {
  const server = await PageServer.start({ '/': PAGE });
  const browser = await TestBrowser.launch('chromium');
  const socket = createSocket('udp4');
  const address = hostAddress();
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  const ticks: { timer?: NodeJS.Timeout } = {};
  try {
    const page = await browser.openPage(`${server.origin}/`);
    await page.waitForFunction(() => globalThis.start !== undefined);
    const offer = await page.evaluate((each) => globalThis.start(each), {
      ...clip,
      extension: DEPENDENCY_DESCRIPTOR_URI,
    });
    const line = (pattern: RegExp): RegExpExecArray => {
      const match = pattern.exec(offer);
      if (match === null) throw new Error(`the browser's offer has no ${pattern}:\n${offer}`);
      return match;
    };
    const payloadType = line(new RegExp(`^a=rtpmap:(\\d+) ${clip.codec}/90000`, 'm'))[1]!;
    const extensionId = Number(
      new RegExp(`^a=extmap:(\\d+)\\S* ${DEPENDENCY_DESCRIPTOR_URI}`, 'm').exec(offer)?.[1] ?? 0,
    );
    const ssrc = Number(line(/^a=ssrc:(\d+) /m)[1]!);
    const mid = line(/^a=mid:(.*)$/m)[1]!.trim();
    const [algorithm = '', value = ''] = line(/^a=fingerprint:(.*)$/m)[1]!
      .trim()
      .split(' ');

    const certificate = generateEcdsaCertificate({ crypto: nobleCrypto, now: Date.now(), expires: 365 * 86_400_000 });
    const began = performance.now();
    const now = (): number => performance.now() - began;
    const remote = { address: '', port: 0 };
    const packets: Uint8Array[] = [];
    let srtp: InboundSrtp | null = null;
    const agent = new IceAgent(
      { crypto: defaultCrypto(), random: nobleCrypto.random, controlling: false },
      {
        transmit: (packet, _socketId, to) => socket.send(packet, to.port, to.address),
        event: (event) => {
          if (event.kind !== 'selectedPair' || event.pair === null) return;
          const isFirst = remote.port === 0;
          Object.assign(remote, event.pair.remoteAddress);
          if (isFirst) dtls.start(now());
        },
      },
    );
    const dtls: DtlsConnection = new DtlsConnection(
      {
        crypto: nobleCrypto,
        certificate,
        role: 'client',
        random: nobleCrypto.random,
        verifyCertificate: ([leaf]) =>
          leaf !== undefined && matchesFingerprint(nobleCrypto, leaf, [{ algorithm, value }]),
        srtpProfiles: ['SRTP_AEAD_AES_128_GCM', 'SRTP_AES128_CM_HMAC_SHA1_80'],
      },
      {
        transmit: (packet) => socket.send(packet, remote.port, remote.address),
        event: (event) => {
          if (event.kind !== 'connected') return;
          const profile = dtls.srtpProfile as SrtpProfile;
          const material = dtls.exportKeyingMaterial(SRTP_EXPORTER_LABEL, srtpKeyingMaterialLength(profile));
          srtp = new InboundSrtp({
            crypto: nobleCrypto,
            profile,
            ...deriveSrtpKeys(profile, 'client', material).remote,
          });
        },
      },
    );
    socket.on('message', (packet, from) => {
      const kind = classifyDatagram(packet);
      if (kind === 'stun') agent.handlePacket(packet, 0, { address: from.address, port: from.port }, now());
      else if (kind === 'dtls') dtls.handlePacket(packet, now());
      else if ((packet[1]! & 0x7f) === Number(payloadType)) {
        const plain = srtp?.unprotectRtp(packet);
        if (plain && new DataView(plain.buffer, plain.byteOffset).getUint32(8) === ssrc) packets.push(plain.slice());
      }
    });
    ticks.timer = setInterval(() => {
      agent.handleTimeout(now());
      dtls.handleTimeout(now());
    }, 10);
    agent.gather(now());
    agent.addSocket({ type: 'host', socketId: 0, address, port: socket.address().port }, now());
    agent.endOfLocalSockets(now());
    agent.setRemoteCredentials(
      { usernameFragment: line(/^a=ice-ufrag:(.*)$/m)[1]!.trim(), password: line(/^a=ice-pwd:(.*)$/m)[1]!.trim() },
      now(),
    );
    const { usernameFragment, password } = agent.localCredentials;
    const answer = [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=-',
      't=0 0',
      `a=group:BUNDLE ${mid}`,
      'a=extmap-allow-mixed', // a structure is longer than the 16 bytes of a one-byte header (RFC 8285 §4.2)
      `m=video 9 UDP/TLS/RTP/SAVPF ${payloadType}`,
      'c=IN IP4 0.0.0.0',
      `a=mid:${mid}`,
      'a=recvonly',
      'a=rtcp-mux',
      'a=rtcp-rsize',
      `a=rtpmap:${payloadType} ${clip.codec}/90000`,
      // Without an estimate of ours the upper layers would stay off.
      `a=fmtp:${payloadType} x-google-start-bitrate=1500`,
      ...(extensionId > 0 ? [`a=extmap:${extensionId} ${DEPENDENCY_DESCRIPTOR_URI}`] : []),
      `a=ice-ufrag:${usernameFragment}`,
      `a=ice-pwd:${password}`,
      `a=fingerprint:sha-256 ${fingerprint(nobleCrypto, 'sha-256', certificate.chain[0]!)}`,
      'a=setup:active',
      ...agent.localCandidates.map((candidate) => `a=${formatCandidate(candidate)}`),
      '',
    ].join('\r\n');
    await page.evaluate((sdp) => globalThis.accept(sdp), answer);

    const timestampOf = (packet: Uint8Array): number => new DataView(packet.buffer, packet.byteOffset).getUint32(4);
    let pictures: number[] = [];
    for (let i = 0; i < 500 && pictures.length <= PICTURES; i++) {
      await sleep(20);
      pictures = [...new Set(packets.map(timestampOf))];
    }
    if (pictures.length <= PICTURES) throw new Error(`${clip.codec} ${clip.mode}: ${pictures.length} pictures came`);
    const kept = pictures.slice(0, PICTURES);
    const frames = (await page.evaluate(() => globalThis.sent())).filter(({ rtpTimestamp }) =>
      kept.includes(rtpTimestamp),
    );
    return {
      about: 'Recorded by scripts/record-browser-rtp.ts, checked by test/rtp/payload/browsers.test.ts.',
      browser: browser.version,
      codec: clip.codec,
      scalabilityMode: clip.mode,
      dependencyDescriptorId: extensionId,
      frames,
      packets: packets
        .filter((packet) => kept.includes(timestampOf(packet)))
        .map((packet) => Buffer.from(packet).toString('base64')),
    };
  } finally {
    clearInterval(ticks.timer);
    socket.close();
    await browser.close();
    await server.close();
  }
}

for (const clip of CLIPS) {
  if (process.argv.length > 2 && !process.argv.includes(`${clip.codec}-${clip.mode}`)) continue;
  const recording = JSON.stringify(await record(clip), null, 1);
  writeFileSync(`${FOLDER}chromium-${clip.codec.toLowerCase()}-${clip.mode.toLowerCase()}.json`, `${recording}\n`);
}
