import { afterEach, expect, test, vi } from 'vitest';
import { browserPlatform } from '../../src/signaling/browser-platform.ts';

afterEach(() => vi.unstubAllGlobals());

test('a page wakes rooms when the network is back, and when it is looked at; and forgets them afterwards', () => {
  const window = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: 'hidden' });
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
  vi.stubGlobal('removeEventListener', window.removeEventListener.bind(window));
  vi.stubGlobal('document', document);
  let woken = 0;
  const stop = browserPlatform.onWake(() => woken++);
  window.dispatchEvent(new Event('online'));
  expect(woken).toBe(1);
  document.dispatchEvent(new Event('visibilitychange'));
  expect(woken).toBe(1); // hidden
  document.visibilityState = 'visible';
  document.dispatchEvent(new Event('visibilitychange'));
  expect(woken).toBe(2);
  stop();
  window.dispatchEvent(new Event('online'));
  document.dispatchEvent(new Event('visibilitychange'));
  expect(woken).toBe(2);
});

test('where there is no page there is nothing to wait for', () => {
  vi.stubGlobal('addEventListener', undefined);
  browserPlatform.onWake(() => {})();
});
