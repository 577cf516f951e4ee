/** A page of a real browser with connections that are told what to do by descriptions alone: no packet need arrive. */
import type { Page } from 'puppeteer-core';
import { type BrowserName, TestBrowser } from '../browser/browsers.ts';
import { PageServer } from '../browser/page-server.ts';

/** What runs in the page, as source: connections by name, and tracks that need no permission. */
const PAGE = `<!doctype html><meta charset="utf-8"><title>descriptions</title>
<script>
  const canvas = document.createElement('canvas');
  canvas.getContext('2d').fillRect(0, 0, 10, 10);
  const context = new AudioContext();
  const make = {
    audio: () => context.createMediaStreamDestination().stream.getAudioTracks()[0],
    video: () => canvas.captureStream(5).getVideoTracks()[0],
  };
  function addStream(pc, kinds) {
    const stream = new MediaStream(kinds.map((kind) => make[kind]()));
    for (const track of stream.getTracks()) pc.addTrack(track, stream);
  }
  const pcs = {};
</script>`;

export class DescriptionPage {
  readonly version: string;
  readonly #browser: TestBrowser;
  readonly #server: PageServer;
  readonly #page: Page;

  private constructor(browser: TestBrowser, server: PageServer, page: Page) {
    this.version = browser.version;
    this.#browser = browser;
    this.#server = server;
    this.#page = page;
  }

  static async open(name: BrowserName): Promise<DescriptionPage> {
    const server = await PageServer.start({ '/': PAGE });
    const browser = await TestBrowser.launch(name);
    return new DescriptionPage(browser, server, await browser.openPage(`${server.origin}/`));
  }

  /** Runs JavaScript in the page: `pcs` holds connections by name, `make` and `addStream` are at hand. */
  async run(script: string): Promise<unknown> {
    return this.#page.evaluate(`(async () => { ${script} })()`);
  }

  /** Makes an offer or an answer, applies it, and returns its text. */
  async setLocal(pc: string): Promise<string> {
    return (await this.run(`await pcs.${pc}.setLocalDescription(); return pcs.${pc}.localDescription.sdp;`)) as string;
  }

  async setRemote(pc: string, type: 'offer' | 'answer', sdp: string): Promise<void> {
    await this.run(`await pcs.${pc}.setRemoteDescription(${JSON.stringify({ type, sdp })});`);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#server.close();
  }
}
