/**
 * Where `rtctransform` events are fired: what a browser's worker finds on `self` (WebRTC Encoded Transform §6). Workers of
 * Node have no such object, so this one stands for it in all runtimes.
 */
import { parentPort } from 'node:worker_threads';
import { INTERNAL } from '../webidl/conversions.ts';
import {
  type AnyEventHandler,
  defineEventHandlers,
  type EventHandler,
  type TypedEventTarget,
  type TypedEventTargetConstructor,
} from '../webidl/event-handlers.ts';
import { isAnnouncement } from '../webrtc/transform-messages.ts';
import { RTCRtpScriptTransformer } from './script-transformer.ts';
import { RTCTransformEvent } from './transform-event.ts';

export interface WorkerScopeEventMap {
  rtctransform: RTCTransformEvent;
}

interface Handlers {
  get onrtctransform(): AnyEventHandler;
  set onrtctransform(handler: EventHandler<RTCTransformEvent>);
}

export interface WorkerScope extends TypedEventTarget<WorkerScopeEventMap>, Handlers {}

const Target: TypedEventTargetConstructor<WorkerScopeEventMap, Handlers> = EventTarget as never;

class Scope extends Target {
  /** Those that came before anybody listened; as many as the application makes. `null` once somebody does. */
  #early: RTCRtpScriptTransformer[] | null = [];

  static {
    defineEventHandlers(Scope, ['rtctransform']);
  }

  /** The first to listen is told of those that are there already. */
  override addEventListener(...args: Parameters<EventTarget['addEventListener']>): void {
    super.addEventListener(...args);
    const early = this.#early;
    if (args[0] !== 'rtctransform' || early === null) return;
    this.#early = null;
    queueMicrotask(() => early.forEach((transformer) => void this.announce(transformer)));
  }

  announce(transformer: RTCRtpScriptTransformer): void {
    if (this.#early !== null) this.#early.push(transformer);
    else this.dispatchEvent(new RTCTransformEvent(INTERNAL, transformer));
  }
}

const scope = new Scope();

/** `workerScope.onrtctransform` is `self.onrtctransform` of the specification. */
export const workerScope: WorkerScope = scope;

/** Where messages from the thread outside come; `null` in that thread itself. Deno's Web Workers have no `parentPort`. */
const outside = parentPort ?? ('DedicatedWorkerGlobalScope' in globalThis ? globalThis : null);

(outside as EventTarget | null)?.addEventListener('message', (event) => {
  const { data } = event as MessageEvent<unknown>;
  if (!isAnnouncement(data)) return;
  event.stopImmediatePropagation(); // no message of the application's
  scope.announce(new RTCRtpScriptTransformer(INTERNAL, data.port, data.options));
});
