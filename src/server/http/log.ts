/** Logs: one JSON object a line. No address, room key or peer id is in any of them, whatever happens. */
import { TokenBucket } from '../tracker/token-bucket.ts';

/** What is worth a line. */
export type TrackerLogEvent =
  | { readonly event: 'refused'; readonly status: number; readonly reason: string }
  | { readonly event: 'cutOff'; readonly reason: 'faults' | 'silent' | 'slow' }
  | { readonly event: 'draining' }
  | { readonly event: 'closed' };

/** Bound: lines a second, on average and at once. What is over it is counted, and told with the next line. */
const LINES_PER_SECOND = 10;
const LINES_AT_ONCE = 50;

/**
 * A `log` option that writes lines like `{"time":"2026-11-23T12:00:00.000Z","event":"refused","status":429,…}`.
 * @param write takes one line with its newline; default: standard output
 * @param unixTimeMs milliseconds since 1970
 */
export function jsonLines(
  write: (line: string) => void = (line) => process.stdout.write(line),
  unixTimeMs: () => number = Date.now,
): (event: TrackerLogEvent) => void {
  const lines = new TokenBucket(LINES_AT_ONCE, unixTimeMs());
  let suppressed = 0;
  return (event) => {
    const now = unixTimeMs();
    if (!lines.take(LINES_PER_SECOND, LINES_AT_ONCE, now)) {
      suppressed += 1;
      return;
    }
    const entry = { time: new Date(now).toISOString(), ...event, ...(suppressed > 0 && { suppressed }) };
    suppressed = 0;
    write(`${JSON.stringify(entry)}\n`);
  };
}
