/** A STUN server for the memory network: answers Binding requests with the address they came from (RFC 8489 §12). */
import type { Host } from '../../src/runtime/memory.ts';
import { BINDING, parseStun, STUN_ATTRIBUTE, StunWriter } from '../../src/stun/index.ts';

export function startStunServer(host: Host, address: string, port = 3478): void {
  const socket = host.bind({
    address,
    port,
    onPacket(packet, remote) {
      const message = parseStun(packet);
      if (message === null || message.messageClass !== 'request' || message.method !== BINDING) return;
      const response = new StunWriter('success', BINDING, message.transactionId)
        .xorAddress(STUN_ATTRIBUTE.xorMappedAddress, remote)
        .fingerprint()
        .finish();
      socket.send(response, remote);
    },
  });
}
