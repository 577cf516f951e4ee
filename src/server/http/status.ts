/**
 * What a tracker tells those who look after it: is it alive (`/healthz`), may it have visitors (`/readyz`), how is it
 * (`/stats`, `/metrics` in Prometheus' text format). Numbers only: no room, peer or address is in any of it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TrackerServer } from '../tracker/tracker-server.ts';
import type { TurnService } from '../turn/service.ts';

export type StatusOptions = {
  /** Serve `/stats`, counts as JSON. Default false: how much goes on is not everybody's business. */
  readonly stats?: boolean;
  /** Serve `/metrics`. Default false. */
  readonly metrics?: boolean;
  /** Whether a node that cannot hear the others of its cluster still takes visitors (`/readyz` 200). Default true. */
  readonly readyWhenAlone?: boolean;
  /** The TURN server beside the tracker, to be counted as well. */
  readonly turn?: Pick<TurnService, 'stats'>;
};

export type StatusPage = { readonly status: number; readonly contentType: string; readonly body: string };

const JSON_TYPE = 'application/json';
/** Prometheus exposition format, version 0.0.4. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** How much there is now; all else in `stats` only grows. */
const GAUGES: ReadonlySet<string> = new Set(['connections', 'rooms', 'members', 'allocations', 'relays']);

/** The page at a path; `null` for paths that are not the tracker's. */
export function statusPage(tracker: TrackerServer, path: string, options: StatusOptions = {}): StatusPage | null {
  const { stats = false, metrics = false, readyWhenAlone = true, turn } = options;
  if (path === '/healthz') return json(200, { status: 'ok' });
  if (path === '/readyz') {
    if (tracker.isDraining) return json(503, { status: 'draining' });
    if (tracker.clusterUp === false) return json(readyWhenAlone ? 200 : 503, { status: 'degraded', cluster: 'down' });
    return json(200, { status: 'ready' });
  }
  if (path === '/stats' && stats) return json(200, turn ? { ...tracker.stats, turn: turn.stats } : tracker.stats);
  if (path === '/metrics' && metrics) {
    const body = [
      formatMetrics('tracker', tracker.stats),
      formatClusterUp(tracker),
      formatMetrics('cluster', tracker.clusterCounters),
      formatMetrics('turn', turn?.stats),
    ];
    return { status: 200, contentType: METRICS_TYPE, body: body.join('') };
  }
  return null;
}

/**
 * Serves the pages to GET and HEAD on Node and Deno. Returns false for a request that is not for them, which is then yours.
 */
export function statusHandler(
  tracker: TrackerServer,
  options: StatusOptions = {},
): (request: IncomingMessage, response: ServerResponse) => boolean {
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    const page = statusPage(tracker, pathOf(request.url ?? '/'), options);
    if (page === null) return false;
    response.writeHead(page.status, { 'content-type': page.contentType, 'cache-control': 'no-store' });
    response.end(page.body);
    return true;
  };
}

/** The same for what speaks `Request` and `Response`: Bun, Deno, Hono. `null` for a request that is not for them. */
export function statusResponse(tracker: TrackerServer, request: Request, options: StatusOptions = {}): Response | null {
  if (request.method !== 'GET' && request.method !== 'HEAD') return null;
  const page = statusPage(tracker, new URL(request.url).pathname, options);
  if (page === null) return null;
  const headers = { 'content-type': page.contentType, 'cache-control': 'no-store' };
  return new Response(request.method === 'HEAD' ? null : page.body, { status: page.status, headers });
}

function json(status: number, value: object): StatusPage {
  return { status, contentType: JSON_TYPE, body: `${JSON.stringify(value)}\n` };
}

function formatMetrics(
  subsystem: 'tracker' | 'cluster' | 'turn',
  stats: Readonly<Record<string, number>> = {},
): string {
  const lines = Object.entries(stats).map(([name, value]) => {
    const snake = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const isGauge = GAUGES.has(name);
    return formatMetric(
      `purertc_${subsystem}_${snake}${isGauge ? '' : '_total'}`,
      isGauge ? 'gauge' : 'counter',
      value,
    );
  });
  return lines.join('');
}

function formatClusterUp({ clusterUp }: TrackerServer): string {
  return clusterUp === null ? '' : formatMetric('purertc_tracker_cluster_up', 'gauge', clusterUp ? 1 : 0);
}

function formatMetric(name: string, type: 'counter' | 'gauge', value: number): string {
  return `# TYPE ${name} ${type}\n${name} ${value}\n`;
}

/** Without the query. */
function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}
