/**
 * Event handler attributes (`onmessage` and its kin) and typed `EventTarget`s, as HTML defines them
 * (https://html.spec.whatwg.org/multipage/webappapis.html#event-handler-attributes).
 */
import { isObject } from './conversions.ts';

/** What may be assigned to an `on…` attribute. */
export type EventHandler<E extends Event> = ((event: E) => unknown) | null;

/**
 * What reading an `on…` attribute gives. Looser than what may be assigned, because TypeScript would otherwise compare the
 * events of our handlers with lib.dom's, and let none of our objects go where lib.dom's are expected.
 */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type AnyEventHandler = ((event: any) => unknown) | null;

/** `EventTarget` that knows which events its listeners will see. */
export interface TypedEventTarget<Events> extends EventTarget {
  addEventListener<K extends keyof Events & string>(
    type: K,
    listener: ((this: this, event: Events[K]) => unknown) | EventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  removeEventListener<K extends keyof Events & string>(
    type: K,
    listener: ((this: this, event: Events[K]) => unknown) | EventListenerObject | null,
    options?: EventListenerOptions | boolean,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: EventListenerOptions | boolean,
  ): void;
}

/**
 * What a class extends to be a typed `EventTarget` with the event handler attributes `Handlers`; at run time it is
 * `EventTarget` itself, and `defineEventHandlers` adds the attributes.
 */
export type TypedEventTargetConstructor<Events, Handlers> = new () => TypedEventTarget<Events> & Handlers;

type Handler = (this: EventTarget, event: Event) => unknown;
/** The value an attribute shows, and the listener that stands for it in the target's list. */
type Slot = { value: Handler | null; listener: ((event: Event) => void) | null };

const slotsOfTarget = new WeakMap<EventTarget, Map<string, Slot>>();

/** Gives `target.prototype` an `on<type>` attribute for every event type. Called from a static block. */
export function defineEventHandlers(
  target: (abstract new (...args: never[]) => EventTarget) & { readonly prototype: EventTarget },
  types: readonly string[],
): void {
  function requireInstance(object: unknown): asserts object is EventTarget {
    if (!(object instanceof target)) throw new TypeError('Illegal invocation');
  }
  for (const type of types) {
    const attribute = `on${type}`;
    // An accessor of a literal is called as Web IDL wants it: `get onmessage`.
    const { get, set } = Object.getOwnPropertyDescriptor(
      {
        get [attribute](): Handler | null {
          requireInstance(this);
          return slotsOfTarget.get(this)?.get(type)?.value ?? null;
        },
        set [attribute](value: unknown) {
          requireInstance(this);
          setHandler(this, type, value);
        },
      },
      attribute,
    )!;
    Object.defineProperty(target.prototype, attribute, { configurable: true, enumerable: true, get, set });
  }
}

/**
 * `[LegacyTreatNonObjectAsNull]`: what is no object removes the handler. A handler that replaces another keeps its place
 * among the listeners; one set after `null` goes to the end.
 */
function setHandler(target: EventTarget, type: string, value: unknown): void {
  const slots = slotsOfTarget.get(target) ?? new Map<string, Slot>();
  slotsOfTarget.set(target, slots);
  const slot = slots.get(type) ?? { value: null, listener: null };
  slots.set(type, slot);
  slot.value = isObject(value) ? (value as Handler) : null;
  if (slot.value === null && slot.listener !== null) {
    target.removeEventListener(type, slot.listener);
    slot.listener = null;
  } else if (slot.value !== null && slot.listener === null) {
    slot.listener = (event) => callHandler(target, slot, event);
    target.addEventListener(type, slot.listener);
  }
}

/** "The event handler processing algorithm": a handler that returns `false` cancels the event. */
function callHandler(target: EventTarget, slot: Slot, event: Event): void {
  if (typeof slot.value !== 'function') return; // an object that cannot be called is kept, and does nothing
  if (slot.value.call(target, event) === false) event.preventDefault();
}
