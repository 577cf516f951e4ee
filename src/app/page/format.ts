/** Numbers as people read them. */

/** `1.4 MB`, in powers of ten as file managers do. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** `1.4 Mbit/s`. */
export function formatRate(bitsPerSecond: number): string {
  if (bitsPerSecond < 999_500) return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
  const megabits = bitsPerSecond / 1e6;
  return `${megabits.toFixed(megabits < 10 ? 1 : 0)} Mbit/s`;
}

export function formatMs(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

export function formatPercent(share: number): string {
  const percent = share * 100;
  return `${percent > 0 && percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** The two letters that stand for somebody without a picture. */
export function initials(name: string): string {
  const words = name.split(/[\s_.-]+/u).filter((word) => word !== '');
  const letters = words.length > 1 ? [words[0]!, words.at(-1)!] : [words[0] ?? '?'];
  return letters
    .map((word) => [...word][0]!)
    .join('')
    .toLocaleUpperCase();
}

/** One of `count` colours for somebody, the same on every screen. */
export function colourOf(id: string, count: number): number {
  let hash = 0;
  for (let index = 0; index < id.length; index++) hash = (Math.imul(hash, 31) + id.charCodeAt(index)) >>> 0;
  return hash % count;
}
