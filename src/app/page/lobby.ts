/** The door: who you are, which room, and how you look before you go in. */
import { cleanName, cleanRoomName } from '../protocol/index.ts';
import type { RoomAddress } from '../shared/room-link.ts';
import { byId } from './dom.ts';
import type { LocalMedia } from './local-media.ts';

/** Where the browser keeps the name for the next time. */
const NAME_KEY = 'purertc-chat-name';

export type Entry = { readonly name: string; readonly address: RoomAddress; readonly password: string };

export type LobbyEvents = {
  join(entry: Entry): void;
  /** A room of this name, or of none, with a secret of its own; the page's link leads there from now on. */
  newSecret(name: string): RoomAddress;
};

export class Lobby {
  readonly #element = byId('lobby', HTMLElement);
  readonly #name = byId('name', HTMLInputElement);
  readonly #room = byId('room', HTMLInputElement);
  readonly #password = byId('password', HTMLInputElement);
  readonly #video = byId('preview-video', HTMLVideoElement);
  readonly #media: LocalMedia;
  /** Set where the link names a secret room: then there is nothing to type. */
  #secret: RoomAddress | null = null;

  constructor(media: LocalMedia, events: LobbyEvents) {
    this.#media = media;
    this.#name.value = recall();
    byId('join', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      const address = this.#secret ?? { room: cleanRoomName(this.#room.value), secret: null };
      if (this.#secret === null && address.room === '') {
        this.showError('A room needs a name: any word that you and the others agree on.');
        this.#room.focus();
        return;
      }
      const name = cleanName(this.#name.value);
      remember(this.#name.value);
      events.join({ name, address, password: this.#secret === null ? this.#password.value : '' });
    });
    byId('new-secret', HTMLButtonElement).addEventListener('click', () => {
      this.#setAddress(events.newSecret(cleanRoomName(this.#room.value)));
    });
  }

  /** @param address where the page's link leads */
  show(address: RoomAddress | null): void {
    this.#element.hidden = false;
    this.showError(null);
    this.#setAddress(address);
    this.showPreview();
    (address === null && this.#name.value !== '' ? this.#room : this.#name).focus();
  }

  hide(): void {
    this.#element.hidden = true;
    this.#video.srcObject = null;
  }

  showError(text: string | null): void {
    const error = byId('join-error', HTMLParagraphElement);
    error.hidden = text === null;
    error.textContent = text;
  }

  /** The camera, when it is on. */
  showPreview(): void {
    if (this.#element.hidden) return;
    const { camera } = this.#media;
    byId('preview', HTMLDivElement).classList.toggle('has-video', camera !== null);
    const shown = (this.#video.srcObject as MediaStream | null)?.getTracks()[0] ?? null;
    if (shown !== camera) this.#video.srcObject = camera === null ? null : new MediaStream([camera]);
  }

  #setAddress(address: RoomAddress | null): void {
    this.#secret = address?.secret != null ? address : null;
    if (address !== null) this.#room.value = address.room;
    byId('room-fields', HTMLDivElement).hidden = this.#secret !== null;
    byId('secret-note', HTMLParagraphElement).hidden = this.#secret === null;
    byId('new-secret', HTMLButtonElement).hidden = this.#secret !== null;
    byId('join-button', HTMLButtonElement).textContent = this.#secret === null ? 'Join' : 'Join the secret room';
  }
}

function recall(): string {
  try {
    return localStorage.getItem(NAME_KEY) ?? '';
  } catch {
    return ''; // a browser that keeps nothing
  }
}

function remember(name: string): void {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch {
    // A browser that keeps nothing.
  }
}
