/** A call: the room, the chat in it, and everything of the page that shows them. */
import {
  type ChatEvent,
  type ChatPeer,
  type ChatRoom,
  type ChatRoomPeer,
  ChatSession,
  type MediaState,
} from '../protocol/index.ts';
import type { RoomAddress } from '../shared/room-link.ts';
import { ChatPanel } from './chat-panel.ts';
import { ConnectionPanel, type TrackerState } from './connection-panel.ts';
import { byId, messageOf, setIcon } from './dom.ts';
import { watchDrops } from './file-drop.ts';
import { MAX_FILE_BYTES, sourceOf } from './file-sinks.ts';
import type { LocalMedia } from './local-media.ts';
import type { MediaControls } from './media-controls.ts';
import type { PeerMedia } from './peer-media.ts';
import { PeoplePanel } from './people-panel.ts';
import { shareLink } from './share-link.ts';
import { SidePanel } from './side-panel.ts';
import { Speakers } from './speakers.ts';
import { OWN, Stage } from './stage.ts';
import { toast } from './toasts.ts';

const STATUS_INTERVAL_MS = 1000;

export type CallPeer = ChatRoomPeer & { readonly connection: RTCPeerConnection; readonly initiator: boolean };

/** What the call needs of `Room`. */
export type CallRoom = ChatRoom<CallPeer> & {
  readonly trackers: readonly TrackerState[];
  leave(): Promise<void>;
};

export type CallOptions = {
  readonly room: CallRoom;
  readonly address: RoomAddress;
  readonly name: string;
  readonly media: LocalMedia;
  readonly peerMedia: PeerMedia;
  readonly controls: MediaControls;
  /** The user wants to go. */
  leave(): void;
};

export class Call {
  readonly #options: CallOptions;
  readonly #session: ChatSession<CallPeer>;
  readonly #stage = new Stage(byId('stage', HTMLUListElement));
  readonly #chat: ChatPanel;
  readonly #people: PeoplePanel;
  readonly #connection: ConnectionPanel;
  readonly #panel: SidePanel;
  readonly #speakers: Speakers;
  readonly #ownStream = new MediaStream();
  readonly #unbind = new AbortController();
  readonly #endDrops: () => void;
  readonly #statusTimer: ReturnType<typeof setInterval>;

  constructor(options: CallOptions) {
    this.#options = options;
    const { room, address, name, media } = options;
    const { signal } = this.#unbind;
    byId('call', HTMLDivElement).hidden = false;
    byId('room-name', HTMLSpanElement).textContent = address.room === '' ? 'Secret room' : address.room;
    setIcon(byId('room-kind', SVGSVGElement), address.secret === null ? 'door' : 'lock');

    this.#chat = new ChatPanel({ say: (text) => this.#say(text), send: (files) => this.#send(files) });
    this.#session = new ChatSession(
      room,
      { name, client: 'browser', capabilities: ['files', 'media'], media: media.state, maxFileBytes: MAX_FILE_BYTES },
      (event) => this.#handle(event),
    );
    this.#people = new PeoplePanel(name, (next) => this.#rename(next));
    this.#connection = new ConnectionPanel({
      peers: () =>
        this.#peers().map(({ id, name: of, roomPeer }) => ({ id, name: of, connection: roomPeer.connection })),
      trackers: () => room.trackers,
    });
    this.#panel = new SidePanel((tab, asked) => {
      if (tab === 'connection') this.#connection.draw();
      // On a touch screen this would bring up the keyboard over what there is to read.
      if (tab === 'chat' && asked && matchMedia('(hover: hover)').matches) this.#chat.focus();
    });
    this.#speakers = new Speakers(
      OWN,
      () => this.#peers().map(({ id, roomPeer }) => ({ id, connection: roomPeer.connection })),
      (id, speaking) => this.#stage.showSpeaking(id, speaking),
    );
    this.#stage.add(OWN, this.#ownStream);
    this.showMedia();

    const link = (): void => void shareLink(location.href);
    byId('copy-link', HTMLButtonElement).addEventListener('click', link, { signal });
    byId('alone-copy', HTMLButtonElement).addEventListener('click', link, { signal });
    byId('leave', HTMLButtonElement).addEventListener('click', () => options.leave(), { signal });
    addEventListener('keydown', (event) => this.#pressed(event), { signal });
    this.#endDrops = watchDrops((files) => this.#send(files));
    this.#statusTimer = setInterval(() => this.#showStatus(), STATUS_INTERVAL_MS);
  }

  /** Our tracks have changed. */
  showMedia(): void {
    const { media, peerMedia } = this.#options;
    peerMedia.update();
    const video = media.trackOf('video');
    for (const track of this.#ownStream.getTracks()) if (track !== video) this.#ownStream.removeTrack(track);
    if (video !== null && !this.#ownStream.getTracks().includes(video)) this.#ownStream.addTrack(video);
    this.#speakers.microphone = media.microphone;
    if (!sameMedia(this.#session.media, media.state)) this.#session.media = media.state;
    this.#showPeople();
  }

  async close(): Promise<void> {
    this.#unbind.abort();
    clearInterval(this.#statusTimer);
    this.#endDrops();
    this.#speakers.stop();
    this.#connection.close();
    this.#people.close();
    this.#panel.close();
    this.#chat.close();
    this.#session.close();
    this.#stage.clear();
    byId('call', HTMLDivElement).hidden = true;
    await this.#options.room.leave();
  }

  #peers(): ChatPeer<CallPeer>[] {
    return [...this.#session.peers.values()];
  }

  #handle(event: ChatEvent<CallPeer>): void {
    switch (event.kind) {
      case 'joined':
        this.#joined(event.peer);
        break;
      case 'changed':
        this.#showPeople();
        break;
      case 'left':
        this.#stage.remove(event.peer.id);
        this.#chat.addNote(`${event.peer.name} left`);
        this.#showPeople();
        break;
      case 'text':
        this.#chat.addText(event.message);
        this.#panel.countUnread();
        if (this.#panel.tab !== 'chat') toast(`${event.message.name}: ${shorten(event.message.text)}`);
        break;
      case 'offer':
        this.#chat.addIncoming(event.transfer, event.peer.id, event.peer.name);
        this.#panel.countUnread();
        if (this.#panel.tab !== 'chat') toast(`${event.peer.name} offers ${event.transfer.name}`);
        break;
      case 'transfer':
        this.#chat.updateTransfer(event.transfer);
        break;
      default:
        event satisfies never;
    }
  }

  #joined(peer: ChatPeer<CallPeer>): void {
    const { connection, initiator } = peer.roomPeer;
    const { peerMedia, controls } = this.#options;
    // Who offered has brought the sections; who answered to an offer without any adds them, and only one side may.
    if (!initiator && peer.can('media')) peerMedia.ensure(connection);
    const tile = this.#stage.add(peer.id, peerMedia.streamOf(connection));
    const showState = (): void => {
      tile.element.dataset['connection'] = connection.connectionState;
    };
    connection.addEventListener('connectionstatechange', showState, { signal: this.#unbind.signal });
    showState();
    controls.routeSound();
    void tile.play().then((audible) => {
      if (audible) return;
      toast('Click anywhere to hear the others', 'warning');
      addEventListener('click', () => void tile.play(), { once: true, signal: this.#unbind.signal });
    });
    this.#chat.addNote(`${peer.name} joined`);
    this.#showPeople();
  }

  #say(text: string): void {
    try {
      this.#chat.addText(this.#session.say(text));
    } catch (error) {
      toast(messageOf(error), 'warning'); // nothing but invisible characters
    }
  }

  #send(files: readonly File[]): void {
    if (files.length === 0) return;
    for (const file of files) {
      try {
        const transfers = this.#session.offer(sourceOf(file));
        if (transfers.length === 0) {
          toast('Nobody is here who could take a file', 'warning');
          return;
        }
        const nameOf = (id: string): string => this.#session.peers.get(id)?.name ?? 'somebody';
        this.#chat.addOutgoing(transfers, this.#session.name, nameOf);
      } catch (error) {
        toast(messageOf(error), 'warning');
        return;
      }
    }
    this.#panel.open('chat');
  }

  #rename(name: string): void {
    this.#session.name = name;
    this.#showPeople();
    toast(`You are ${this.#session.name} now`);
  }

  #showPeople(): void {
    const { name, media } = this.#session;
    const others = this.#peers().map((peer) => ({
      id: peer.id,
      name: peer.name,
      client: peer.client,
      media: peer.media,
      isOwn: false,
    }));
    const people = [{ id: OWN, name, client: 'browser', media, isOwn: true }, ...others];
    this.#options.peerMedia.fit(others.length, media.screen);
    for (const person of people) this.#stage.update(person);
    this.#people.show(people);
    byId('alone', HTMLDivElement).hidden = others.length > 0;
    this.#showStatus();
  }

  #showStatus(): void {
    const { trackers } = this.#options.room;
    const reachable = trackers.some(({ state }) => state === 'open');
    const count = this.#session.peers.size + 1;
    const connecting = trackers.some(({ state }) => state === 'connecting') && count === 1;
    const state = reachable ? 'open' : connecting ? 'connecting' : 'waiting';
    const here = count === 1 ? 'Only you' : `${count} here`;
    const text = { open: here, connecting: 'Connecting', waiting: `${here}, tracker unreachable` }[state];
    const status = byId('status', HTMLParagraphElement);
    status.dataset['state'] = state;
    const label = byId('status-text', HTMLSpanElement);
    if (label.textContent !== text) label.textContent = text;
  }

  #pressed(event: KeyboardEvent): void {
    const source =
      event.ctrlKey || event.metaKey ? { d: 'microphone', e: 'camera' }[event.key.toLowerCase()] : undefined;
    if (source !== undefined) {
      event.preventDefault(); // the browser's bookmarks and search
      void this.#options.controls.toggle(source as 'microphone' | 'camera');
    } else if (event.key === 'Escape' && this.#panel.tab !== null && document.querySelector('dialog[open]') === null) {
      this.#panel.hide();
    }
  }
}

function sameMedia(a: MediaState, b: MediaState): boolean {
  return a.microphone === b.microphone && a.camera === b.camera && a.screen === b.screen;
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
