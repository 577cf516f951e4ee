/** Forward error correction of one stream that is received: what was lost, out of what came (RFC 5109; FlexFEC-03). */
import type { ExtensionMap } from '../extensions/extension-map.ts';
import { absSendTimeExtension, transmissionOffsetExtension } from '../extensions/timing.ts';
import { transportSequenceExtension } from '../extensions/transport-sequence.ts';
import { RtpPacket } from '../packet.ts';
import { FecDecoder, type FecDecoderStats } from '../repair/fec/fec-decoder.ts';
import type { FecScheme } from '../repair/fec/fec-header.ts';

/** They are written when a packet leaves, after its protection was made: senders and receivers take them as zero. */
const WRITTEN_LAST = [absSendTimeExtension, transmissionOffsetExtension, transportSequenceExtension];

export class StreamFec {
  readonly scheme: FecScheme;
  readonly #decoder: FecDecoder;
  readonly #ids: readonly number[];
  readonly #packet = new RtpPacket();

  /** @param recover takes each packet that was recovered, a new array */
  constructor(scheme: FecScheme, ssrc: number, extensions: ExtensionMap, recover: (packet: Uint8Array) => void) {
    this.scheme = scheme;
    this.#decoder = new FecDecoder(scheme, ssrc, recover);
    this.#ids = WRITTEN_LAST.map((extension) => extensions.id(extension)).filter((id) => id > 0);
  }

  get stats(): FecDecoderStats {
    return this.#decoder.stats;
  }

  /** A packet that came over the network: of one sent again, the header need not be what it was. */
  receiveMedia(bytes: Uint8Array): void {
    const copy = bytes.slice();
    if (!this.#packet.read(copy)) return;
    for (const id of this.#ids) {
      const at = this.#packet.findExtension(id);
      if (at >= 0) copy.fill(0, at, at + this.#packet.extensionLength(at));
    }
    this.#decoder.receiveMedia(copy);
  }

  receiveFec(payload: Uint8Array): void {
    this.#decoder.receiveFec(payload);
  }
}
