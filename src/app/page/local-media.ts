/** What we send: microphone, camera, screen. Each is optional, and each may come and go in mid-call. */
import type { MediaState } from '../protocol/index.ts';

type Source = 'microphone' | 'camera';

const CAMERA_CONSTRAINTS = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

export class LocalMedia {
  readonly #changed: () => void;
  #microphone: MediaStreamTrack | null = null;
  #camera: MediaStreamTrack | null = null;
  #screen: MediaStreamTrack | null = null;
  readonly #deviceIds: Record<Source, string | null> = { microphone: null, camera: null };
  /** One request at a time, so that two quick clicks do not open a device twice. */
  #last: Promise<void> = Promise.resolve();

  /** @param changed called after each change of a track or of `state` */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get state(): MediaState {
    return {
      microphone: this.#microphone?.enabled === true,
      camera: this.#camera !== null,
      screen: this.#screen !== null,
    };
  }

  get microphone(): MediaStreamTrack | null {
    return this.#microphone;
  }

  get camera(): MediaStreamTrack | null {
    return this.#camera;
  }

  get screen(): MediaStreamTrack | null {
    return this.#screen;
  }

  /** The track to send of each kind: a shared screen goes before the camera. */
  trackOf(kind: 'audio' | 'video'): MediaStreamTrack | null {
    return kind === 'audio' ? this.#microphone : (this.#screen ?? this.#camera);
  }

  /** A muted microphone stays open, so that unmuting is instant. @throws Error with a sentence for the user */
  setMicrophone(on: boolean): Promise<void> {
    return this.#next(async () => {
      if (!on && this.#microphone === null) return;
      this.#microphone ??= await this.#open('microphone');
      this.#microphone.enabled = on;
    });
  }

  /** A camera that is off is closed: its light goes out. @throws Error with a sentence for the user */
  setCamera(on: boolean): Promise<void> {
    return this.#next(async () => {
      if (on) this.#camera ??= await this.#open('camera');
      else this.#close('camera');
    });
  }

  /** @throws Error with a sentence for the user; nothing when the user closed the browser's dialogue */
  setScreen(on: boolean): Promise<void> {
    return this.#next(async () => {
      if (!on) return this.#stopScreen();
      if (this.#screen !== null) return;
      this.#screen = await openScreen();
      this.#screen?.addEventListener('ended', () => {
        this.#stopScreen(); // "Stop sharing" in the browser's own bar
        this.#changed();
      });
    });
  }

  /** Takes another device, at once where it is in use. @throws Error with a sentence for the user */
  choose(source: Source, deviceId: string): Promise<void> {
    return this.#next(async () => {
      this.#deviceIds[source] = deviceId === '' ? null : deviceId;
      const current = source === 'microphone' ? this.#microphone : this.#camera;
      if (current === null) return;
      const { enabled } = current;
      this.#close(source);
      const track = await this.#open(source);
      track.enabled = enabled;
      if (source === 'microphone') this.#microphone = track;
      else this.#camera = track;
    });
  }

  /** Closes everything. */
  stop(): void {
    this.#close('microphone');
    this.#close('camera');
    this.#stopScreen();
    this.#changed();
  }

  #next(action: () => Promise<void>): Promise<void> {
    const done = this.#last.then(action).finally(() => this.#changed());
    this.#last = done.catch(() => {}); // the caller of this one hears of it, the next one starts afresh
    return done;
  }

  async #open(source: Source): Promise<MediaStreamTrack> {
    const deviceId = this.#deviceIds[source];
    const device = deviceId === null ? {} : { deviceId: { exact: deviceId } };
    const constraints =
      source === 'microphone' ? { audio: { ...device } } : { video: { ...CAMERA_CONSTRAINTS, ...device } };
    if (navigator.mediaDevices === undefined) {
      throw new Error(`Browsers give the ${source} only to pages on https or on this machine.`);
    }
    try {
      const stream = await navigator.mediaDevices.getUserMedia(constraints);
      const track = stream.getTracks()[0]!;
      track.addEventListener('ended', () => {
        this.#forget(track); // unplugged, or taken back
        this.#changed();
      });
      return track;
    } catch (error) {
      throw new Error(explain(error, source));
    }
  }

  #close(source: Source): void {
    const track = source === 'microphone' ? this.#microphone : this.#camera;
    if (track === null) return;
    track.stop();
    this.#forget(track);
  }

  #forget(track: MediaStreamTrack): void {
    if (this.#microphone === track) this.#microphone = null;
    if (this.#camera === track) this.#camera = null;
  }

  #stopScreen(): void {
    this.#screen?.stop();
    this.#screen = null;
  }
}

async function openScreen(): Promise<MediaStreamTrack | null> {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 30 } } });
    const track = stream.getVideoTracks()[0] ?? null;
    if (track !== null) track.contentHint = 'detail'; // text stays sharp, frames may go
    return track;
  } catch (error) {
    if ((error as DOMException).name === 'NotAllowedError') return null; // changed their mind
    throw new Error(explain(error, 'screen'));
  }
}

function explain(error: unknown, what: string): string {
  switch ((error as DOMException).name) {
    case 'NotAllowedError':
      return `The browser does not let this page use the ${what}. Its site settings can change that.`;
    case 'NotFoundError':
    case 'OverconstrainedError':
      return `No ${what} was found.`;
    case 'NotReadableError':
      return `The ${what} is in use by another program.`;
    default:
      return `The ${what} did not start: ${(error as Error).message}`;
  }
}
