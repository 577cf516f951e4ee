/** Elements of a document that nobody looks at. */

export class Element extends EventTarget {
  children = [];
  parentElement = null;
  style = {};
  dataset = {};
  textContent = '';
  innerHTML = '';
  #attributes = new Map();
  constructor(tag) {
    super();
    this.localName = tag;
    this.tagName = tag.toUpperCase();
  }
  appendChild(child) {
    if (child?.localName === 'iframe') throw new DOMException('There are no iframes here', 'NotSupportedError');
    if (child instanceof Element) {
      child.parentElement = this;
      this.children.push(child);
    }
    return child;
  }
  append(...children) {
    for (const child of children) this.appendChild(child);
  }
  removeChild(child) {
    this.children = this.children.filter((other) => other !== child);
    return child;
  }
  remove() {
    this.parentElement?.removeChild(this);
  }
  setAttribute(name, value) {
    this.#attributes.set(name, String(value));
    if (['id', 'name', 'content'].includes(name)) this[name] = String(value);
    if (['width', 'height'].includes(name)) this[name] = Number(value);
    if (['autoplay', 'muted'].includes(name)) this[name] = true;
  }
  removeAttribute(name) {
    this.#attributes.delete(name);
  }
  getAttribute(name) {
    return this.#attributes.get(name) ?? null;
  }
  hasAttribute(name) {
    return this.#attributes.has(name);
  }
  /** An event for the listeners and for the handler of that name. */
  fire(type) {
    const event = new Event(type);
    this[`on${type}`]?.(event);
    this.dispatchEvent(event);
  }
  click() {
    this.fire('click');
  }
  getBoundingClientRect() {
    return { x: 0, y: 0, width: 0, height: 0, top: 0, left: 0 };
  }
  querySelector() {
    return null;
  }
  querySelectorAll() {
    return [];
  }
  getElementsByTagName() {
    return [];
  }
}
export class HTMLElement extends Element {}
