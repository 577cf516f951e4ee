/** How a connection does: a minute of its figures, its path, what goes over it, and the trackers behind it. */

import { type ConnectionSample, type Report, takeSample, type Video } from '../shared/rates.ts';
import { byId, make } from './dom.ts';
import { formatMs, formatPercent, formatRate } from './format.ts';
import { Graph, HISTORY } from './graph.ts';

const INTERVAL_MS = 1000;

export type Watched = { readonly id: string; readonly name: string; readonly connection: RTCPeerConnection };

export type TrackerState = {
  readonly url: string;
  readonly state: 'connecting' | 'open' | 'waiting' | 'closed';
  readonly lastError: string | null;
};

export type ConnectionSources = {
  peers(): readonly Watched[];
  trackers(): readonly TrackerState[];
};

export class ConnectionPanel {
  readonly #sources: ConnectionSources;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Bound: HISTORY samples for each connection there is. */
  readonly #histories = new Map<string, ConnectionSample[]>();
  readonly #choice = byId('connection-peer', HTMLSelectElement);
  readonly #details = byId('connection-details', HTMLDListElement);
  readonly #trackers = byId('trackers', HTMLUListElement);
  readonly #redraw = (): void => this.draw();
  readonly #graphs = {
    receive: graph('receive', formatRate, 100_000),
    send: graph('send', formatRate, 100_000),
    rtt: graph('rtt', formatMs, 10),
    loss: graph('loss', formatPercent, 0.02),
  };

  constructor(sources: ConnectionSources) {
    this.#sources = sources;
    this.#timer = setInterval(() => void this.#measure(), INTERVAL_MS);
    this.#choice.addEventListener('change', this.#redraw);
    addEventListener('resize', this.#redraw);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', this.#redraw);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#choice.removeEventListener('change', this.#redraw);
    removeEventListener('resize', this.#redraw);
    matchMedia('(prefers-color-scheme: dark)').removeEventListener('change', this.#redraw);
  }

  /** Also when nothing new was measured: the panel was opened, or the window has another size. */
  draw(): void {
    this.#drawChoice();
    this.#drawTrackers();
    const history = this.#histories.get(this.#choice.value) ?? [];
    this.#graphs.receive.draw(history.map(({ receiveRate }) => receiveRate));
    this.#graphs.send.draw(history.map(({ sendRate }) => sendRate));
    this.#graphs.rtt.draw(history.map(({ roundTrip }) => roundTrip));
    this.#graphs.loss.draw(history.map(({ loss }) => loss));
    this.#drawDetails(history.at(-1));
  }

  async #measure(): Promise<void> {
    const peers = this.#sources.peers();
    for (const id of this.#histories.keys()) if (!peers.some((peer) => peer.id === id)) this.#histories.delete(id);
    for (const { id, connection } of peers) {
      if (connection.connectionState === 'closed') continue; // it leaves in a moment
      const history = this.#histories.get(id) ?? [];
      this.#histories.set(id, history);
      const report = (await connection.getStats()) as unknown as Report;
      history.push(takeSample(report, history.at(-1) ?? null));
      if (history.length > HISTORY) history.shift();
    }
    if (this.#details.offsetParent !== null) this.draw(); // somebody looks
  }

  #drawChoice(): void {
    const peers = this.#sources.peers();
    const options = [...this.#choice.options];
    if (options.map(({ value, text }) => value + text).join() !== peers.map(({ id, name }) => id + name).join()) {
      const chosen = this.#choice.value;
      this.#choice.replaceChildren(...peers.map(({ id, name }) => new Option(name, id, false, id === chosen)));
    }
    byId('connection-peer-field', HTMLLabelElement).hidden = peers.length < 2;
  }

  #drawTrackers(): void {
    const rows = this.#sources.trackers().map(({ url, state, lastError }) => {
      const row = make(
        'li',
        '',
        make('span', 'dot'),
        make('span', 'tracker-url', new URL(url).host),
        make('span', 'note', state),
      );
      row.dataset['state'] = state;
      if (lastError !== null) row.title = lastError;
      return row;
    });
    this.#trackers.replaceChildren(...rows);
  }

  #drawDetails(sample: ConnectionSample | undefined): void {
    const rows: readonly (readonly [string, string | null])[] =
      sample === undefined
        ? []
        : [
            ['Here', sample.localCandidate],
            ['There', sample.remoteCandidate],
            ['Video in', describe(sample.videoReceived)],
            ['Video out', describe(sample.videoSent)],
            ['Codecs', sample.codecs.join(', ') || null],
            ['Encryption', sample.encryption],
          ];
    this.#details.replaceChildren(
      ...rows.flatMap(([name, value]) => (value === null ? [] : [make('dt', '', name), make('dd', '', value)])),
    );
    if (sample === undefined) this.#details.append(make('dd', 'note', 'No connection yet.'));
  }
}

function graph(name: string, format: (value: number) => string, smallestTop: number): Graph {
  const canvas = byId(`${name}-graph`, HTMLCanvasElement);
  return new Graph(canvas, byId(`${name}-value`, HTMLOutputElement), format, smallestTop);
}

function describe(video: Video | null): string | null {
  return video === null ? null : `${video.width} × ${video.height}, ${video.framesPerSecond} frames/s`;
}
