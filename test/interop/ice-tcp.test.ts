/**
 * ICE-TCP (RFC 6544) with browsers, which connect and do not listen: where UDP gets nowhere, they reach a passive candidate
 * of ours. In `scripts/isolated`, or wherever the machine has an address besides loopback.
 */
import type { Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { equalBytes } from '../../src/binary/bytes.ts';
import { RTCPeerConnection } from '../../src/index.ts';
import { nodeRuntime } from '../../src/runtime/node.ts';
import { BROWSERS, browserAvailable, TestBrowser } from '../browser/browsers.ts';
import { PageServer } from '../browser/page-server.ts';

const PAGE = `<!doctype html><meta charset="utf-8"><title>ICE-TCP</title>
<script>
  let connection;
  const gathered = () => new Promise((resolve) => {
    const look = () => { if (connection.iceGatheringState === 'complete') resolve(connection.localDescription.sdp); };
    connection.addEventListener('icegatheringstatechange', look);
    look();
  });
  const make = () => {
    connection = new RTCPeerConnection();
    connection.addEventListener('datachannel', ({ channel }) => {
      channel.binaryType = 'arraybuffer';
      channel.addEventListener('message', ({ data }) => channel.send(data));
    });
  };
  const agent = {};
  // Errors travel as text: the stack traces of browsers name pages, which the test runner takes for files.
  globalThis.askTcp = async (name, sdp) => {
    try {
      return { result: await agent[name](sdp) };
    } catch (error) {
      return { error: String(error) };
    }
  };
  agent.answer = async (sdp) => {
    make();
    await connection.setRemoteDescription({ type: 'offer', sdp });
    await connection.setLocalDescription();
    return gathered();
  };
  agent.offer = async () => {
    make();
    connection.createDataChannel('unused');
    await connection.setLocalDescription();
    return gathered();
  };
  agent.accept = async (sdp) => {
    await connection.setRemoteDescription({ type: 'answer', sdp });
  };
  /** Of the candidates of the pair in use: protocol and tcpType, ours and the peer's. */
  agent.hangUp = async () => {
    let all = [];
    let pair;
    while (pair === undefined) {
      all = [...(await connection.getStats()).values()];
      pair = all.find(({ type, state, nominated }) => type === 'candidate-pair' && state === 'succeeded' && nominated);
    }
    const [local, remote] = [pair.localCandidateId, pair.remoteCandidateId].map((id) => all.find((each) => each.id === id));
    connection.close();
    return [local.protocol, remote.protocol, remote.candidateType];
  };
</script>`;

declare global {
  var askTcp: (name: string, sdp: string | null) => Promise<{ result?: unknown; error?: string }>;
}

const hasAddress = nodeRuntime.networkInterfaces().some(({ internal, linkLocal }) => !internal && !linkLocal);

for (const name of BROWSERS) {
  describe.skipIf(!browserAvailable(name) || !hasAddress)(name, () => {
    let browser: TestBrowser;
    let server: PageServer;
    let page: Page;
    beforeAll(async () => {
      server = await PageServer.start({ '/': PAGE });
      browser = await TestBrowser.launch(name);
      page = await browser.openPage(`${server.origin}/`);
    });
    afterAll(async () => {
      await browser?.close();
      await server?.close();
    });

    const ask = async (
      method: 'answer' | 'offer' | 'accept' | 'hangUp',
      sdp: string | null = null,
    ): Promise<unknown> => {
      const { result, error } = await page.evaluate((m, s) => globalThis.askTcp(m, s), method, sdp);
      if (error !== undefined) throw new Error(`${name}, ${method}: ${error}`);
      return result;
    };

    const call = async (negotiate: (connection: RTCPeerConnection) => Promise<void>): Promise<void> => {
      const connection = new RTCPeerConnection(
        {},
        { iceTcp: 'all', candidateFilter: ({ protocol }) => protocol === 'tcp' },
      );
      const channel = connection.createDataChannel('echo');
      channel.binaryType = 'arraybuffer';
      const sent = new Uint8Array(250_000).map((_, i) => i * 7);
      const echoed = new Promise<Uint8Array>((resolve) => {
        channel.addEventListener('open', () => channel.send(sent));
        channel.addEventListener('message', ({ data }) => resolve(new Uint8Array(data as ArrayBuffer)));
      });
      await negotiate(connection);
      expect(equalBytes(await echoed, sent)).toBe(true); // toEqual takes seconds
      expect(connection.localDescription!.sdp).toMatch(/ tcp \d+ \S+ \d+ typ host tcptype passive/);
      expect(connection.localDescription!.sdp).not.toMatch(/ udp .* typ host/i);
      const { local, remote } = connection.sctp!.transport.iceTransport.getSelectedCandidatePair()!;
      expect([local.protocol, local.tcpType, remote.protocol, remote.tcpType]).toEqual([
        'tcp',
        'passive',
        'tcp',
        'active',
      ]);
      expect(await ask('hangUp')).toEqual(['tcp', 'tcp', 'host']);
      connection.close();
    };

    test('answers us, and connects to our passive candidate', () =>
      call(async (connection) => {
        await connection.setLocalDescription();
        await isGathered(connection);
        const sdp = await ask('answer', connection.localDescription!.sdp);
        await connection.setRemoteDescription({ type: 'answer', sdp: String(sdp) });
      }));

    test('calls us, and connects to our passive candidate', () =>
      call(async (connection) => {
        await connection.setRemoteDescription({ type: 'offer', sdp: String(await ask('offer')) });
        await connection.setLocalDescription();
        await isGathered(connection);
        await ask('accept', connection.localDescription!.sdp);
      }));
  });
}

async function isGathered(connection: RTCPeerConnection): Promise<void> {
  if (connection.iceGatheringState === 'complete') return;
  await new Promise<void>((resolve) => {
    connection.addEventListener('icegatheringstatechange', () => {
      if (connection.iceGatheringState === 'complete') resolve();
    });
  });
}
