// DTLS alone: a server and a client over UDP sockets of your own. The machine is told the time and given datagrams; it
// hands out datagrams and events, so that it can also run over a serial line, in a test, or next to something else.
import { createSocket } from 'node:dgram';
import { defaultCrypto, generateCertificate } from 'purertc/crypto';
import { DtlsConnection } from 'purertc/dtls';

const crypto = defaultCrypto();
const certificate = await generateCertificate({ crypto, now: Date.now() });

/** Drives one connection with a socket and a timer. */
async function run(options, onEvent) {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const peer = { socket, port: 0, start: () => call((now) => connection.start(now)), close };
  let timer;
  const connection = new DtlsConnection(
    { crypto, random: crypto.random, ...options },
    {
      transmit: (datagram) => socket.send(datagram, peer.port, '127.0.0.1'),
      event: (event) => onEvent(event, connection, peer),
    },
  );
  /** Every call may move the next timeout. */
  function call(action) {
    action(performance.now());
    clearTimeout(timer);
    const wait = connection.nextTimeout - performance.now();
    if (wait !== Infinity) timer = setTimeout(() => call((now) => connection.handleTimeout(now)), Math.max(wait, 0));
  }
  function close() {
    clearTimeout(timer);
    connection.close();
    socket.close();
  }
  socket.on('message', (datagram) => call((now) => connection.handlePacket(datagram, now)));
  return peer;
}

const server = await run({ role: 'server', certificate }, (event, connection) => {
  if (event.kind === 'data') connection.send(event.data); // echo
});
const client = await run(
  {
    role: 'client',
    // What makes a certificate good is yours to say: here it is this one and no other.
    verifyCertificate: ([leaf]) => Buffer.compare(leaf, certificate.chain[0]) === 0,
  },
  (event, connection, peer) => {
    if (event.kind === 'connected') {
      console.log(`connected: ${connection.cipherSuite} over ${connection.group}`);
      connection.send(new TextEncoder().encode('hello over DTLS'));
    } else if (event.kind === 'data') {
      console.log(`echoed: ${new TextDecoder().decode(event.data)}`);
      peer.close();
      server.close();
    }
  },
);
server.port = client.socket.address().port;
client.port = server.socket.address().port;
client.start();
