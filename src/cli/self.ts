/**
 * `purertc self`: what data channels do on this machine. This process and a child of it connect over loopback, measure,
 * print a summary, and end.
 */
import { type ChildProcess, fork } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { RTCDataChannel } from '../webrtc/data-channel.ts';
import { RTCPeerConnection } from '../webrtc/peer-connection.ts';
import type { PeerConnectionSettings } from '../webrtc/settings.ts';
import { megabytes, speed } from './format.ts';
import { Meter } from './meter.ts';
import { Timeline } from './timeline.ts';

/** Loopback and nothing else: nothing leaves the machine, and no firewall has a say. */
const SETTINGS: PeerConnectionSettings = { loopback: true, interfaceFilter: ({ internal }) => internal };
const OPEN_TIMEOUT_MS = 10_000;
const PING_INTERVAL_MS = 10;
const PINGS = 50;
/** Of each direction; the first part of it is not counted. */
const FLOW_MS = 2500;
const WARM_UP_MS = 500;

/** What the two processes tell each other: a session description or a candidate (`null`: no more of them). */
type SignalingMessage =
  | { readonly description: { readonly type: 'offer' | 'answer'; readonly sdp: string } }
  | { readonly candidate: { readonly candidate: string; readonly sdpMid: string | null } | null };

/** One end: the connection, and its signaling over the pipe between the processes. */
function makeConnection(send: (message: SignalingMessage) => void): {
  connection: RTCPeerConnection;
  receive: (message: SignalingMessage) => Promise<void>;
} {
  const connection = new RTCPeerConnection({ iceServers: [] }, SETTINGS);
  connection.addEventListener('icecandidate', ({ candidate }) => {
    send({ candidate: candidate === null ? null : { candidate: candidate.candidate, sdpMid: candidate.sdpMid } });
  });
  const receive = async (message: SignalingMessage): Promise<void> => {
    if ('candidate' in message) return connection.addIceCandidate(message.candidate ?? undefined);
    await connection.setRemoteDescription(message.description);
    if (message.description.type === 'answer') return;
    await connection.setLocalDescription();
    send({ description: { type: 'answer', sdp: connection.localDescription?.sdp ?? '' } });
  };
  return { connection, receive };
}

/** The child's side: answers, and lends itself to the parent's meter. */
export function runSelfChild(): void {
  const { connection, receive } = makeConnection((message) => void process.send?.(message));
  const channels: RTCDataChannel[] = [];
  connection.addEventListener('datachannel', ({ channel }) => {
    channels.push(channel);
    const [control, bulk] = ['meter', 'bulk'].map((label) => channels.find((known) => known.label === label));
    if (control !== undefined && bulk !== undefined) new Meter(control, bulk);
  });
  process.on('message', (message) => void receive(message as SignalingMessage));
  process.on('disconnect', () => connection.close());
  process.send?.('ready'); // now that the clock may start
}

/** The parent's side. Resolves with the exit code. */
export async function runSelf(entry: URL, print: (line: string) => void): Promise<number> {
  const child = fork(fileURLToPath(entry), ['self', '--child']);
  try {
    await measure(child, print);
    return 0;
  } catch (error) {
    print(`failed: ${(error as Error).message}`);
    return 1;
  } finally {
    await end(child);
  }
}

async function measure(child: ChildProcess, print: (line: string) => void): Promise<void> {
  await new Promise((resolve) => child.once('message', resolve));
  const { connection, receive } = makeConnection((message) => void child.send(message));
  const failed = new Promise<never>((_, reject) => {
    child.once('exit', (code) => reject(new Error(`the other process exited with ${code}`)));
    child.on('message', (message) => receive(message as SignalingMessage).catch(reject));
  });
  failed.catch(() => {}); // when it happens after the last race below, it is of no interest
  try {
    const timeline = new Timeline(connection);
    const control = connection.createDataChannel('meter');
    const bulk = connection.createDataChannel('bulk');
    timeline.watchChannel(bulk);
    const roundTrips: number[] = [];
    const delivered = { bytes: 0, ms: 0 };
    const received = { bytes: 0, ms: 0 };
    const add = (to: typeof delivered) => (bytes: number, ms: number) => {
      to.bytes += bytes;
      to.ms += ms;
    };
    const events = {
      onRoundTrip: (ms: number) => void roundTrips.push(ms),
      onDelivered: add(delivered),
      onReceived: add(received),
    };
    const meter = new Meter(control, bulk, events);

    await connection.setLocalDescription();
    child.send({ description: { type: 'offer', sdp: connection.localDescription?.sdp ?? '' } });
    await Promise.race([failed, opened(bulk), timeout(OPEN_TIMEOUT_MS, connection)]);
    print(`two processes, ${process.pid} and ${child.pid}, open after ${timeline.openMs?.toFixed(1)} ms`);
    for (const line of timeline.draw()) print(`  ${line}`);

    meter.startPinging(PING_INTERVAL_MS);
    await Promise.race([failed, sleep(PINGS * PING_INTERVAL_MS)]);
    const idle = roundTrips.splice(0).sort((a, b) => a - b);

    const flow = async (switchOn: (on: boolean) => void, counter: typeof delivered): Promise<number> => {
      switchOn(true);
      await Promise.race([failed, sleep(WARM_UP_MS)]);
      Object.assign(counter, { bytes: 0, ms: 0 });
      await Promise.race([failed, sleep(FLOW_MS - WARM_UP_MS)]);
      const rate = (counter.bytes / counter.ms) * 1000;
      switchOn(false);
      await Promise.race([failed, sleep(WARM_UP_MS)]); // what is under way arrives
      return rate;
    };
    const there = await flow((on) => meter.flow(on), delivered);
    const back = await flow((on) => meter.request(on), received);
    const loaded = roundTrips.sort((a, b) => a - b);

    if (idle.length === 0 || !(there > 0) || !(back > 0)) throw new Error('nothing came back');
    const row = (name: string, value: string): void => print(`  ${name.padEnd(22)}${value}`);
    row('round trip, idle', `${middle(idle)} ms (median of ${idle.length})`);
    row('round trip, loaded', `${middle(loaded)} ms`);
    row('there', `${speed(there)}, ${megabytes(meter.totals.sent)} sent`);
    row('back', `${speed(back)}, ${megabytes(meter.totals.received)} received`);
    meter.stop();
  } finally {
    connection.close();
  }
}

function opened(channel: RTCDataChannel): Promise<void> {
  return new Promise((resolve) => channel.addEventListener('open', () => resolve(), { once: true }));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function timeout(ms: number, connection: RTCPeerConnection): Promise<never> {
  await new Promise<void>((resolve) => void setTimeout(resolve, ms).unref());
  const { iceConnectionState, connectionState } = connection;
  throw new Error(`not open after ${ms} ms (ICE ${iceConnectionState}, connection ${connectionState})`);
}

function middle(sorted: readonly number[]): string {
  return sorted[Math.floor(sorted.length / 2)]?.toFixed(2) ?? '–';
}

/** The child goes when the pipe does; if not, it is made to. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), 2000);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    if (child.connected) child.disconnect();
  });
}
