/**
 * The names on the bus. A room's key never appears there: whoever knows it may join the room. In its place stands an HMAC
 * of it under the cluster's key.
 */
import { toHex, u32 } from '../../binary/bytes.ts';
import type { CryptoProvider, HmacKey } from '../../crypto/provider.ts';
import { type WireId, wireIdToBytes } from '../../signaling/wire.ts';

const utf8 = new TextEncoder();

/** The fewest bytes of a cluster key: 128 bits, like any other secret that is not typed by hand. */
export const MIN_CLUSTER_KEY_BYTES = 16;

/** The keys of a cluster, derived from the one its operator configures. */
export type ClusterKeys = {
  /** Names rooms on the bus. */
  readonly rooms: HmacKey;
  /** Authenticates frames. */
  readonly frames: HmacKey;
};

/** @throws RangeError when the key is shorter than 16 bytes */
export function deriveClusterKeys(crypto: CryptoProvider, key: string | Uint8Array): ClusterKeys {
  const bytes = typeof key === 'string' ? utf8.encode(key) : key;
  if (bytes.length < MIN_CLUSTER_KEY_BYTES) {
    throw new RangeError(`a cluster key has at least ${MIN_CLUSTER_KEY_BYTES} bytes, this one has ${bytes.length}`);
  }
  const root = crypto.hmac('sha256', bytes);
  const derive = (label: string): HmacKey => crypto.hmac('sha256', root.sign(utf8.encode(label)));
  return { rooms: derive('purertc cluster rooms'), frames: derive('purertc cluster frames') };
}

/** The subjects of a cluster, all under its prefix, which keeps clusters apart that share an engine. */
export class Subjects {
  /** Heartbeats of all nodes. */
  readonly nodes: string;
  readonly #prefix: string;
  readonly #key: HmacKey;
  readonly #buckets: number;

  /**
   * @param buckets 0 for a subject for each room; else as many subjects that all rooms share, which costs messages about
   *   rooms that a node does not have and bounds its subscriptions
   */
  constructor(prefix: string, key: HmacKey, buckets: number) {
    this.nodes = `${prefix}.nodes`;
    this.#prefix = prefix;
    this.#key = key;
    this.#buckets = buckets;
  }

  /** Where a node gets offers and answers. */
  inbox(node: string): string {
    return `${this.#prefix}.n.${node}`;
  }

  /** A room's name in frames, and the subject where the nodes that have members in it hear of each other. */
  room(key: WireId): { readonly name: string; readonly subject: string } {
    const digest = this.#key.sign(wireIdToBytes(key)).subarray(0, 16);
    const name = toHex(digest);
    if (this.#buckets === 0) return { name, subject: `${this.#prefix}.r.${name}` };
    return { name, subject: `${this.#prefix}.b.${u32(digest, 0) % this.#buckets}` };
  }
}
