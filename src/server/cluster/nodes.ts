/** The other nodes of a cluster: who is there, by their heartbeats, and which of their frames have been seen. */
import { ReplayWindow } from '../../binary/replay-window.ts';

/** A node says that it lives every so often. */
export const HEARTBEAT_INTERVAL_MS = 2000;
/** After three heartbeats that did not come, a node counts as dead: its members are not dealt to any more. */
export const NODE_DEAD_MS = 7000;
/** What is known of a dead node, so as to tell its late frames from new ones, is forgotten after this. */
const NODE_FORGOTTEN_MS = 60_000;
/** Bound: frames of further nodes are dropped. */
const MAX_NODES = 1000;
/** How far a frame may be overtaken by others of its node and still be taken; 1 KiB a node. */
const FRAME_WINDOW = 8192;

export type RemoteNode = {
  readonly id: string;
  /** When a frame of it last came. */
  heardAt: number;
  /** It is there, as far as known, and may have members. */
  alive: boolean;
  /** It said goodbye, which is for good: a node that starts again has another id. */
  left: boolean;
  readonly seen: ReplayWindow;
};

export class Nodes {
  readonly #nodes = new Map<string, RemoteNode>();

  /**
   * The node that sent a frame, or why the frame should be dropped. A frame of a node that was taken for dead, or was
   * never heard of, does not make it alive: what tells of its members does.
   */
  hear(id: string, sequence: number, now: number): RemoteNode | 'duplicate' | 'tooManyNodes' {
    let node = this.#nodes.get(id);
    if (node === undefined) {
      if (this.#nodes.size >= MAX_NODES) return 'tooManyNodes';
      node = { id, heardAt: now, alive: false, left: false, seen: new ReplayWindow(FRAME_WINDOW) };
      this.#nodes.set(id, node);
    }
    if (!node.seen.mayBeNew(sequence)) return 'duplicate';
    node.seen.add(sequence);
    node.heardAt = now;
    return node;
  }

  /** Nodes that were not heard of for too long, from now on dead. */
  expire(now: number): RemoteNode[] {
    const dead: RemoteNode[] = [];
    for (const node of this.#nodes.values()) {
      if (node.alive && now - node.heardAt >= NODE_DEAD_MS) {
        node.alive = false;
        dead.push(node);
      }
      if (now - node.heardAt >= NODE_FORGOTTEN_MS) this.#nodes.delete(node.id);
    }
    return dead;
  }

  get aliveCount(): number {
    let count = 0;
    for (const node of this.#nodes.values()) if (node.alive) count++;
    return count;
  }
}
