/** The tiles of everybody, arranged to the room there is. */
import type { MediaState } from '../protocol/index.ts';
import { type Box, featuredLayout, gridLayout, pairLayout } from './layout.ts';
import { Tile } from './tile.ts';

const GAP = 12;

export type StagePerson = { readonly id: string; readonly name: string; readonly media: MediaState };

/** Our own tile's id. */
export const OWN = 'own';

export class Stage {
  readonly #element: HTMLElement;
  /** In the order in which people came; ours is first. */
  readonly #tiles = new Map<string, { readonly tile: Tile; sharing: boolean }>();
  readonly #observer: ResizeObserver;

  constructor(element: HTMLElement) {
    this.#element = element;
    this.#observer = new ResizeObserver(() => this.#arrange());
    this.#observer.observe(element);
  }

  add(id: string, stream: MediaStream): Tile {
    const tile = new Tile(id, id === OWN, stream);
    this.#tiles.set(id, { tile, sharing: false });
    this.#element.append(tile.element);
    return tile;
  }

  update({ id, name, media }: StagePerson): void {
    const entry = this.#tiles.get(id);
    if (entry === undefined) return;
    entry.tile.update(name, media);
    entry.sharing = media.screen;
    this.#arrange();
  }

  remove(id: string): void {
    this.#tiles.get(id)?.tile.remove();
    this.#tiles.delete(id);
    this.#arrange();
  }

  showSpeaking(id: string, speaking: boolean): void {
    const entry = this.#tiles.get(id);
    if (entry !== undefined) entry.tile.speaking = speaking;
  }

  clear(): void {
    for (const id of [...this.#tiles.keys()]) this.remove(id);
    this.#observer.disconnect();
  }

  #arrange(): void {
    const { clientWidth: width, clientHeight: height } = this.#element;
    if (width === 0 || height === 0) return;
    const tiles = this.#inOrder();
    const alone = tiles.length === 2 && !tiles.some(({ sharing }) => sharing);
    const boxes = this.#boxes(tiles.length, alone, tiles[0]?.sharing === true, width, height);
    for (const [index, { tile }] of tiles.entries()) {
      tile.floating = alone && index === 1;
      tile.place(boxes[index]!);
    }
  }

  #boxes(count: number, alone: boolean, featured: boolean, width: number, height: number): Box[] {
    if (featured) return featuredLayout(count, width, height, GAP);
    return alone ? pairLayout(width, height, GAP) : gridLayout(count, width, height, GAP);
  }

  /** A shared screen first, others before our own, ourselves last. */
  #inOrder(): { readonly tile: Tile; readonly sharing: boolean }[] {
    const entries = [...this.#tiles].map(([id, entry]) => ({ own: id === OWN, ...entry }));
    const rank = ({ own, sharing }: { own: boolean; sharing: boolean }): number =>
      sharing ? (own ? 1 : 0) : own ? 3 : 2;
    return entries.sort((a, b) => rank(a) - rank(b));
  }
}
