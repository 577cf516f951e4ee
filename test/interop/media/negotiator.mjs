/**
 * Perfect negotiation (WebRTC §10.7) around one connection, the same in a page and in this process: either side may change
 * what it likes at any time, and where both offer at once the polite one gives way. Types: negotiator.d.mts.
 */
export function negotiator(pc, { polite, send, beforeAnswer = () => {} }) {
  const counts = { offers: 0, answers: 0, ignored: 0, rollbacks: 0 };
  const faults = [];
  let makingOffer = false;
  let ignoreOffer = false;
  let isSettingRemoteAnswerPending = false;

  pc.onnegotiationneeded = async () => {
    try {
      makingOffer = true;
      await pc.setLocalDescription();
      if (pc.localDescription.type === 'offer') counts.offers++;
      send({ description: { type: pc.localDescription.type, sdp: pc.localDescription.sdp } });
    } catch (error) {
      if (pc.signalingState !== 'closed') faults.push(`negotiationneeded: ${error}`);
    } finally {
      makingOffer = false;
    }
  };
  pc.onicecandidate = ({ candidate }) => {
    if (!candidate) return;
    const { candidate: line, sdpMid, sdpMLineIndex, usernameFragment } = candidate;
    send({ candidate: { candidate: line, sdpMid, sdpMLineIndex, usernameFragment } });
  };

  async function receive({ description, candidate }) {
    if (description !== undefined) {
      const readyForOffer = !makingOffer && (pc.signalingState === 'stable' || isSettingRemoteAnswerPending);
      const collision = description.type === 'offer' && !readyForOffer;
      ignoreOffer = !polite && collision;
      if (ignoreOffer) {
        counts.ignored++;
        return;
      }
      if (collision) counts.rollbacks++;
      isSettingRemoteAnswerPending = description.type === 'answer';
      await pc.setRemoteDescription(description);
      isSettingRemoteAnswerPending = false;
      if (description.type !== 'offer') return;
      await beforeAnswer();
      await pc.setLocalDescription();
      counts.answers++;
      send({ description: { type: pc.localDescription.type, sdp: pc.localDescription.sdp } });
    } else {
      try {
        await pc.addIceCandidate(candidate);
      } catch (error) {
        if (!ignoreOffer) throw error;
      }
    }
  }

  return {
    counts,
    faults,
    async receive(message) {
      try {
        if (pc.signalingState !== 'closed') await receive(message);
      } catch (error) {
        if (pc.signalingState !== 'closed') faults.push(String(error));
      }
    },
  };
}
