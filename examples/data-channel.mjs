// Two peers in one process, and a data channel between them: the W3C API as browsers have it.
import { RTCPeerConnection } from 'purertc';

const alice = new RTCPeerConnection();
const bob = new RTCPeerConnection();

// Signaling is yours to carry: here it is a function call, elsewhere a WebSocket, a chat room, a piece of paper.
alice.onicecandidate = ({ candidate }) => bob.addIceCandidate(candidate);
bob.onicecandidate = ({ candidate }) => alice.addIceCandidate(candidate);

bob.ondatachannel = ({ channel }) => {
  channel.onmessage = ({ data }) => {
    console.log(`bob got "${data}" on "${channel.label}"`);
    channel.send(data.toUpperCase());
  };
};

const channel = alice.createDataChannel('greetings');
channel.onopen = () => channel.send('hello, bob');
channel.onmessage = ({ data }) => {
  console.log(`alice got "${data}"`);
  alice.close();
  bob.close();
};

const offer = await alice.createOffer();
await bob.setRemoteDescription(offer); // bob knows alice before her candidates come
await alice.setLocalDescription(offer);
await bob.setLocalDescription(await bob.createAnswer());
await alice.setRemoteDescription(bob.localDescription);
