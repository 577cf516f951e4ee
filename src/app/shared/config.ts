/** What the page's server says of itself: `config.json`, beside the page. */

export type PageConfig = {
  /** Absolute `ws:` or `wss:` addresses. */
  readonly trackers: readonly string[];
  readonly iceServers: readonly RTCIceServer[];
  /** Whether the tracker hands out TURN credentials. */
  readonly iceServersFromTracker: boolean;
};

/** @throws Error that says what is wrong with it */
export function parseConfig(value: unknown, base: string): PageConfig {
  if (typeof value !== 'object' || value === null) throw new Error('config.json is no object');
  const { trackers, iceServers = [], iceServersFromTracker = false } = value as Record<string, unknown>;
  if (!Array.isArray(trackers) || trackers.length === 0) throw new Error('config.json names no trackers');
  if (!Array.isArray(iceServers)) throw new Error('iceServers in config.json is no list');
  return {
    trackers: trackers.map((tracker) => trackerUrl(String(tracker), base)),
    iceServers: iceServers as RTCIceServer[],
    iceServersFromTracker: iceServersFromTracker === true,
  };
}

/** A tracker on the page's own server may be given as a path: it is `wss:` where the page is `https:`. */
function trackerUrl(tracker: string, base: string): string {
  const url = new URL(tracker, base);
  if (url.protocol === 'http:') url.protocol = 'ws:';
  if (url.protocol === 'https:') url.protocol = 'wss:';
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:') throw new Error(`${tracker} is no WebSocket address`);
  return url.href;
}

/** @param base address of the page, absolute. @throws Error when there is no such file, or it is wrong */
export async function loadConfig(base: string): Promise<PageConfig> {
  const answer = await fetch(new URL('config.json', base), { cache: 'no-store' });
  if (!answer.ok) throw new Error(`config.json: the server said ${answer.status}`);
  return parseConfig(await answer.json(), base);
}
