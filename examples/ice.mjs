// ICE alone: two agents find a path between two UDP sockets. What then goes over it is up to you.
import { createSocket } from 'node:dgram';
import { defaultCrypto } from 'purertc/crypto';
import { formatCandidate, IceAgent, parseCandidate } from 'purertc/ice';

const crypto = defaultCrypto();

async function makePeer(name, controlling) {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const peer = { name, agent: null, signal: null, call, close };
  let timer;
  peer.agent = new IceAgent(
    { crypto, random: crypto.random, controlling },
    {
      transmit: (packet, _socketId, remote) => socket.send(packet, remote.port, remote.address),
      event(event) {
        if (event.kind === 'state') console.log(`${name}: ${event.state}`);
        if (event.kind === 'candidate') peer.signal(formatCandidate(event.candidate));
        if (event.kind === 'selectedPair') console.log(`${name}: sends to port ${event.pair.remoteAddress.port}`);
      },
    },
  );
  /** Every call may move the next timeout. */
  function call(action) {
    action(peer.agent, performance.now());
    clearTimeout(timer);
    const wait = peer.agent.nextTimeout - performance.now();
    if (wait !== Infinity) timer = setTimeout(() => call((agent, now) => agent.handleTimeout(now)), Math.max(wait, 0));
  }
  function close() {
    clearTimeout(timer);
    peer.agent.close();
    socket.close();
  }
  socket.on('message', (packet, from) => call((agent, now) => agent.handlePacket(packet, 0, from, now)));
  peer.gather = () =>
    call((agent, now) => {
      agent.gather(now);
      agent.addSocket({ type: 'host', socketId: 0, address: '127.0.0.1', port: socket.address().port }, now);
      agent.endOfLocalSockets(now);
    });
  return peer;
}

const [alice, bob] = [await makePeer('alice', true), await makePeer('bob', false)];
for (const [from, to] of [
  [alice, bob],
  [bob, alice],
]) {
  from.signal = (line) => to.call((agent, now) => agent.addRemoteCandidate(parseCandidate(line), now));
  to.call((agent, now) => agent.setRemoteCredentials(from.agent.localCredentials, now));
}
alice.gather();
bob.gather();

while (![alice, bob].every(({ agent }) => ['connected', 'completed'].includes(agent.state))) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
alice.close();
bob.close();
