/** When a connection got how far: the phases of one RTCPeerConnection with their milliseconds, and a picture of them. */
import type { RTCDataChannel } from '../webrtc/data-channel.ts';
import type { RTCPeerConnection } from '../webrtc/peer-connection.ts';

export type PhaseName = 'gathering' | 'checks' | 'DTLS' | 'SCTP' | 'channel';

/** Milliseconds since the timeline began; `null` for what has not happened. */
export type Phase = { readonly name: PhaseName; startMs: number | null; endMs: number | null };

const PHASES: readonly PhaseName[] = ['gathering', 'checks', 'DTLS', 'SCTP', 'channel'];

/** Columns of the bars. */
const BAR_WIDTH = 32;

export class Timeline {
  readonly phases: readonly Phase[] = PHASES.map((name) => ({ name, startMs: null, endMs: null }));
  readonly #connection: RTCPeerConnection;
  #startedAt: number;
  #watchingTransports = false;

  /** Watches from now on, which should be before the first description is set. Time counts from here. */
  constructor(connection: RTCPeerConnection) {
    this.#connection = connection;
    this.#startedAt = performance.now();
    connection.addEventListener('icegatheringstatechange', () => {
      if (connection.iceGatheringState === 'gathering') this.#start('gathering');
      if (connection.iceGatheringState === 'complete') this.#end('gathering');
    });
    connection.addEventListener('iceconnectionstatechange', () => {
      const state = connection.iceConnectionState;
      if (state === 'checking') this.#start('checks');
      if (state === 'connected' || state === 'completed') this.#end('checks');
    });
    connection.addEventListener('signalingstatechange', () => this.#watchTransports());
  }

  /** Time counts from now on instead: the connection was made long before it was wanted. */
  restart(): void {
    this.#startedAt = performance.now();
  }

  /** Ends the last phase when this channel opens. Call it before or when it does. */
  watchChannel(channel: RTCDataChannel): void {
    if (channel.readyState === 'open') this.#opened();
    else channel.addEventListener('open', () => this.#opened());
  }

  /** Milliseconds from the beginning to the channel's opening; `null` until then. */
  get openMs(): number | null {
    return this.#phase('channel').endMs;
  }

  /** One line a phase: its name, a bar on a common scale, from when to when. */
  draw(): string[] {
    const scale = Math.max(...this.phases.map(({ endMs }) => endMs ?? 0), 1);
    const column = (ms: number): number => Math.min(BAR_WIDTH - 1, Math.floor((ms / scale) * BAR_WIDTH));
    return this.phases.map(({ name, startMs, endMs }) => {
      if (startMs === null) return `${name.padEnd(10)} ${'·'.repeat(BAR_WIDTH)}`;
      const from = column(startMs);
      const to = column(endMs ?? scale);
      const bar = ' '.repeat(from) + '█'.repeat(to - from + 1) + ' '.repeat(BAR_WIDTH - to - 1);
      const end = endMs === null ? '…' : endMs.toFixed(1);
      return `${name.padEnd(10)} ${bar} ${startMs.toFixed(1).padStart(7)} – ${end.padStart(7)} ms`;
    });
  }

  /** The SCTP transport and those below it exist once a description with data channels is set. */
  #watchTransports(): void {
    const { sctp } = this.#connection;
    if (sctp === null || this.#watchingTransports) return;
    this.#watchingTransports = true;
    const dtls = sctp.transport;
    dtls.addEventListener('statechange', () => {
      if (dtls.state === 'connecting') this.#start('DTLS');
      if (dtls.state !== 'connected') return;
      this.#end('DTLS');
      this.#start('SCTP'); // it begins where DTLS ends
    });
    sctp.addEventListener('statechange', () => {
      if (sctp.state !== 'connected') return;
      this.#end('SCTP');
      this.#start('channel');
    });
  }

  #opened(): void {
    this.#end('channel');
  }

  #phase(name: PhaseName): Phase {
    return this.phases.find((phase) => phase.name === name)!;
  }

  #elapsed(): number {
    return performance.now() - this.#startedAt;
  }

  #start(name: PhaseName): void {
    this.#phase(name).startMs ??= this.#elapsed();
  }

  #end(name: PhaseName): void {
    const phase = this.#phase(name);
    phase.startMs ??= this.#elapsed();
    phase.endMs ??= this.#elapsed();
  }
}
