/** The conversation: what was said, who came and went, files. */
import { type ChatText, type IncomingTransfer, MAX_TEXT_LENGTH, type Transfer } from '../protocol/index.ts';
import { byId, type Child, make } from './dom.ts';
import { IncomingFileCard, OutgoingFileCard } from './file-card.ts';
import { makeAvatar } from './tile.ts';

/** Bound: entries in the conversation; the oldest go first. */
const MAX_ENTRIES = 500;
/** What somebody says within this time stands under one name. */
const GROUP_MS = 2 * 60_000;
/** Scrolled so near to the end, somebody follows the conversation. */
const NEAR_END_PX = 80;

const LINK = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]}']/gu;

export type ChatPanelEvents = {
  say(text: string): void;
  send(files: readonly File[]): void;
};

export class ChatPanel {
  readonly #log = byId('log', HTMLOListElement);
  readonly #form = byId('say', HTMLFormElement);
  readonly #text = byId('text', HTMLTextAreaElement);
  readonly #cards = new Map<Transfer, { update(): void }>();
  readonly #unbind = new AbortController();
  #lastFrom: { readonly peerId: string | null; readonly at: number; readonly body: HTMLElement } | null = null;

  constructor(events: ChatPanelEvents) {
    const { signal } = this.#unbind;
    const files = byId('files', HTMLInputElement);
    this.#log.replaceChildren();
    this.#form.addEventListener(
      'submit',
      (event) => {
        event.preventDefault();
        const text = this.#text.value.trim().slice(0, MAX_TEXT_LENGTH);
        if (text !== '') events.say(text);
        this.#text.value = '';
        this.#fit();
      },
      { signal },
    );
    this.#text.addEventListener('input', () => this.#fit(), { signal });
    this.#text.addEventListener(
      'keydown',
      (event) => {
        if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        this.#form.requestSubmit();
      },
      { signal },
    );
    this.#text.addEventListener(
      'paste',
      (event) => {
        const pasted = [...(event.clipboardData?.files ?? [])];
        if (pasted.length === 0) return;
        event.preventDefault();
        events.send(pasted);
      },
      { signal },
    );
    byId('attach', HTMLButtonElement).addEventListener('click', () => files.click(), { signal });
    files.addEventListener(
      'change',
      () => {
        events.send([...(files.files ?? [])]);
        files.value = ''; // the same file may be chosen again
      },
      { signal },
    );
  }

  focus(): void {
    this.#text.focus();
  }

  addText({ peerId, name, sentAt, text }: ChatText): void {
    this.#add(peerId, name, sentAt, make('p', 'said', ...withLinks(text)));
  }

  addNote(text: string): void {
    this.#lastFrom = null;
    this.#append(make('li', 'event', text));
  }

  addIncoming(transfer: IncomingTransfer, peerId: string, name: string): void {
    const card = new IncomingFileCard(transfer);
    this.#cards.set(transfer, card);
    this.#add(peerId, name, Date.now(), card.element);
  }

  addOutgoing(transfers: readonly Transfer[], ownName: string, nameOf: (peerId: string) => string): void {
    const card = new OutgoingFileCard(transfers, nameOf);
    for (const transfer of transfers) this.#cards.set(transfer, card);
    this.#add(null, ownName, Date.now(), card.element);
  }

  updateTransfer(transfer: Transfer): void {
    this.#following(() => this.#cards.get(transfer)?.update());
    if (transfer.state === 'complete' || transfer.state === 'ended') this.#cards.delete(transfer);
  }

  /** What was said stays readable until the next call. */
  close(): void {
    this.#unbind.abort();
  }

  #add(peerId: string | null, name: string, at: number, content: HTMLElement): void {
    const last = this.#lastFrom;
    if (last !== null && last.peerId === peerId && at - last.at < GROUP_MS) {
      this.#following(() => last.body.append(content));
      return;
    }
    const time = make('time', '', new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }));
    time.dateTime = new Date(at).toISOString();
    const author = make('p', 'author', make('b', '', peerId === null ? 'You' : name), time);
    const body = make('div', 'said-body', author, content);
    const entry = make('li', 'entry', makeAvatar(peerId ?? 'own', name), body);
    entry.classList.toggle('own', peerId === null);
    this.#lastFrom = { peerId, at, body };
    this.#append(entry);
  }

  #append(entry: HTMLLIElement): void {
    this.#following(() => {
      this.#log.append(entry);
      while (this.#log.childElementCount > MAX_ENTRIES) this.#log.firstElementChild!.remove();
    });
  }

  /** Scrolls on after a change, for those who were at the end. */
  #following(change: () => void): void {
    const log = this.#log;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX;
    change();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  #fit(): void {
    this.#text.style.height = 'auto';
    this.#text.style.height = `${this.#text.scrollHeight}px`;
  }
}

/** Addresses in a text become links that tell nobody where they were clicked. */
function withLinks(text: string): Child[] {
  const parts: Child[] = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const link = make('a', '', match[0]);
    link.href = match[0];
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
    parts.push(text.slice(end, match.index), link);
    end = match.index + match[0].length;
  }
  return [...parts, text.slice(end)];
}
