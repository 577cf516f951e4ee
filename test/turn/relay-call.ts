/** Calls with policy `relay`, between two connections of ours or with Chromium: what came back, and how it went. */
import type { Page } from 'puppeteer-core';
import {
  type PeerConnectionSettings,
  type RTCConfiguration,
  type RTCIceServer,
  RTCPeerConnection,
} from '../../src/index.ts';
import { TestBrowser } from '../browser/browsers.ts';
import { PageServer } from '../browser/page-server.ts';

export type RelayCall = {
  /** What came back for `hello`. */
  readonly echoed: string;
  /** Of our candidate in the selected pair: type, protocol, relayProtocol. */
  readonly local: readonly unknown[];
  readonly remoteType: string | null;
  /** relayProtocol of the other end. */
  readonly theirProtocol: string | null;
};

const PAGE = `<!doctype html><meta charset="utf-8"><title>relay</title>
<script>
  let connection;
  globalThis.answerRelayed = async (offer, configuration) => {
    connection = new RTCPeerConnection(configuration);
    connection.addEventListener('datachannel', ({ channel }) => {
      channel.addEventListener('message', ({ data }) => channel.send(data + ' to you'));
    });
    const gathered = new Promise((resolve) => {
      connection.addEventListener('icegatheringstatechange', () => {
        if (connection.iceGatheringState === 'complete') resolve();
      });
    });
    await connection.setRemoteDescription({ type: 'offer', sdp: offer });
    await connection.setLocalDescription();
    await gathered;
    return connection.localDescription.sdp;
  };
  /** How the selected pair's local candidate reaches its TURN server. */
  globalThis.hangUpRelayed = async () => {
    const stats = await connection.getStats();
    const all = [...stats.values()];
    const transport = all.find(({ type }) => type === 'transport');
    const pair = stats.get(transport.selectedCandidatePairId);
    connection.close();
    return stats.get(pair.localCandidateId).relayProtocol ?? null;
  };
</script>`;

declare global {
  var answerRelayed: (offer: string, configuration: unknown) => Promise<string>;
  var hangUpRelayed: () => Promise<string | null>;
}

/** A page of a browser that does not verify certificates. */
export class ChromiumPage {
  readonly page: Page;
  readonly #browser: TestBrowser;
  readonly #server: PageServer;

  static async open(): Promise<ChromiumPage> {
    const server = await PageServer.start({ '/': PAGE });
    const browser = await TestBrowser.launch('chromium', { trustsAnyCertificate: true });
    return new ChromiumPage(await browser.openPage(`${server.origin}/`), browser, server);
  }

  constructor(page: Page, browser: TestBrowser, server: PageServer) {
    this.page = page;
    this.#browser = browser;
    this.#server = server;
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#server.close();
  }
}

/** Two connections of ours, both relayed by that server. */
export async function callOurs(server: RTCIceServer, settings: PeerConnectionSettings = {}): Promise<RelayCall> {
  const configuration: RTCConfiguration = { iceServers: [server], iceTransportPolicy: 'relay' };
  const answerer = new RTCPeerConnection(configuration, settings);
  answerer.addEventListener('datachannel', ({ channel }) => {
    channel.addEventListener('message', ({ data }) => channel.send(`${data} to you`));
  });
  const call = await callFrom(new RTCPeerConnection(configuration, settings), async (offer) => {
    await answerer.setRemoteDescription({ type: 'offer', sdp: offer });
    await answerer.setLocalDescription();
    await isGathered(answerer);
    return answerer.localDescription!.sdp;
  });
  const theirs = answerer.sctp!.transport.iceTransport.getSelectedCandidatePair()!;
  answerer.close();
  return { ...call, theirProtocol: theirs.local.relayProtocol };
}

/** A connection of ours and one of Chromium's, both relayed by that server. */
export async function callChromium(
  { page }: ChromiumPage,
  server: RTCIceServer,
  settings: PeerConnectionSettings = {},
): Promise<RelayCall> {
  const configuration: RTCConfiguration = { iceServers: [server], iceTransportPolicy: 'relay' };
  const call = await callFrom(new RTCPeerConnection(configuration, settings), (offer) =>
    page.evaluate((sdp, theirs) => globalThis.answerRelayed(sdp, theirs), offer, configuration),
  );
  return { ...call, theirProtocol: await page.evaluate(() => globalThis.hangUpRelayed()) };
}

/** @param answer what the other end answers to our offer, both with all their candidates */
async function callFrom(
  connection: RTCPeerConnection,
  answer: (offer: string) => Promise<string>,
): Promise<Omit<RelayCall, 'theirProtocol'>> {
  const channel = connection.createDataChannel('x');
  const echoed = new Promise<string>((resolve) => {
    channel.addEventListener('open', () => channel.send('hello'));
    channel.addEventListener('message', ({ data }) => resolve(data as string));
  });
  await connection.setLocalDescription();
  await isGathered(connection);
  await connection.setRemoteDescription({ type: 'answer', sdp: await answer(connection.localDescription!.sdp) });
  const text = await echoed;
  const { local, remote } = connection.sctp!.transport.iceTransport.getSelectedCandidatePair()!;
  connection.close();
  return { echoed: text, local: [local.type, local.protocol, local.relayProtocol], remoteType: remote.type };
}

async function isGathered(connection: RTCPeerConnection): Promise<void> {
  if (connection.iceGatheringState === 'complete') return;
  await new Promise<void>((resolve) => {
    connection.addEventListener('icegatheringstatechange', () => {
      if (connection.iceGatheringState === 'complete') resolve();
    });
  });
}
