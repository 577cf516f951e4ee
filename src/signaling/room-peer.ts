/** A peer as a room hands it out: its channel is open. */
import type { RTCDataChannel, RTCPeerConnection } from 'purertc';
import type { Link } from './link.ts';
import type { PerfectNegotiator } from './perfect-negotiator.ts';

/** What a data channel takes. */
export type ChannelData = string | Blob | ArrayBuffer | ArrayBufferView<ArrayBuffer>;

export class RoomPeer {
  /** Its peer id: 40 lower-case hexadecimal digits. Random for each time a room is joined, unless it has an identity. */
  readonly id: string;
  /** Add tracks to it whenever you like: renegotiation goes over a channel of the room's own. */
  readonly connection: RTCPeerConnection;
  /** Open, with `binaryType` `arraybuffer`. */
  readonly channel: RTCDataChannel;
  /** Whether the connection began with our offer. */
  readonly initiator: boolean;
  readonly negotiator: PerfectNegotiator;
  /** Its Ed25519 public key, proved for this connection; `null` if it has none, or we have no identity to check with. */
  readonly identity: Uint8Array | null;
  readonly #dismiss: () => void;

  /** @internal */
  constructor(id: string, link: Link, channel: RTCDataChannel, identity: Uint8Array | null, dismiss: () => void) {
    this.id = id;
    this.connection = link.connection;
    this.channel = channel;
    this.initiator = link.initiator;
    this.negotiator = link.negotiator;
    this.identity = identity;
    this.#dismiss = dismiss;
  }

  /** Whether this side gives way when both renegotiate at once. */
  get polite(): boolean {
    return this.negotiator.polite;
  }

  /** Whether it could be given to the channel, which may have closed just now. @throws what `channel.send` throws else */
  send(data: ChannelData): boolean {
    if (this.channel.readyState !== 'open') return false;
    this.channel.send(data as ArrayBuffer);
    return true;
  }

  /** Ends the connection. This peer is not met again in this room, unless it joins anew under another id. */
  close(): void {
    this.#dismiss();
  }
}
