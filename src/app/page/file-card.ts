/** A file in the conversation: offered, under way, verified, or not. */
import type { EndReason, IncomingTransfer, Transfer } from '../protocol/index.ts';
import { make, makeButton, makeIcon, messageOf } from './dom.ts';
import { openSink, type PageSink } from './file-sinks.ts';
import { formatBytes } from './format.ts';
import { toast } from './toasts.ts';

/** Characters of a SHA-256 that are shown; all of them stand in the title. */
const DIGEST_SHOWN = 12;

const ENDED: Record<EndReason, string> = {
  declined: 'Declined',
  cancelled: 'Cancelled',
  busy: 'Too many files at once',
  'too-large': 'Too large for the other side',
  mismatch: 'SHA-256 differs: not kept',
  failed: 'Failed',
  left: 'The connection ended',
};

/** Head, progress and a line that says how it stands: what both directions look like. */
class FileCard {
  readonly element: HTMLDivElement;
  readonly actions: HTMLDivElement = make('div', 'file-actions');
  readonly #name: string;
  readonly #size: number;
  readonly #bar = make('div', 'file-bar');
  readonly #fill = make('div', 'file-fill');
  readonly #status = make('p', 'file-status');
  #measured: { readonly at: number; readonly bytes: number } | null = null;
  #rate: number | null = null;

  constructor(name: string, size: number) {
    this.#name = name;
    this.#size = size;
    this.#bar.role = 'progressbar';
    this.#bar.ariaLabel = name;
    this.#bar.ariaValueMin = '0';
    this.#bar.ariaValueMax = '100';
    this.#bar.append(this.#fill);
    const title = make('p', 'file-name', name);
    title.title = name;
    const head = make(
      'div',
      'file-head',
      make('span', 'file-icon', makeIcon('file')),
      make('div', '', title, this.#status),
    );
    this.element = make('div', 'file', head, this.#bar, this.actions);
    this.element.role = 'group';
    this.element.ariaLabel = `File ${name}`;
  }

  show(state: string, text: string, bytes: number, moving: boolean): void {
    this.element.dataset['state'] = state;
    const share = this.#size === 0 ? 1 : bytes / this.#size;
    this.#bar.hidden = !moving;
    this.#bar.ariaValueNow = String(Math.floor(share * 100));
    this.#fill.style.width = `${share * 100}%`;
    this.#status.textContent = moving ? `${text} · ${this.#progress(bytes)}` : `${formatBytes(this.#size)} · ${text}`;
  }

  /** @param blob null when it went to disk already */
  offerResult(blob: Blob | null): void {
    this.actions.replaceChildren();
    if (blob === null) return;
    const url = URL.createObjectURL(blob);
    if (blob.type.startsWith('image/')) {
      const picture = make('img', 'file-picture');
      picture.src = url;
      picture.alt = this.#name;
      this.#bar.before(picture);
    }
    const link = make('a', 'outlined', makeIcon('download'), 'Save');
    link.href = url;
    link.download = this.#name;
    this.actions.append(link);
  }

  set verified(sha256: string) {
    this.#status.replaceChildren(
      `${formatBytes(this.#size)} · `,
      make('span', 'verified', makeIcon('check'), `SHA-256 ${sha256.slice(0, DIGEST_SHOWN)}…`),
    );
    this.#status.title = `SHA-256 ${sha256}`;
  }

  #progress(bytes: number): string {
    const now = performance.now();
    this.#measured ??= { at: now, bytes };
    const ms = now - this.#measured.at;
    if (ms > 500) {
      this.#rate = ((bytes - this.#measured.bytes) / ms) * 1000;
      this.#measured = { at: now, bytes };
    }
    const rate = this.#rate === null ? '' : ` · ${formatBytes(Math.round(this.#rate))}/s`;
    return `${formatBytes(bytes)} of ${formatBytes(this.#size)}${rate}`;
  }
}

export class IncomingFileCard {
  readonly element: HTMLDivElement;
  readonly #transfer: IncomingTransfer;
  readonly #card: FileCard;
  #sink: PageSink | null = null;

  constructor(transfer: IncomingTransfer) {
    this.#transfer = transfer;
    this.#card = new FileCard(transfer.name, transfer.size);
    this.element = this.#card.element;
    this.#card.actions.append(
      makeButton('primary', 'Accept', () => void this.#accept()),
      makeButton('outlined', 'Decline', () => transfer.cancel()),
    );
    this.update();
  }

  update(): void {
    const { state, reason, bytes, sha256 } = this.#transfer;
    const text = { offered: 'offered to you', active: 'Receiving', complete: 'received', ended: '' }[state];
    this.#card.show(state, reason === null ? text : ENDED[reason], bytes, state === 'active');
    if (state === 'complete' && sha256 !== null) {
      this.#card.verified = sha256;
      this.#card.offerResult(this.#sink?.blob ?? null);
    }
    if (state === 'ended') this.#card.actions.replaceChildren();
  }

  async #accept(): Promise<void> {
    const { name, size, mediaType } = this.#transfer;
    try {
      this.#sink = await openSink(name, size, mediaType);
      if (this.#sink === null) return;
      this.#transfer.accept(this.#sink);
      this.#card.actions.replaceChildren(makeButton('outlined', 'Cancel', () => this.#transfer.cancel()));
    } catch (error) {
      toast(messageOf(error), 'warning');
    }
  }
}

/** One file on its way to several peers. */
export class OutgoingFileCard {
  readonly element: HTMLDivElement;
  readonly #transfers: readonly Transfer[];
  readonly #nameOf: (peerId: string) => string;
  readonly #card: FileCard;

  constructor(transfers: readonly Transfer[], nameOf: (peerId: string) => string) {
    const [{ name, size }] = transfers as readonly [Transfer, ...Transfer[]];
    this.#transfers = transfers;
    this.#nameOf = nameOf;
    this.#card = new FileCard(name, size);
    this.element = this.#card.element;
    this.#card.actions.append(
      makeButton('outlined', 'Cancel', () => {
        for (const transfer of transfers) transfer.cancel();
      }),
    );
    this.update();
  }

  update(): void {
    const of = (state: Transfer['state']): Transfer[] => this.#transfers.filter((one) => one.state === state);
    const [offered, active, complete, ended] = [of('offered'), of('active'), of('complete'), of('ended')];
    const bytes = Math.max(0, ...active.map((transfer) => transfer.bytes));
    if (active.length > 0) this.#card.show('active', `Sending to ${this.#who(active)}`, bytes, true);
    else if (offered.length > 0) this.#card.show('offered', `waiting for ${this.#who(offered)}`, 0, false);
    else if (complete.length > 0) this.#card.show('complete', `sent to ${this.#who(complete)}`, bytes, false);
    else this.#card.show('ended', ENDED[ended[0]!.reason ?? 'failed'], 0, false);
    if (active.length + offered.length > 0) return;
    this.#card.actions.replaceChildren();
    const digest = complete[0]?.sha256;
    if (digest !== null && digest !== undefined) {
      this.#card.verified = digest;
      const failed = ended.length === 0 ? '' : `, not to ${this.#who(ended)}`;
      this.#card.actions.append(make('p', 'note', `Sent to ${this.#who(complete)}${failed}`));
    }
  }

  #who(transfers: readonly Transfer[]): string {
    return transfers.length > 2
      ? `${transfers.length} people`
      : transfers.map(({ peerId }) => this.#nameOf(peerId)).join(' and ');
  }
}
