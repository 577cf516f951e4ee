/**
 * The process under test of bench/media.mjs: takes one publisher's video and forwards each packet to every viewer. One
 * stack, one runtime; each with its own API, since only the signalling is common to them.
 *
 *   node bench/media/forwarder.mjs --impl purertc|purertc-noble|werift|node-datachannel
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { loadImplementation, peersDirectory } from '../../test/interop/implementations.mjs';
import { serve } from '../peer-process.mjs';

const impl = process.argv[process.argv.indexOf('--impl') + 1];

/** A stack's forwarder: `publish` answers the publisher, `view` offers to one more viewer. */
const makers = {
  purertc: makeOwn,
  'purertc-noble': makeOwn,
  werift: makeWerift,
  'node-datachannel': makeNodeDataChannel,
};

async function makeOwn() {
  const { RTCPeerConnection } = await loadImplementation(impl);
  let track;
  return {
    publish(offer) {
      const pc = new RTCPeerConnection();
      pc.ontrack = (event) => {
        track = event.track;
      };
      return answer(pc, offer);
    },
    async view() {
      const pc = new RTCPeerConnection();
      pc.addTransceiver(track, { direction: 'sendonly' });
      return { offer: await offerOf(pc), accept: (description) => pc.setRemoteDescription(description) };
    },
  };
}

async function makeWerift() {
  const { RTCPeerConnection } = await importRival('werift');
  const senders = [];
  let track;
  return {
    publish(offer) {
      const pc = new RTCPeerConnection({ iceServers: [] });
      pc.ontrack = (event) => {
        track = event.track;
        track.onReceiveRtp.subscribe((packet) => {
          for (const sender of senders) sender.sendRtp(packet);
        });
      };
      return answer(pc, offer);
    },
    async view() {
      const pc = new RTCPeerConnection({ iceServers: [] });
      senders.push(pc.addTransceiver('video', { direction: 'sendonly' }).sender);
      return { offer: await offerOf(pc), accept: (description) => pc.setRemoteDescription(description) };
    },
  };
}

/** Its W3C door has no media; its own has tracks that take and give plain RTP. */
async function makeNodeDataChannel() {
  const { PeerConnection, RtcpReceivingSession, Video } = await importRival('node-datachannel');
  const PAYLOAD_TYPE = 96;
  const SSRC_AT = 8;
  const viewers = [];
  const kept = []; // what is collected is closed
  const gathered = (pc, makeDescription) =>
    new Promise((resolve) => {
      pc.onGatheringStateChange((state) => {
        if (state === 'complete') resolve(pc.localDescription());
      });
      makeDescription();
    });
  return {
    publish(offer) {
      const pc = new PeerConnection('publisher', { iceServers: [] });
      kept.push(pc);
      pc.onTrack((track) => {
        kept.push(track);
        track.setMediaHandler(new RtcpReceivingSession());
        track.onMessage((packet) => {
          packet[1] = (packet[1] & 0x80) | PAYLOAD_TYPE;
          for (const { viewer, ssrc } of viewers) {
            packet.writeUInt32BE(ssrc, SSRC_AT);
            if (viewer.isOpen()) viewer.sendMessageBinary(packet);
          }
        });
      });
      return gathered(pc, () => pc.setRemoteDescription(offer.sdp, offer.type));
    },
    async view() {
      const pc = new PeerConnection('viewer', { iceServers: [] });
      const ssrc = 1000 + viewers.length;
      const video = new Video('0', 'SendOnly');
      video.addVP8Codec(PAYLOAD_TYPE);
      video.addSSRC(ssrc, 'bench', 'bench', 'bench');
      const viewer = pc.addTrack(video);
      viewers.push({ viewer, ssrc });
      kept.push(pc);
      const offer = await gathered(pc, () => pc.setLocalDescription());
      return { offer, accept: ({ sdp, type }) => pc.setRemoteDescription(sdp, type) };
    },
  };
}

async function importRival(name) {
  const resolved = createRequire(join(peersDirectory, 'package.json')).resolve(name);
  const loaded = await import(pathToFileURL(resolved).href);
  return (loaded.PeerConnection ?? loaded.RTCPeerConnection) ? loaded : loaded.default;
}

async function answer(pc, offer) {
  await pc.setRemoteDescription(offer);
  await pc.setLocalDescription(await pc.createAnswer());
  return gatheredDescription(pc);
}

async function offerOf(pc) {
  await pc.setLocalDescription(await pc.createOffer());
  return gatheredDescription(pc);
}

async function gatheredDescription(pc) {
  await new Promise((resolve) => {
    const look = () => {
      if (pc.iceGatheringState === 'complete') resolve();
    };
    pc.onicegatheringstatechange = look;
    look();
  });
  const { type, sdp } = pc.localDescription;
  return { type, sdp };
}

const forwarder = await makers[impl]();
const accepts = [];

await serve({
  publish: (offer) => forwarder.publish(offer),
  async view() {
    const { offer, accept } = await forwarder.view();
    accepts.push(accept);
    return { viewer: accepts.length - 1, offer };
  },
  accept: ({ viewer, answer: description }) => accepts[viewer](description),
  async usage() {
    const { user, system } = process.cpuUsage();
    return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage().rss };
  },
});
