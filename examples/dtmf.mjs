// Tones of a telephone between two peers: alice dials, and bob reads the digits from the packets.
import { RTCPeerConnection } from 'purertc';
import { rtpPackets, testTrack } from 'purertc/media';
import { dtmfDigit, TelephoneEventReceiver } from 'purertc/rtp';

const NUMBER = '0123#';
const [alice, bob] = [new RTCPeerConnection(), new RTCPeerConnection()];
alice.onicecandidate = ({ candidate }) => bob.addIceCandidate(candidate);
bob.onicecandidate = ({ candidate }) => alice.addIceCandidate(candidate);

/** What bob heard; done with the last digit. */
const heard = new Promise((resolve) => {
  bob.ontrack = async ({ track }) => {
    let digits = '';
    const receiver = new TelephoneEventReceiver((report) => {
      if (report.kind === 'start') digits += dtmfDigit(report.event);
      if (report.kind === 'end' && digits.length === NUMBER.length) resolve(digits);
    });
    const reader = rtpPackets(track).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const { packet, codec } = next.value;
      if (codec.mimeType !== 'audio/telephone-event') continue; // the sound beside it
      receiver.handlePayload(packet.payload, packet.timestamp, performance.now());
    }
  };
});

const tone = testTrack('audio', { frequency: 350 });
const sender = alice.addTrack(tone);
alice.onconnectionstatechange = () => {
  if (alice.connectionState !== 'connected') return;
  sender.dtmf.ontonechange = ({ tone }) => console.log(tone === '' ? 'alice has dialled' : `alice plays ${tone}`);
  sender.dtmf.insertDTMF(NUMBER, 70, 50);
};

await alice.setLocalDescription();
await bob.setRemoteDescription(alice.localDescription);
await bob.setLocalDescription();
await alice.setRemoteDescription(bob.localDescription);

console.log(`bob heard ${await heard}`);
tone.stop();
alice.close();
bob.close();
