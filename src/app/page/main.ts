/** The chat page: lobby, call, and back. */
import { createSecretLink, joinRoom, parseSecretLink } from '../../signaling/browser.ts';
import { trackerRoomName } from '../protocol/index.ts';
import { loadConfig, type PageConfig } from '../shared/config.ts';
import { formatRoomAddress, parseRoomAddress, type RoomAddress } from '../shared/room-link.ts';
import { Call, type CallRoom } from './call.ts';
import { messageOf } from './dom.ts';
import { type Entry, Lobby } from './lobby.ts';
import { LocalMedia } from './local-media.ts';
import { MediaControls } from './media-controls.ts';
import { PeerMedia } from './peer-media.ts';
import { toast } from './toasts.ts';

let call: Call | null = null;

const media = new LocalMedia(() => {
  controls.show();
  lobby.showPreview();
  call?.showMedia();
});
const controls = new MediaControls(media);
const lobby = new Lobby(media, { join: (entry) => void join(entry), newSecret });

/** The page's link leads to the room it shows, so that it can be passed on, and comes back after a reload. */
function addressOfPage(): RoomAddress | null {
  return parseRoomAddress(location.hash, parseSecretLink);
}

function newSecret(name: string): RoomAddress {
  const { room, secret } = createSecretLink(location.href, name);
  history.replaceState(null, '', formatRoomAddress({ room, secret }));
  return { room, secret };
}

async function join(entry: Entry): Promise<void> {
  let config: PageConfig;
  try {
    config = await loadConfig(location.href);
  } catch (error) {
    lobby.showError(`The server does not say where to meet: ${messageOf(error)}`);
    return;
  }
  if (call !== null) return; // two clicks
  const { address, name } = entry;
  history.replaceState(null, '', formatRoomAddress(address));
  document.title = `${address.room || 'Secret room'} – PureRTC chat`;
  const peerMedia = new PeerMedia((kind) => media.trackOf(kind));
  const room = enterRoom(config, entry, peerMedia);
  lobby.hide();
  call = new Call({ room, address, name, media, peerMedia, controls, leave: () => void leave() });
}

function enterRoom(config: PageConfig, { address, password }: Entry, peerMedia: PeerMedia): CallRoom {
  const room = joinRoom(trackerRoomName(address.room), {
    trackers: config.trackers,
    rtc: { iceServers: [...config.iceServers] },
    iceServersFromTracker: config.iceServersFromTracker,
    ...(address.secret !== null && { secret: address.secret }),
    ...(password !== '' && { password }),
    onPeerConnection: (connection, { initiator }) => peerMedia.prepare(connection, initiator),
  });
  room.addEventListener('warning', ({ message }) => toast(message, 'warning'));
  return room;
}

async function leave(): Promise<void> {
  const ended = call;
  call = null;
  document.title = 'PureRTC chat';
  media.stop();
  await ended?.close();
  lobby.show(addressOfPage());
}

addEventListener('pagehide', () => void leave()); // also for a page that the browser keeps, to come back to
addEventListener('hashchange', () => {
  if (call === null) lobby.show(addressOfPage());
});
lobby.show(addressOfPage());
