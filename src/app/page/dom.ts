/** The little of the DOM that the page's parts share. Text always goes in as text: nothing here parses markup. */

/** The element with this id. @throws Error when the page has none, or it is of another type */
export function byId<T extends Element>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} with the id ${id}`);
  return found;
}

export type Child = Node | string | null;

/** A new element with a class and children; `null` children are left out. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A button that does something. */
export function makeButton(className: string, label: string, onClick: () => void): HTMLButtonElement {
  const button = make('button', className, label);
  button.type = 'button';
  button.addEventListener('click', onClick);
  return button;
}

const SVG = 'http://www.w3.org/2000/svg';

/** One of the symbols in index.html, without its `i-`. */
export function makeIcon(name: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.classList.add('icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Shows another symbol in an icon, or in the icon of a button. */
export function setIcon(element: Element, name: string): void {
  element.querySelector('use')?.setAttribute('href', `#i-${name}`);
}

/** What an error says to somebody who did not write the page. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
