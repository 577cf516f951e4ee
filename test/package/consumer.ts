/** What somebody writes who knows WebRTC from the browser; compiled against the packed types, never run. */
import {
  type RTCConfiguration,
  RTCDataChannel,
  type RTCDataChannelInit,
  RTCIceCandidate,
  RTCPeerConnection,
  RTCSessionDescription,
} from 'purertc';
import type { IceAgent } from 'purertc/ice';
import { MemoryNetwork } from 'purertc/runtime/memory';
import { joinRoom, PerfectNegotiator, type Room } from 'purertc/signaling';

const configuration: RTCConfiguration = { iceServers: [{ urls: 'stun:stun.example.org' }] };
const connection: RTCPeerConnection = new RTCPeerConnection(configuration);
const init: RTCDataChannelInit = { ordered: false, maxRetransmits: 0 };
const channel: RTCDataChannel = connection.createDataChannel('chat', init);

channel.binaryType = 'arraybuffer';
channel.onmessage = ({ data }) => console.log(data.byteLength);
channel.addEventListener('open', () => channel.send(new Uint8Array(3)));
connection.onicecandidate = ({ candidate }) => {
  const text: string | undefined = candidate?.candidate;
  console.log(text);
};
connection.addEventListener('datachannel', (event) => {
  const incoming: RTCDataChannel = event.channel;
  console.log(incoming instanceof RTCDataChannel, incoming.label.length);
});

export async function negotiate(answer: RTCSessionDescriptionInit): Promise<string | undefined> {
  await connection.setLocalDescription();
  await connection.setRemoteDescription(new RTCSessionDescription(answer));
  await connection.addIceCandidate(new RTCIceCandidate({ candidate: '', sdpMid: '0' }));
  const report = await connection.getStats();
  for (const [id, stats] of report) console.log(id, stats.type);
  return connection.localDescription?.sdp;
}

export const network: MemoryNetwork = new MemoryNetwork({ seed: 1 });
export type Agent = IceAgent;

export const room: Room = joinRoom('tea', { trackers: ['wss://tracker.example'], rtc: configuration });
room.onpeer = ({ peer }) => {
  const own: RTCPeerConnection = peer.connection;
  own.addEventListener('track', ({ streams }) => console.log(streams[0]?.id));
  peer.channel.onmessage = ({ data }) => peer.send(data);
  new PerfectNegotiator(own, { polite: peer.polite, send: (message) => peer.send(JSON.stringify(message)) });
};
room.addEventListener('warning', ({ message, tracker }) => console.log(message.length, tracker?.length));
