/** The buttons of microphone, camera and screen, in the lobby and in the call, and the dialogue that picks devices. */
import { byId, messageOf, setIcon } from './dom.ts';
import type { LocalMedia } from './local-media.ts';
import { toast } from './toasts.ts';

const BUTTONS = {
  microphone: { ids: ['microphone', 'lobby-microphone'], on: 'mic', off: 'mic-off', verbs: ['Mute', 'Unmute'] },
  camera: { ids: ['camera', 'lobby-camera'], on: 'camera', off: 'camera-off', verbs: ['Camera off', 'Camera on'] },
  screen: { ids: ['screen'], on: 'screen-stop', off: 'screen', verbs: ['Stop sharing', 'Share your screen'] },
} as const;
type Source = keyof typeof BUTTONS;

const CHOICES = [
  { id: 'choose-microphone', kind: 'audioinput', source: 'microphone' },
  { id: 'choose-camera', kind: 'videoinput', source: 'camera' },
] as const;

export class MediaControls {
  readonly #media: LocalMedia;
  readonly #dialog = byId('devices-dialog', HTMLDialogElement);
  /** Where sound comes out, '' for the default. */
  #speaker = '';

  constructor(media: LocalMedia) {
    this.#media = media;
    for (const source of Object.keys(BUTTONS) as Source[]) {
      for (const id of BUTTONS[source].ids) {
        byId(id, HTMLButtonElement).addEventListener('click', () => void this.toggle(source));
      }
    }
    for (const id of ['devices', 'lobby-devices']) {
      byId(id, HTMLButtonElement).addEventListener('click', () => void this.#openDialog());
    }
    for (const { id, source } of CHOICES) {
      const select = byId(id, HTMLSelectElement);
      select.addEventListener('change', () => void this.#try(media.choose(source, select.value)));
    }
    byId('choose-speaker', HTMLSelectElement).addEventListener('change', (event) => {
      this.#speaker = (event.target as HTMLSelectElement).value;
      this.routeSound();
    });
    navigator.mediaDevices?.addEventListener('devicechange', () => {
      if (this.#dialog.open) void this.#listDevices();
    });
    byId('screen', HTMLButtonElement).hidden = navigator.mediaDevices?.getDisplayMedia === undefined;
    this.show();
  }

  async toggle(source: Source): Promise<void> {
    const on = !this.#media.state[source];
    if (source === 'microphone') await this.#try(this.#media.setMicrophone(on));
    if (source === 'camera') await this.#try(this.#media.setCamera(on));
    if (source === 'screen') await this.#try(this.#media.setScreen(on));
  }

  /** Shows on the buttons what is sent. */
  show(): void {
    const { state } = this.#media;
    for (const source of Object.keys(BUTTONS) as Source[]) {
      const { ids, on, off, verbs } = BUTTONS[source];
      for (const id of ids) {
        const button = byId(id, HTMLButtonElement);
        button.ariaPressed = String(state[source]);
        button.dataset['tip'] = verbs[state[source] ? 0 : 1];
        setIcon(button, state[source] ? on : off);
      }
    }
  }

  /** Sends the sound of every video to the chosen speaker. */
  routeSound(): void {
    for (const video of document.querySelectorAll('video')) {
      if (!video.muted && 'setSinkId' in video) void video.setSinkId(this.#speaker).catch(() => {});
    }
  }

  async #try(change: Promise<void>): Promise<void> {
    try {
      await change;
    } catch (error) {
      toast(messageOf(error), 'warning');
    }
  }

  async #openDialog(): Promise<void> {
    await this.#listDevices();
    this.#dialog.showModal();
  }

  async #listDevices(): Promise<void> {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const { microphone, camera } = this.#media;
    const current = { audioinput: microphone, videoinput: camera };
    for (const { id, kind } of CHOICES) {
      fill(byId(id, HTMLSelectElement), devices, kind, current[kind]?.getSettings().deviceId ?? '');
    }
    fill(byId('choose-speaker', HTMLSelectElement), devices, 'audiooutput', this.#speaker);
    byId('choose-speaker-field', HTMLLabelElement).hidden = !('setSinkId' in HTMLMediaElement.prototype);
    byId('devices-note', HTMLParagraphElement).hidden = devices.every(({ label }) => label !== '');
  }
}

function fill(select: HTMLSelectElement, devices: readonly MediaDeviceInfo[], kind: string, current: string): void {
  const options = devices
    .filter((device) => device.kind === kind && device.deviceId !== '')
    .map(({ deviceId, label }, index) => new Option(label || `Device ${index + 1}`, deviceId));
  if (options.length === 0) options.push(new Option('Default', ''));
  select.replaceChildren(...options);
  if (options.some(({ value }) => value === current)) select.value = current;
}
