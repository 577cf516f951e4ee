/** `purertc chat ROOM`: a room in the terminal. */
import { userInfo } from 'node:os';
import process from 'node:process';
import { loadConfig } from '../app/shared/config.ts';
import { parseRoomAddress } from '../app/shared/room-link.ts';
import { openScreen } from '../app/terminal/screen.ts';
import { TerminalChat } from '../app/terminal/terminal-chat.ts';
import { parseSecretLink } from '../signaling/index.ts';
import { describeSettings, parseText, readSettings, SettingError, type SettingsFor } from './settings.ts';

type ChatSettings = {
  readonly name?: string;
  readonly server?: string;
  readonly trackers?: readonly string[];
  readonly play?: string;
  readonly record?: string;
  readonly downloads?: string;
};

const DEFAULT_SERVER = 'http://localhost:8080/';
const PASSWORD_VARIABLE = 'PURERTC_PASSWORD';

const SETTINGS: SettingsFor<ChatSettings> = {
  name: { flag: 'name', takes: 'NAME', variable: 'PURERTC_NAME', about: 'yours; the account’s', parse: parseText },
  server: {
    flag: 'server',
    takes: 'URL',
    variable: 'PURERTC_SERVER',
    about: `where purertc serve runs; ${DEFAULT_SERVER}`,
    parse: parseText,
  },
  trackers: {
    flag: 'tracker',
    takes: 'URL',
    variable: 'PURERTC_TRACKERS',
    about: 'WebTorrent trackers to meet at, in place of a server',
    isList: true,
    parse: parseText,
  },
  play: {
    flag: 'play',
    takes: 'FILE',
    variable: 'PURERTC_PLAY',
    about: 'a media file as camera and microphone',
    parse: parseText,
  },
  record: {
    flag: 'record',
    takes: 'DIR',
    variable: 'PURERTC_RECORD',
    about: 'each peer’s sound and pictures, as they come',
    parse: parseText,
  },
  downloads: {
    flag: 'downloads',
    takes: 'DIR',
    variable: 'PURERTC_DOWNLOADS',
    about: 'where accepted files go; here',
    parse: parseText,
  },
};

export const CHAT_HELP: string = `purertc chat ROOM [options]

ROOM is a name, or the address of a room in the browser, secret ones included. A password is read from ${PASSWORD_VARIABLE}.

${describeSettings(SETTINGS)}
`;

/** @throws SettingError; Error when the server cannot be reached or a file not be played */
export async function runChat([room, ...args]: readonly string[]): Promise<void> {
  if (room === undefined || room.startsWith('-')) throw new SettingError('purertc chat ROOM: which room?');
  const settings = readSettings<ChatSettings>(SETTINGS, { args, env: process.env, readFile: noFile });
  const address = addressOf(room);
  const server = settings.server ?? address.server ?? DEFAULT_SERVER;
  const config = settings.trackers
    ? { trackers: settings.trackers, iceServers: [], iceServersFromTracker: true }
    : await loadConfig(server).catch((error: unknown) => {
        throw new SettingError(`${server}: ${error instanceof Error ? error.message : String(error)}`);
      });
  const password = process.env[PASSWORD_VARIABLE];
  const screen = openScreen(process.stdin, process.stdout);
  await TerminalChat.run(
    {
      room: address.room,
      name: settings.name ?? userInfo().username,
      downloadDirectory: settings.downloads ?? '.',
      ...(settings.play !== undefined && { playFile: settings.play }),
      ...(settings.record !== undefined && { recordDirectory: settings.record }),
      signaling: {
        trackers: config.trackers,
        rtc: { iceServers: [...config.iceServers] },
        iceServersFromTracker: config.iceServersFromTracker,
        ...(address.secret !== null && { secret: address.secret }),
        ...(address.secret === null && password && { password }),
      },
    },
    screen,
  );
}

type Address = { readonly room: string; readonly secret: string | null; readonly server: string | null };

/** A name, or what stands in the browser's address bar. */
function addressOf(room: string): Address {
  if (!URL.canParse(room) || !/^https?:/.test(room)) return { room, secret: null, server: null };
  const { hash } = new URL(room);
  const address = parseRoomAddress(hash, parseSecretLink);
  if (address === null) throw new SettingError(`${room} leads to no room`);
  return { ...address, server: room.slice(0, room.length - hash.length) };
}

function noFile(): never {
  throw new Error('a chat has no configuration file');
}
