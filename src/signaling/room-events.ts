/** What happens in a room. */
import type { AnyEventHandler, EventHandler, TypedEventTargetConstructor } from '../webidl/event-handlers.ts';
import type { RoomPeer } from './room-peer.ts';

/** `peer`: somebody is here, and the channel is open. `leave`: that one is gone. */
export class RoomPeerEvent extends Event {
  readonly peer: RoomPeer;

  constructor(type: 'peer' | 'leave', peer: RoomPeer) {
    super(type);
    this.peer = peer;
  }
}

/** Something is not as it should be, and the room goes on. The same thing is told once a minute at most. */
export class RoomWarningEvent extends Event {
  readonly message: string;
  /** The URL of the tracker it is about. */
  readonly tracker: string | null;

  constructor(message: string, tracker: string | null) {
    super('warning');
    this.message = message;
    this.tracker = tracker;
  }
}

/** How many members a tracker knows of, this one among them: seeders and the others. */
export class RoomStatsEvent extends Event {
  readonly tracker: string;
  readonly complete: number;
  readonly incomplete: number;

  constructor(tracker: string, complete: number, incomplete: number) {
    super('stats');
    this.tracker = tracker;
    this.complete = complete;
    this.incomplete = incomplete;
  }
}

export interface RoomEventMap {
  peer: RoomPeerEvent;
  leave: RoomPeerEvent;
  warning: RoomWarningEvent;
  stats: RoomStatsEvent;
}

export interface RoomEventHandlers {
  get onpeer(): AnyEventHandler;
  set onpeer(handler: EventHandler<RoomPeerEvent>);
  get onleave(): AnyEventHandler;
  set onleave(handler: EventHandler<RoomPeerEvent>);
  get onwarning(): AnyEventHandler;
  set onwarning(handler: EventHandler<RoomWarningEvent>);
  get onstats(): AnyEventHandler;
  set onstats(handler: EventHandler<RoomStatsEvent>);
}

export const RoomTarget: TypedEventTargetConstructor<RoomEventMap, RoomEventHandlers> = EventTarget as never;
