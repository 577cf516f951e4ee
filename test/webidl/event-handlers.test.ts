import { expect, test } from 'vitest';
import { defineEventHandlers } from '../../src/webidl/event-handlers.ts';

class Bell extends EventTarget {
  declare onring: unknown;
  static {
    defineEventHandlers(Bell, ['ring']);
  }
}

test('an attribute is null until it is given something callable, or at least an object', () => {
  const bell = new Bell();
  expect(bell.onring).toBeNull();
  const handler = (): void => {};
  bell.onring = handler;
  expect(bell.onring).toBe(handler);
  bell.onring = 'text';
  expect(bell.onring).toBeNull();
  const object = {};
  bell.onring = object;
  expect(bell.onring).toBe(object);
  bell.dispatchEvent(new Event('ring')); // kept, and never called
});

test('a handler keeps its place among the listeners when another takes over, and loses it with null', () => {
  const bell = new Bell();
  const log: string[] = [];
  const ring = (): string[] => {
    log.length = 0;
    bell.dispatchEvent(new Event('ring'));
    return [...log];
  };
  bell.onring = () => void log.push('first');
  bell.addEventListener('ring', () => log.push('listener'));
  bell.onring = () => void log.push('second');
  expect(ring()).toEqual(['second', 'listener']);
  bell.onring = null;
  expect(ring()).toEqual(['listener']);
  bell.onring = () => void log.push('third');
  expect(ring()).toEqual(['listener', 'third']);
});

test('the handler is called on its target, and false cancels the event', () => {
  const bell = new Bell();
  let self: unknown;
  bell.onring = function (this: unknown) {
    self = this;
    return false;
  };
  expect(bell.dispatchEvent(new Event('ring', { cancelable: true }))).toBe(false);
  expect(self).toBe(bell);
});
