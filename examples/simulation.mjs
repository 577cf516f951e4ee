// A whole network in memory: two peers behind NATs, 80 ms apart, losing every twentieth packet. An hour of it takes a
// moment, nothing leaves the process, and the same seed gives the same losses again.
import { RTCPeerConnection } from 'purertc';
import { MemoryNetwork } from 'purertc/runtime/memory';

const network = new MemoryNetwork({ seed: 42 });
const link = { delayMs: 20, jitterMs: 5, lossRate: 0.05 }; // each way at each end
const home = network.addNat({ kind: 'fullCone', address: '203.0.113.1' });
const laptop = network.addHost({ addresses: ['192.168.0.2'], nat: home, link });
const server = network.addHost({ addresses: ['198.51.100.7'], link });

const alice = new RTCPeerConnection({}, { runtime: laptop });
const bob = new RTCPeerConnection({}, { runtime: server });
alice.onicecandidate = ({ candidate }) => bob.addIceCandidate(candidate);
bob.onicecandidate = ({ candidate }) => alice.addIceCandidate(candidate);

const MESSAGES = 200;
let received = 0;
bob.ondatachannel = ({ channel }) => {
  channel.onmessage = ({ data }) => {
    if (Number(data) !== received) throw new Error(`message ${received} was due, ${data} came`);
    received++;
  };
};
const channel = alice.createDataChannel('numbers');
channel.onopen = () => {
  console.log(`open after ${network.now.toFixed(0)} ms of the network's time`);
  for (let number = 0; number < MESSAGES; number++) channel.send(String(number));
};

const offer = await alice.createOffer();
await bob.setRemoteDescription(offer);
await alice.setLocalDescription(offer);
await bob.setLocalDescription(await bob.createAnswer());
await alice.setRemoteDescription(bob.localDescription);

await network.runUntilAsync(() => received === MESSAGES);
console.log(`${received} of ${MESSAGES} arrived, in order, after ${network.now.toFixed(0)} ms`);
console.log(`${network.fates.lost} packets were lost on the way, ${network.fates.delivered} were not`);
alice.close();
bob.close();
