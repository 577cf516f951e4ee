/**
 * Where to cut `length` bytes into `count` parts of about the same length: a full packet and a tiny one behind it are the
 * worst that a pacer can be given. Part `i` is [evenCut(…, i), evenCut(…, i + 1)).
 */
export function evenCut(length: number, count: number, i: number): number {
  return Math.floor((length * i) / count);
}
