/**
 * Both ends of a page's worker: the `Worker` that tests make, and what its thread begins with, which turns it into a
 * worker's global scope and runs the script of the suite in it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import vm from 'node:vm';
import { isMainThread, Worker as NodeWorker, parentPort, workerData } from 'node:worker_threads';

/** @param door the URL of the built `purertc/worker` */
export function makeWorkerClass(wptDir, door) {
  return class Worker extends EventTarget {
    #thread;
    #onmessage = null;
    constructor(script) {
      super();
      const path = join(wptDir, new URL(script, globalThis.location).pathname);
      this.#thread = new NodeWorker(new URL(import.meta.url), { workerData: { path, wptDir, door } });
      this.#thread.on('message', (data) => this.dispatchEvent(new MessageEvent('message', { data })));
      this.#thread.on('error', (error) => this.dispatchEvent(Object.assign(new Event('error'), { error })));
      this.#thread.unref();
    }
    get onmessage() {
      return this.#onmessage;
    }
    set onmessage(handler) {
      this.removeEventListener('message', this.#onmessage);
      this.#onmessage = handler;
      this.addEventListener('message', handler);
    }
    postMessage(message, transfer) {
      this.#thread.postMessage(message, Array.isArray(transfer) ? transfer : transfer?.transfer);
    }
    terminate() {
      this.#thread.terminate();
    }
  };
}

if (!isMainThread && workerData?.door) await begin(workerData);

async function begin({ path, wptDir, door }) {
  const { workerScope, ...api } = await import(door);
  const targetOf = (type) => (type === 'rtctransform' ? workerScope : parentPort);
  const members = {
    ...api,
    self: globalThis,
    addEventListener: (type, ...rest) => targetOf(type).addEventListener(type, ...rest),
    removeEventListener: (type, ...rest) => targetOf(type).removeEventListener(type, ...rest),
    postMessage: (message, transfer) => parentPort.postMessage(message, transfer),
    importScripts: (...scripts) => {
      for (const script of scripts)
        run(join(wptDir, new URL(script, `http://suite${path.slice(wptDir.length)}`).pathname));
    },
  };
  for (const [name, value] of Object.entries(members)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }
  for (const [name, target] of [
    ['onmessage', parentPort],
    ['onrtctransform', workerScope],
  ]) {
    const get = () => target[name];
    const set = (handler) => {
      target[name] = handler;
    };
    Object.defineProperty(globalThis, name, { get, set, configurable: true });
  }
  run(path);
}

function run(path) {
  vm.runInThisContext(readFileSync(path, 'utf8'), { filename: path });
}
