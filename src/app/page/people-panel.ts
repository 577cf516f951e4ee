/** Who is here, and what they send. */
import type { MediaState } from '../protocol/index.ts';
import { byId, make, makeIcon } from './dom.ts';
import { makeAvatar } from './tile.ts';

export type Person = {
  readonly id: string;
  readonly name: string;
  readonly client: string;
  readonly media: MediaState;
  readonly isOwn: boolean;
};

export class PeoplePanel {
  readonly #list = byId('people-list', HTMLUListElement);
  readonly #count = byId('people-count', HTMLSpanElement);
  readonly #name = byId('own-name', HTMLInputElement);
  readonly #unbind = new AbortController();

  constructor(name: string, rename: (name: string) => void) {
    this.#name.value = name;
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      rename(this.#name.value);
    };
    byId('rename', HTMLFormElement).addEventListener('submit', submit, { signal: this.#unbind.signal });
  }

  show(people: readonly Person[]): void {
    this.#count.textContent = String(people.length);
    this.#list.replaceChildren(...people.map(makeRow));
  }

  close(): void {
    this.#unbind.abort();
  }
}

function makeRow({ id, name, client, media, isOwn }: Person): HTMLLIElement {
  const role = isOwn ? 'you' : client;
  const about = make('div', 'person-about', make('b', '', name), make('span', 'note', role));
  const flags = make(
    'span',
    'person-flags',
    media.screen ? flag('screen', 'shares a screen', true) : null,
    flag(media.camera ? 'camera' : 'camera-off', media.camera ? 'camera on' : 'camera off', media.camera),
    flag(media.microphone ? 'mic' : 'mic-off', media.microphone ? 'microphone on' : 'muted', media.microphone),
  );
  const row = make('li', 'person', makeAvatar(id, name), about, flags);
  row.dataset['peer'] = id;
  return row;
}

function flag(icon: string, label: string, on: boolean): HTMLSpanElement {
  const element = make('span', on ? 'flag on' : 'flag', makeIcon(icon), make('span', 'hidden', label));
  element.title = label;
  return element;
}
