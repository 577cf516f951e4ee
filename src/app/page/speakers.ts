/** Who speaks: the levels that packets of sound carry, and that of our own microphone. */

const INTERVAL_MS = 200;
/** Sound is a share of the loudest there is; a quiet room is under this. */
const SPEAKING_LEVEL = 0.02;
/** Words have gaps: somebody who spoke a moment ago still does. */
const HOLD_MS = 700;

export type Listened = { readonly id: string; readonly connection: RTCPeerConnection };

export class Speakers {
  readonly #peers: () => Iterable<Listened>;
  readonly #show: (id: string, speaking: boolean) => void;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #spokeAt = new Map<string, number>();
  readonly #own: OwnLevel;

  /** @param show told of everybody, several times a second */
  constructor(ownId: string, peers: () => Iterable<Listened>, show: (id: string, speaking: boolean) => void) {
    this.#peers = peers;
    this.#show = show;
    this.#own = new OwnLevel();
    this.#timer = setInterval(() => {
      this.#hear(ownId, this.#own.level());
      for (const { id, connection } of this.#peers()) this.#hear(id, receivedLevel(connection));
    }, INTERVAL_MS);
  }

  set microphone(track: MediaStreamTrack | null) {
    this.#own.track = track;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#own.track = null;
  }

  #hear(id: string, level: number): void {
    const now = performance.now();
    if (level > SPEAKING_LEVEL) this.#spokeAt.set(id, now);
    const speaking = now - (this.#spokeAt.get(id) ?? Number.NEGATIVE_INFINITY) < HOLD_MS;
    if (!speaking) this.#spokeAt.delete(id);
    this.#show(id, speaking);
  }
}

function receivedLevel(connection: RTCPeerConnection): number {
  let loudest = 0;
  for (const receiver of connection.getReceivers()) {
    if (receiver.track.kind !== 'audio') continue;
    for (const { audioLevel = 0 } of receiver.getSynchronizationSources()) loudest = Math.max(loudest, audioLevel);
  }
  return loudest;
}

/** The level of a track of our own, which nobody sends to us. */
class OwnLevel {
  #track: MediaStreamTrack | null = null;
  #context: AudioContext | null = null;
  #analyser: AnalyserNode | null = null;
  #samples = new Float32Array(1024);

  set track(track: MediaStreamTrack | null) {
    if (track === this.#track) return;
    this.#track = track;
    void this.#context?.close();
    this.#context = null;
    this.#analyser = null;
    if (track === null) return;
    this.#context = new AudioContext();
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = this.#samples.length;
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(this.#analyser);
  }

  level(): number {
    if (this.#analyser === null || this.#track?.enabled !== true) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let loudest = 0;
    for (const sample of this.#samples) loudest = Math.max(loudest, Math.abs(sample));
    return loudest;
  }
}
