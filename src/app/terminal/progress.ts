/** Numbers and bars for people. */
import type { Transfer } from '../protocol/index.ts';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];
const BAR_WIDTH = 20;

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Bits per second. */
export function formatRate(bitsPerSecond: number | null): string {
  if (bitsPerSecond === null) return '–';
  if (bitsPerSecond < 1e6) return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
  return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
}

/** `↓ photo.png ███████░░░ 70 % of 12 MB`. */
export function formatProgress({ direction, name, bytes, size }: Transfer): string {
  const share = size === 0 ? 1 : bytes / size;
  const full = Math.floor(share * BAR_WIDTH);
  const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
  const arrow = direction === 'incoming' ? '↓' : '↑';
  return `${arrow} ${name} ${bar} ${Math.floor(share * 100)} % of ${formatBytes(size)}`;
}
