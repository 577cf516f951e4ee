/** The panel beside the stage (over it on a narrow screen): three tabs, the buttons that open them, Esc that closes. */
import { byId } from './dom.ts';

const TABS = ['chat', 'people', 'connection'] as const;
export type TabName = (typeof TABS)[number];

/** From here on the panel stands beside the stage and hides nothing. */
const WIDE = '(min-width: 60rem)';

export class SidePanel {
  readonly #panel = byId('panel', HTMLElement);
  readonly #unread = byId('unread', HTMLSpanElement);
  readonly #shown: (tab: TabName, asked: boolean) => void;
  readonly #unbind = new AbortController();
  #tab: TabName | null = null;
  #opener: HTMLElement | null = null;
  #unreadCount = 0;

  /** @param shown called whenever a tab comes up; `asked`: by one of the buttons that open the panel */
  constructor(shown: (tab: TabName, asked: boolean) => void) {
    this.#shown = shown;
    const { signal } = this.#unbind;
    for (const tab of TABS) {
      const opener = byId(`open-${tab}`, HTMLButtonElement);
      opener.addEventListener('click', () => (this.#tab === tab ? this.hide() : this.open(tab, opener)), { signal });
      const button = byId(`tab-${tab}`, HTMLButtonElement);
      button.addEventListener('click', () => this.open(tab), { signal });
      button.addEventListener('keydown', (event) => this.#walk(event, tab), { signal });
    }
    byId('close-panel', HTMLButtonElement).addEventListener('click', () => this.hide(), { signal });
    if (matchMedia(WIDE).matches) this.open('chat');
    else this.hide();
  }

  get tab(): TabName | null {
    return this.#tab;
  }

  /** @param opener gets the focus back when the panel goes */
  open(tab: TabName, opener?: HTMLElement): void {
    this.#tab = tab;
    if (opener !== undefined) this.#opener = opener;
    this.#show();
    if (tab === 'chat') this.#setUnread(0);
    if (opener !== undefined && tab !== 'chat') byId(`tab-${tab}`, HTMLButtonElement).focus();
    this.#shown(tab, opener !== undefined);
  }

  hide(): void {
    const hadFocus = this.#panel.contains(document.activeElement);
    this.#tab = null;
    this.#show();
    if (hadFocus) this.#opener?.focus();
  }

  /** Something was said. */
  countUnread(): void {
    if (this.#tab !== 'chat') this.#setUnread(this.#unreadCount + 1);
  }

  close(): void {
    this.#setUnread(0);
    this.#unbind.abort();
  }

  #show(): void {
    this.#panel.hidden = this.#tab === null;
    for (const tab of TABS) {
      const selected = tab === this.#tab;
      const button = byId(`tab-${tab}`, HTMLButtonElement);
      button.ariaSelected = String(selected);
      button.tabIndex = selected ? 0 : -1;
      byId(tab, HTMLElement).hidden = !selected;
      byId(`open-${tab}`, HTMLButtonElement).ariaExpanded = String(selected);
    }
  }

  /** Arrow keys go from tab to tab (ARIA Authoring Practices, "Tabs"). */
  #walk({ key }: KeyboardEvent, from: TabName): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (step === undefined) return;
    const tab = TABS[(TABS.indexOf(from) + step + TABS.length) % TABS.length]!;
    this.open(tab);
    byId(`tab-${tab}`, HTMLButtonElement).focus();
  }

  #setUnread(count: number): void {
    this.#unreadCount = count;
    this.#unread.hidden = count === 0;
    this.#unread.textContent = count > 99 ? '99+' : String(count);
    byId('open-chat', HTMLButtonElement).ariaLabel = count === 0 ? 'Chat' : `Chat, ${count} unread`;
  }
}
