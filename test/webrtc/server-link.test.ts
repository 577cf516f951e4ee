import { expect, test } from 'vitest';
import { MemoryNetwork } from '../../src/runtime/memory.ts';
import { BINDING, StunWriter } from '../../src/stun/index.ts';
import { encodeChannelData, isChannelData, StreamFramer } from '../../src/turn/index.ts';
import { openServerLink } from '../../src/webrtc/server-link.ts';

test('on a stream that is backed up data is dropped, requests are not, and no message is cut', async () => {
  const network = new MemoryNetwork({ seed: 1 });
  const server = network.addHost({ addresses: ['198.51.100.1'] });
  const client = network.addHost({
    addresses: ['198.51.100.2'],
    uplink: { delayMs: 10, bandwidth: 2_000_000 },
  });
  const framer = new StreamFramer();
  let data = 0;
  let requests = 0;
  const listener = await server.listenTcp({
    address: '198.51.100.1',
    onConnection: () => ({
      onData(bytes) {
        const isWhole = framer.push(bytes, (message) => {
          if (isChannelData(message)) data++;
          else requests++;
        });
        expect(isWhole).toBe(true);
      },
      onClose: () => {},
    }),
  });
  let isOpen = false;
  const link = openServerLink(
    {
      runtime: client,
      transport: 'tcp',
      server: listener.localAddress,
      serverName: '198.51.100.1',
      trustedCertificates: undefined,
      bindTo: [],
    },
    {
      opened: () => {
        isOpen = true;
      },
      received: () => {},
      lost: (text) => expect.fail(text),
    },
  );
  network.runUntil(() => isOpen);
  for (let i = 0; i < 1_000; i++) link.send(encodeChannelData(0x4000, new Uint8Array(1_196), true));
  for (let i = 0; i < 10; i++) {
    link.send(new StunWriter('request', BINDING, new Uint8Array(12).fill(i)).finish());
  }
  network.run(10_000);
  expect(requests).toBe(10);
  // 256 KiB wait, and a window is on its way.
  expect(data).toBeGreaterThan(250);
  expect(data).toBeLessThan(270);
});
