/**
 * As much of a browser window on `globalThis` as testharness.js and the tests touch. Nothing in here is WebRTC; what
 * captures and plays media is in `media.mjs`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Element, HTMLElement } from './elements.mjs';

const define = (name, value) =>
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true });

/** @returns what the page's life cycle does to the window */
export function installWindow({ url, html, wptDir, media }) {
  const bus = installEvents();
  for (const name of ['window', 'self', 'top', 'parent', 'frames']) define(name, globalThis);
  define('opener', null);
  define('location', new URL(url));
  define('origin', new URL(url).origin);
  define('isSecureContext', true);
  define('crossOriginIsolated', false);
  define('GLOBAL', { isWindow: () => true, isWorker: () => false, isShadowRealm: () => false });
  define('requestAnimationFrame', (callback) => setTimeout(() => callback(performance.now()), 16));
  define('cancelAnimationFrame', clearTimeout);
  define('getComputedStyle', () => ({ getPropertyValue: () => '' }));
  if (!globalThis.Window) define('Window', function Window() {});
  installEventClasses();
  installFileReader();
  installIteratorHelpers();
  const document = installDocument(url, html, media);
  installNavigator(media.devices);
  for (const [name, value] of Object.entries(media.globals)) define(name, value);
  installTestDriver();
  installFetch(url, wptDir);
  return {
    fireLoad() {
      document.readyState = 'interactive';
      document.dispatchEvent(new Event('DOMContentLoaded'));
      document.readyState = 'complete';
      bus.dispatchEvent(new Event('load'));
    },
    fireError(error) {
      bus.dispatchEvent(new ErrorEvent('error', { error, message: String(error?.message ?? error), cancelable: true }));
    },
    fireRejection(reason, promise) {
      bus.dispatchEvent(new PromiseRejectionEvent('unhandledrejection', { reason, promise, cancelable: true }));
    },
  };
}

/** The window is an EventTarget. */
function installEvents() {
  const bus = new EventTarget();
  for (const method of ['addEventListener', 'removeEventListener', 'dispatchEvent'])
    define(method, bus[method].bind(bus));
  for (const type of ['load', 'error', 'unhandledrejection', 'message']) {
    let handler = null;
    Object.defineProperty(globalThis, `on${type}`, {
      configurable: true,
      get: () => handler,
      set(value) {
        if (handler) bus.removeEventListener(type, handler);
        handler = value;
        if (value) bus.addEventListener(type, value);
      },
    });
  }
  const post = (data) =>
    bus.dispatchEvent(Object.assign(new Event('message'), { data, source: globalThis, origin: globalThis.origin }));
  define('postMessage', (data) => setTimeout(post, 0, data));
  return bus;
}

function installEventClasses() {
  if (!globalThis.ErrorEvent) {
    define(
      'ErrorEvent',
      class ErrorEvent extends Event {
        constructor(type, init = {}) {
          super(type, init);
          this.error = init.error;
          this.message = init.message ?? '';
        }
      },
    );
  }
  if (!globalThis.PromiseRejectionEvent) {
    define(
      'PromiseRejectionEvent',
      class PromiseRejectionEvent extends Event {
        constructor(type, init) {
          super(type, init);
          this.reason = init.reason;
          this.promise = init.promise;
        }
      },
    );
  }
}

function installFileReader() {
  if (globalThis.FileReader) return;
  define(
    'FileReader',
    class FileReader extends EventTarget {
      result = null;
      error = null;
      readAsArrayBuffer(blob) {
        this.#read(blob.arrayBuffer());
      }
      readAsText(blob) {
        this.#read(blob.text());
      }
      async #read(content) {
        try {
          this.result = await content;
          this.#fire('load');
        } catch (error) {
          this.error = error;
          this.#fire('error');
        }
        this.#fire('loadend');
      }
      #fire(type) {
        const event = new Event(type);
        this[`on${type}`]?.(event);
        this.dispatchEvent(event);
      }
    },
  );
}

function installDocument(url, html, media) {
  Object.assign(globalThis, { Node: Element, Element, HTMLElement });
  const make = (tag) => new (media.elements[tag] ?? HTMLElement)(tag);
  const byId = new Map();
  const byTag = new Map();
  for (const [, tag, attributes] of html.matchAll(
    /<(video|audio|canvas|div|button|textarea|input|p|span|pre|meta)\b([^>]*)>/gi,
  )) {
    const element = make(tag.toLowerCase());
    for (const [, name, a, b, c] of attributes.matchAll(/([\w-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?/g)) {
      element.setAttribute(name, a ?? b ?? c ?? '');
    }
    byTag.set(element.localName, [...(byTag.get(element.localName) ?? []), element]);
    if (!element.id) continue;
    byId.set(element.id, element);
    if (!(element.id in globalThis)) define(element.id, element);
  }
  const title = /<title>([\s\S]*?)<\/title>/i.exec(html)?.[1]?.trim() ?? '';
  byTag.set('title', [{ firstChild: { data: title } }]);
  const document = Object.assign(new Element('#document'), {
    readyState: 'loading',
    visibilityState: 'visible',
    hidden: false,
    title,
    location: globalThis.location,
    URL: url,
    defaultView: globalThis,
    currentScript: null,
    body: new HTMLElement('body'),
    head: new HTMLElement('head'),
    documentElement: new HTMLElement('html'),
    createElement: (tag) => make(String(tag).toLowerCase()),
    createElementNS: (_namespace, tag) => make(String(tag).toLowerCase()),
    createTextNode: (data) => ({ data }),
    getElementById: (id) => byId.get(id) ?? null,
    getElementsByTagName: (tag) => byTag.get(tag) ?? [],
    getElementsByName: () => [],
    querySelector: (selector) =>
      (selector.startsWith('#') ? byId.get(selector.slice(1)) : byTag.get(selector)?.[0]) ?? null,
    querySelectorAll: (selector) => byTag.get(selector) ?? [],
    hasFocus: () => true,
  });
  define('document', document);
  return document;
}

function installNavigator(mediaDevices) {
  const properties = {
    mediaDevices: { value: mediaDevices, enumerable: true },
    userAgent: { value: 'wpt', enumerable: true },
  };
  define('navigator', Object.create(globalThis.navigator ?? {}, properties));
}

/** testdriver.js, as far as these tests ask for it. */
function installTestDriver() {
  const driver = {
    set_permission: async () => {},
    set_test_context() {},
    bless: async (_message, action) => action?.(),
  };
  const missing = (name) => async () => {
    throw new DOMException(`testdriver.${String(name)} is not there`, 'NotSupportedError');
  };
  define('test_driver', new Proxy(driver, { get: (target, name) => target[name] ?? missing(name) }));
  define('test_driver_internal', {});
  define('setMediaPermission', async () => {});
}

/** Some tests are written for engines newer than Node 20's: `report.values().find(…)`. */
function installIteratorHelpers() {
  const prototype = Object.getPrototypeOf(Object.getPrototypeOf([].values()));
  for (const name of ['find', 'some', 'every', 'filter', 'map', 'toArray', 'forEach']) {
    const value = function (...args) {
      return name === 'toArray' ? [...this] : [...this][name](...args);
    };
    if (!(name in prototype)) Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
}

/** What a test fetches from its own server is read from the suite. */
function installFetch(url, wptDir) {
  const realFetch = globalThis.fetch;
  define('fetch', async (input, init) => {
    const target = new URL(typeof input === 'string' ? input : (input.url ?? String(input)), url);
    if (target.origin !== globalThis.location.origin) return realFetch(input, init);
    const path = join(wptDir, decodeURIComponent(target.pathname));
    return existsSync(path) ? new Response(readFileSync(path)) : new Response('', { status: 404 });
  });
}
