/**
 * Serial number arithmetic (RFC 1982): numbers that wrap are compared by name, never with `<`.
 * It is undefined for numbers exactly half the range apart; here both comparisons are then false.
 */

/** Whether 32-bit `a` comes before `b`. */
export function serial32Less(a: number, b: number): boolean {
  const distance = (b - a) >>> 0;
  return distance !== 0 && distance < 0x8000_0000;
}

/** Whether 32-bit `a` comes before `b` or is `b`. */
export function serial32LessOrEqual(a: number, b: number): boolean {
  return a === b || serial32Less(a, b);
}

/** 32-bit `a` + `count`, wrapped. `count` may be negative. */
export function serial32Add(a: number, count: number): number {
  return (a + count) >>> 0;
}

/** How far `to` is ahead of `from`, 0 … 2^32 - 1. */
export function serial32Distance(from: number, to: number): number {
  return (to - from) >>> 0;
}

/** Whether 16-bit `a` comes before `b`. */
export function serial16Less(a: number, b: number): boolean {
  const distance = (b - a) & 0xffff;
  return distance !== 0 && distance < 0x8000;
}

/** 16-bit `a` + `count`, wrapped. `count` may be negative. */
export function serial16Add(a: number, count: number): number {
  return (a + count) & 0xffff;
}
