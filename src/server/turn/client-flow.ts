/** A client as the service knows it: the flow that the machine is told of, and the way back. */
import type { TurnFlow } from '../../turn/index.ts';

export type ClientFlow = TurnFlow & {
  /** Sends a message to the client, or drops it. */
  readonly send: (packet: Uint8Array) => void;
};

/** A message of a client. */
export type OnMessage = (packet: Uint8Array, flow: ClientFlow) => void;
