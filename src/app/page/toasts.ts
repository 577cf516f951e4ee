/** Notices that come and go. */
import { byId, make, makeIcon } from './dom.ts';

const SHOWN_MS = 5000;
/** Bound: notices at once; the oldest goes first. */
const MAX_TOASTS = 4;

/** The same notice again only stays longer. */
export function toast(text: string, kind: 'note' | 'warning' = 'note'): void {
  const list = byId('toasts', HTMLDivElement);
  for (const old of list.children) if (old.textContent === text) old.remove();
  const item = make('p', `toast ${kind}`, makeIcon(kind === 'note' ? 'check' : 'alert'), make('span', '', text));
  list.append(item);
  while (list.childElementCount > MAX_TOASTS) list.firstElementChild!.remove();
  setTimeout(() => item.remove(), SHOWN_MS);
}
