/** One person on the stage: picture or initials, name, muted or not, speaking or not. */
import type { MediaState } from '../protocol/index.ts';
import { make, makeIcon } from './dom.ts';
import { colourOf, initials } from './format.ts';
import type { Box } from './layout.ts';

/** The hues of style.css. */
const HUES = 8;

export function makeAvatar(id: string, name: string): HTMLSpanElement {
  const avatar = make('span', 'avatar', initials(name));
  avatar.dataset['hue'] = String(colourOf(id, HUES));
  avatar.ariaHidden = 'true';
  return avatar;
}

export class Tile {
  readonly element: HTMLLIElement;
  readonly #id: string;
  readonly #isOwn: boolean;
  readonly #video: HTMLVideoElement;
  readonly #label = make('span', 'tile-name');
  readonly #muted = make('span', 'tile-muted', makeIcon('mic-off'), make('span', 'hidden', 'muted'));
  #avatar: HTMLSpanElement;

  constructor(id: string, isOwn: boolean, stream: MediaStream) {
    this.#id = id;
    this.#isOwn = isOwn;
    this.#video = document.createElement('video');
    this.#video.autoplay = true;
    this.#video.playsInline = true;
    this.#video.muted = isOwn;
    this.#video.srcObject = stream;
    this.#avatar = makeAvatar(id, '');
    this.element = make('li', 'tile', this.#video, this.#avatar, make('span', 'tile-foot', this.#muted, this.#label));
    this.element.dataset['peer'] = id;
    this.element.classList.toggle('own', isOwn);
  }

  update(name: string, media: MediaState): void {
    const shown = this.#isOwn ? 'You' : name;
    this.#label.textContent = media.screen ? `${shown}, screen` : shown;
    this.#muted.hidden = media.microphone;
    this.#video.ariaLabel = media.screen ? `Screen: ${shown}` : `Video: ${shown}`;
    const avatar = makeAvatar(this.#id, name);
    this.#avatar.replaceWith(avatar);
    this.#avatar = avatar;
    this.element.classList.toggle('has-video', media.camera || media.screen);
    this.element.classList.toggle('screen', media.screen);
    this.element.dataset['microphone'] = media.microphone ? 'on' : 'off';
  }

  set speaking(speaking: boolean) {
    this.element.classList.toggle('speaking', speaking);
  }

  set floating(floating: boolean) {
    this.element.classList.toggle('floating', floating);
  }

  place({ x, y, width, height }: Box): void {
    const { style } = this.element;
    style.translate = `${x}px ${y}px`;
    style.width = `${width}px`;
    style.height = `${height}px`;
    this.element.classList.toggle('small', width < 220);
  }

  /** @returns false when the browser waits for a click before it makes a sound */
  async play(): Promise<boolean> {
    try {
      await this.#video.play();
      return true;
    } catch (error) {
      return (error as DOMException).name !== 'NotAllowedError';
    }
  }

  remove(): void {
    this.#video.srcObject = null;
    this.element.remove();
  }
}
