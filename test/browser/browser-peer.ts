/** A browser's page as a peer: the interop agent runs in it over the browser's own RTCPeerConnection. */
import type { AgentEvent } from '../interop/agent.mjs';
import { EventRelay, type Peer, remoteAgent } from '../interop/peer.ts';
import { type BrowserName, type BrowserOptions, TestBrowser } from './browsers.ts';
import { PageServer } from './page-server.ts';

const PAGE = `<!doctype html><meta charset="utf-8"><title>interop agent</title>
<script type="module">
  import { createAgent } from '/agent.mjs';
  let events = [];
  let wanted = null;
  const deliver = () => {
    if (wanted === null || events.length === 0) return;
    wanted(JSON.stringify(events));
    events = [];
    wanted = null;
  };
  const agent = createAgent({ RTCPeerConnection, emit: (event) => { events.push(event); deliver(); } });
  globalThis.takeEvents = () => new Promise((resolve) => { wanted = resolve; deliver(); });
  globalThis.callAgent = async (method, params) => {
    try {
      return JSON.stringify({ result: (await agent[method](JSON.parse(params))) ?? null });
    } catch (error) {
      return JSON.stringify({ error: String(error) });
    }
  };
</script>`;

declare global {
  var callAgent: (method: string, params: string) => Promise<string>;
  var takeEvents: () => Promise<string>;
}

/** Starts a browser with one page. `dispose` ends the browser. */
export async function browserPeer(name: BrowserName, options: BrowserOptions = {}): Promise<Peer> {
  const server = await PageServer.start({ '/': PAGE, '/agent.mjs': new URL('../interop/agent.mjs', import.meta.url) });
  const browser = await TestBrowser.launch(name, options);
  const page = await browser.openPage(`${server.origin}/`);
  await page.waitForFunction(() => globalThis.callAgent !== undefined);
  const relay = new EventRelay();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));

  let disposed = false;
  const relayEvents = async (): Promise<void> => {
    while (!disposed) {
      const events = JSON.parse(await page.evaluate(() => globalThis.takeEvents())) as AgentEvent[];
      for (const event of events) relay.emit(event);
    }
  };
  relayEvents().catch((error: unknown) => {
    if (!disposed) faults.push(String(error)); // when the browser is closed under it, that is its end
  });

  const agent = remoteAgent(async (method, params) => {
    const json = await page.evaluate((m, p) => globalThis.callAgent(m, p), method, JSON.stringify(params));
    // Errors travel as text: the stack traces of browsers name pages, which the test runner takes for files.
    const reply = JSON.parse(json) as { result: unknown; error?: string };
    if (reply.error !== undefined) throw new Error(`${name}: ${reply.error}`);
    return reply.result;
  });
  return {
    name: `${name} (${browser.version})`,
    cannot: new Set(),
    agent,
    onEvent: (listener) => relay.add(listener),
    takeFaults: () => faults.splice(0),
    async dispose() {
      disposed = true;
      await browser.close();
      await server.close();
    },
  };
}
