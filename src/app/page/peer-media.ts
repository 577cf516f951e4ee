/**
 * Audio and video of every connection: one section of each kind, `sendrecv` from the start, with or without a track. So a
 * camera that is switched on, a screen that is shared and another device are all `replaceTrack`, and nothing is renegotiated.
 */
import { pictureScale } from './layout.ts';

const KINDS = ['audio', 'video'] as const;
type Kind = (typeof KINDS)[number];

export type TrackOf = (kind: Kind) => MediaStreamTrack | null;

export class PeerMedia {
  readonly #trackOf: TrackOf;
  /** What each connection receives. Connections that were closed go at the next change. */
  readonly #streams = new Map<RTCPeerConnection, MediaStream>();
  #scale = 1;

  constructor(trackOf: TrackOf) {
    this.#trackOf = trackOf;
  }

  /** Called with each new connection, before its first description. */
  prepare(connection: RTCPeerConnection, initiator: boolean): void {
    const stream = new MediaStream();
    this.#streams.set(connection, stream);
    connection.addEventListener('track', ({ track, transceiver }) => {
      for (const old of stream.getTracks()) if (old.kind === track.kind) stream.removeTrack(old);
      stream.addTrack(track);
      // An offer's section that nobody here asked for: answer it in both directions. This runs before the answer is made.
      if (transceiver.direction !== 'sendrecv') {
        transceiver.direction = 'sendrecv';
        void this.#replace(transceiver);
      }
    });
    if (initiator) this.#addSections(connection);
  }

  /** For the answering side, when the offer had no media and the peer would take some. */
  ensure(connection: RTCPeerConnection): void {
    if (connection.getTransceivers().length === 0) this.#addSections(connection);
  }

  /** What comes from the peer; its tracks may change. */
  streamOf(connection: RTCPeerConnection): MediaStream {
    return this.#streams.get(connection) ?? new MediaStream();
  }

  /** How many people we send to, and whether it is a screen: in a crowd each gets a smaller picture of a camera. */
  fit(others: number, isScreen: boolean): void {
    this.#scale = isScreen ? 1 : pictureScale(others);
    for (const connection of this.#streams.keys()) {
      for (const { sender, receiver } of connection.getTransceivers()) {
        if (receiver.track.kind === 'video') void this.#resize(sender);
      }
    }
  }

  /** Puts the tracks of the moment on every connection. */
  update(): void {
    for (const connection of this.#streams.keys()) {
      if (connection.signalingState === 'closed') this.#streams.delete(connection);
      else for (const transceiver of connection.getTransceivers()) void this.#replace(transceiver);
    }
  }

  #addSections(connection: RTCPeerConnection): void {
    for (const kind of KINDS) connection.addTransceiver(this.#trackOf(kind) ?? kind, { direction: 'sendrecv' });
  }

  async #resize(sender: RTCRtpSender): Promise<void> {
    const parameters = sender.getParameters();
    const [encoding] = parameters.encodings;
    if (encoding === undefined || (encoding.scaleResolutionDownBy ?? 1) === this.#scale) return;
    encoding.scaleResolutionDownBy = this.#scale;
    try {
      await sender.setParameters(parameters);
    } catch {
      // Negotiated or closed at this moment: the next change of the crowd brings it.
    }
  }

  async #replace({ sender, receiver }: RTCRtpTransceiver): Promise<void> {
    const track = this.#trackOf(receiver.track.kind as Kind);
    if (sender.track === track) return;
    try {
      await sender.replaceTrack(track);
    } catch {
      // The connection was closed in the meantime.
    }
  }
}
