/** Two connections on the in-memory network, and what tests do with them again and again. */

import type { PeerConnectionSettings } from '../../src/index.ts';
import {
  type RTCConfiguration,
  type RTCDataChannel,
  type RTCIceCandidate,
  RTCPeerConnection,
} from '../../src/index.ts';
import { type Host, type LinkOptions, MemoryNetwork } from '../../src/runtime/memory.ts';

export type PairOptions = {
  readonly seed?: number;
  readonly link?: LinkOptions;
  readonly configuration?: RTCConfiguration;
  readonly settings?: PeerConnectionSettings;
};

export class Pair {
  readonly network: MemoryNetwork;
  readonly hosts: Host[] = [];
  readonly a: RTCPeerConnection;
  readonly b: RTCPeerConnection;

  constructor({ seed = 1, link = { delayMs: 5 }, configuration = {}, settings = {} }: PairOptions = {}) {
    this.network = new MemoryNetwork({ seed });
    const connect = (address: string): RTCPeerConnection => {
      const runtime = this.network.addHost({ addresses: [address], link });
      this.hosts.push(runtime);
      return new RTCPeerConnection(configuration, { ...settings, runtime });
    };
    this.a = connect('192.0.2.1');
    this.b = connect('192.0.2.2');
  }

  /** Lets virtual time pass until `predicate` holds. @throws Error when it does not within a minute */
  async until(predicate: () => boolean, what: string = String(predicate)): Promise<void> {
    if (!(await this.network.runUntilAsync(predicate))) throw new Error(`did not happen: ${what}`);
  }

  /** Lets virtual time pass until `promise` is settled. */
  async during<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const note = (): void => {
      settled = true;
    };
    promise.then(note, note);
    await this.until(() => settled, 'the promise settles');
    return promise;
  }

  /** Candidates go to the other side as they come. */
  trickle(): this {
    const forward = (from: RTCPeerConnection, to: RTCPeerConnection): void =>
      from.addEventListener('icecandidate', ({ candidate }: { candidate: RTCIceCandidate | null }) => {
        if (candidate && to.signalingState !== 'closed') to.addIceCandidate(candidate).catch(() => {});
      });
    forward(this.a, this.b);
    forward(this.b, this.a);
    return this;
  }

  /** A channel made by `a`, open at both ends. */
  async open(label = 'chat'): Promise<[RTCDataChannel, RTCDataChannel]> {
    const ours = this.a.createDataChannel(label);
    let theirs: RTCDataChannel | null = null;
    this.b.addEventListener('datachannel', ({ channel }) => {
      if (channel.label === label) theirs = channel;
    });
    if (this.a.connectionState === 'new') {
      this.trickle();
      await exchange(this.a, this.b);
    }
    await this.until(() => ours.readyState === 'open' && theirs !== null, `'${label}' opens`);
    return [ours, theirs!];
  }

  close(): void {
    this.a.close();
    this.b.close();
  }
}

/** One offer and its answer. */
export async function exchange(offerer: RTCPeerConnection, answerer: RTCPeerConnection): Promise<void> {
  await offerer.setLocalDescription();
  await answerer.setRemoteDescription(offerer.localDescription!);
  await answerer.setLocalDescription();
  await offerer.setRemoteDescription(answerer.localDescription!);
}

/** The next event of that type. */
export function next<E extends Event = Event>(target: EventTarget, type: string): Promise<E> {
  return new Promise((resolve) => {
    target.addEventListener(type, (event) => resolve(event as E), { once: true });
  });
}

/** All that is due without time passing has happened. */
export async function settled(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
}

/** Records `name` with the value of an attribute whenever an event comes. */
export function record(log: string[], target: EventTarget, type: string, value: () => string): void {
  target.addEventListener(type, () => log.push(`${type}: ${value()}`));
}
