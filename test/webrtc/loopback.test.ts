/** Two connections in one process over real sockets, and what a process looks like after a thousand of them. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { RTCPeerConnection } from '../../src/index.ts';
import { exchange, next } from './support.ts';

const settings = {
  loopback: true,
  mdns: 'off',
  interfaceFilter: ({ internal }: { internal: boolean }) => internal,
} as const;

test('offer and answer with all candidates in them, over UDP', async () => {
  const a = new RTCPeerConnection({}, settings);
  const b = new RTCPeerConnection({}, settings);
  try {
    const channel = a.createDataChannel('chat');
    const incoming = next<Event & { channel: typeof channel }>(b, 'datachannel');
    const gathered = (pc: RTCPeerConnection): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => void (pc.iceGatheringState === 'complete' && resolve());
        pc.addEventListener('icegatheringstatechange', look);
        look();
      });
    await a.setLocalDescription();
    await gathered(a);
    await b.setRemoteDescription(a.localDescription!);
    await b.setLocalDescription();
    await gathered(b);
    await a.setRemoteDescription(b.localDescription!);
    await next(channel, 'open');
    const theirs = (await incoming).channel;
    const answer = next<MessageEvent>(channel, 'message');
    theirs.onmessage = ({ data }) => theirs.send(`${data} yourself`);
    channel.send('hello');
    expect((await answer).data).toBe('hello yourself');
    const report = await a.getStats();
    const types = new Set([...report.values()].map(({ type }) => type));
    expect([...types].sort()).toEqual([
      'candidate-pair',
      'certificate',
      'data-channel',
      'local-candidate',
      'peer-connection',
      'remote-candidate',
      'transport',
    ]);
    for (const entry of report.values()) {
      for (const [name, value] of Object.entries(entry)) {
        if (name.endsWith('Id')) expect(report.has(value as string), `${entry.type}.${name}`).toBe(true);
      }
    }
    const again = await a.getStats();
    expect([...again.keys()].sort()).toEqual([...report.keys()].sort());
  } finally {
    a.close();
    b.close();
  }
});

test('both directions of offers on one connection', async () => {
  const a = new RTCPeerConnection({}, settings);
  const b = new RTCPeerConnection({}, settings);
  try {
    a.onicecandidate = ({ candidate }) => void b.addIceCandidate(candidate).catch(() => {});
    b.onicecandidate = ({ candidate }) => void a.addIceCandidate(candidate).catch(() => {});
    const channel = a.createDataChannel('x');
    const opened = next(channel, 'open');
    await exchange(a, b);
    await opened;
    await exchange(b, a);
    const second = b.createDataChannel('y');
    await next(second, 'open');
    expect(a.connectionState).toBe('connected');
  } finally {
    a.close();
    b.close();
  }
});

const built = fileURLToPath(new URL('../../dist/index.js', import.meta.url));
const child = fileURLToPath(new URL('thousand-connections.mjs', import.meta.url));

test.skipIf(!existsSync(built))(
  'a process with 1,000 closed connections has nothing left and exits by itself (needs npm run build)',
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', child, built], { timeout: 110_000 });
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ opened: 1000, resources: [], listeners: 0, connectionsAlive: 0 });
  },
  120_000,
);
