/** Sound and pictures of a chat in a terminal: a file in place of camera and microphone, and recordings of the others. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type MediaPlayer,
  type MediaStreamTrack,
  playFile,
  recordTracks,
  type TrackRecorder,
} from '../../media/index.ts';
import type { RTCPeerConnection } from '../../webrtc/peer-connection.ts';
import type { RTCTrackEvent } from '../../webrtc/track-event.ts';
import { cleanFileName, type MediaState } from '../protocol/index.ts';

export type CallMediaOptions = {
  /** Played to everybody, again and again. */
  readonly playFile?: string;
  /** Where each peer is recorded. */
  readonly recordDirectory?: string;
  readonly print: (line: string) => void;
};

export class CallMedia {
  readonly #options: CallMediaOptions;
  readonly #player: MediaPlayer | null;
  /** What has come, before it is known from whom. */
  readonly #arrived = new WeakMap<RTCPeerConnection, MediaStreamTrack[]>();
  readonly #recorders = new Map<string, TrackRecorder[]>();

  private constructor(options: CallMediaOptions, player: MediaPlayer | null) {
    this.#options = options;
    this.#player = player;
  }

  /** @throws Error when the file cannot be played */
  static async open(options: CallMediaOptions): Promise<CallMedia> {
    if (options.recordDirectory !== undefined) mkdirSync(options.recordDirectory, { recursive: true });
    const player = options.playFile === undefined ? null : await playFile(options.playFile, { loop: true });
    return new CallMedia(options, player);
  }

  /** What the others are told of us. */
  get state(): MediaState {
    const has = (kind: string): boolean => this.#player?.tracks.some((track) => track.kind === kind) ?? false;
    return { microphone: has('audio'), camera: has('video'), screen: false };
  }

  /** Before there is any SDP. Where nothing is to be recorded, nothing is asked for either. */
  prepare(connection: RTCPeerConnection): void {
    for (const track of this.#player?.tracks ?? []) {
      const transceiver = connection.addTransceiver(track, { streams: [this.#player!.stream] });
      if (this.#options.recordDirectory === undefined) transceiver.direction = 'sendonly';
    }
    if (this.#options.recordDirectory === undefined) return;
    for (const kind of ['audio', 'video'] as const) {
      const isOffered = this.#player?.tracks.some((track) => track.kind === kind);
      if (!isOffered) connection.addTransceiver(kind, { direction: 'recvonly' });
    }
    const arrived: MediaStreamTrack[] = [];
    this.#arrived.set(connection, arrived);
    connection.addEventListener('track', ({ track }: RTCTrackEvent) => arrived.push(track));
  }

  /** It is known whose the connection is: what it brings goes into a file. */
  record(connection: RTCPeerConnection, peerId: string, name: string): void {
    const arrived = this.#arrived.get(connection);
    if (arrived === undefined || this.#recorders.has(peerId)) return;
    this.#recorders.set(peerId, []);
    if (arrived.length > 0) this.#begin(arrived.splice(0), peerId, name);
    let isDue = false;
    connection.addEventListener('track', () => {
      if (isDue) return;
      isDue = true; // sound and pictures of one renegotiation come in one turn, and belong together
      setTimeout(() => {
        isDue = false;
        this.#begin(arrived.splice(0), peerId, name);
      });
    });
  }

  #begin(tracks: readonly MediaStreamTrack[], peerId: string, name: string): void {
    const recorders = this.#recorders.get(peerId);
    if (recorders === undefined || tracks.length === 0) return;
    const suffix = recorders.length === 0 ? '' : ` ${recorders.length + 1}`;
    const path = join(
      this.#options.recordDirectory!,
      `${cleanFileName(`${name} ${peerId.slice(0, 8)}${suffix}`)}.webm`,
    );
    const recorder = recordTracks(tracks, path);
    recorders.push(recorder);
    this.#options.print(`recording ${name} to ${path}`);
  }

  /** A peer has left: its files are finished. */
  async end(peerId: string): Promise<void> {
    const recorders = this.#recorders.get(peerId) ?? [];
    this.#recorders.delete(peerId);
    for (const recorder of recorders) {
      await recorder.stop().then(
        () => this.#options.print(`${recorder.stats.framesWritten} frames recorded`),
        (error: unknown) =>
          this.#options.print(`not recorded: ${error instanceof Error ? error.message : String(error)}`),
      );
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#recorders.keys()].map((peerId) => this.end(peerId)));
    this.#player?.stop();
  }
}
