/** The clock and timers that Node, Deno and Bun share. */
import type { TimerHandle } from './runtime.ts';

/** Longer delays make the runtimes fire at once, with a warning: 2³¹ - 1 ms, 24.8 days. */
export const MAX_DELAY_MS: number = 0x7fff_ffff;

export function now(): number {
  return performance.now();
}

export function setTimer(delayMs: number, callback: () => void): TimerHandle {
  // Rounded up: runtimes cut fractions off, and a machine asked too early only asks for another timer.
  return setTimeout(callback, delayMs > 0 ? Math.ceil(Math.min(delayMs, MAX_DELAY_MS)) : 0);
}

export function clearTimer(timer: TimerHandle): void {
  clearTimeout(timer as number);
}

/**
 * `setImmediate`, not a microtask: it runs when all the datagrams of one poll have been handled (up to 32 on Node), so
 * that one pass answers them all, while a microtask runs after each of them. bench/udp.ts has the figures.
 */
export function queueTurn(callback: () => void): void {
  setImmediate(callback);
}
