/** The chat in a terminal: the same rooms as the page, with text, files, who is here and how the connections are. */
import { joinRoom, type Room, type RoomOptions, type RoomPeer } from '../../signaling/index.ts';
import {
  type ChatEvent,
  ChatSession,
  type ChatText,
  type IncomingTransfer,
  type OutgoingTransfer,
  type Transfer,
  trackerRoomName,
} from '../protocol/index.ts';
import { type ConnectionSample, takeSample } from '../shared/rates.ts';
import { CallMedia } from './call-media.ts';
import { COMMANDS_HELP, parseCommand } from './commands.ts';
import { OpenFile, ReceivedFile } from './files.ts';
import { formatBytes, formatProgress, formatRate } from './progress.ts';
import type { Screen } from './screen.ts';

export type TerminalChatOptions = {
  readonly room: string;
  readonly name: string;
  readonly signaling: RoomOptions;
  /** Where files that are accepted go. */
  readonly downloadDirectory: string;
  readonly playFile?: string;
  readonly recordDirectory?: string;
};

const SAMPLE_INTERVAL_MS = 2_000;

type Numbered = {
  readonly number: number;
  readonly transfer: IncomingTransfer | OutgoingTransfer;
  readonly who: string;
};

export class TerminalChat {
  readonly #options: TerminalChatOptions;
  readonly #screen: Screen;
  readonly #room: Room;
  readonly #chat: ChatSession<RoomPeer>;
  readonly #media: CallMedia;
  /** Offered or under way, in the order of their numbers. Bounded by what the protocol lets each peer have. */
  readonly #transfers = new Map<Transfer, Numbered>();
  readonly #received = new Map<Transfer, ReceivedFile>();
  readonly #sent = new Map<Transfer, OpenFile>();
  readonly #samples = new Map<string, ConnectionSample>();
  readonly #sampling: NodeJS.Timeout;
  #lastNumber = 0;

  private constructor(options: TerminalChatOptions, screen: Screen, media: CallMedia) {
    this.#options = options;
    this.#screen = screen;
    this.#media = media;
    const { room, name, signaling } = options;
    this.#room = joinRoom(trackerRoomName(room), {
      ...signaling,
      onPeerConnection: (connection) => media.prepare(connection),
    });
    const capabilities = ['files', 'media'];
    const chatOptions = { name, client: 'terminal', capabilities, media: media.state };
    this.#chat = new ChatSession<RoomPeer>(this.#room, chatOptions, (event) => this.#show(event));
    this.#room.addEventListener('warning', ({ message }) => this.#note(message));
    this.#sampling = setInterval(() => void this.#sample(), SAMPLE_INTERVAL_MS);
  }

  /** Joins, and stays until the input ends or somebody types `/quit`. @throws Error when a file cannot be played */
  static async run(options: TerminalChatOptions, screen: Screen): Promise<void> {
    const { playFile, recordDirectory } = options;
    const print = (line: string): void => screen.print(screen.style('dim', line));
    const media = await CallMedia.open({
      ...(playFile !== undefined && { playFile }),
      ...(recordDirectory !== undefined && { recordDirectory }),
      print,
    });
    const chat = new TerminalChat(options, screen, media);
    print(`${options.room}: waiting for others. /help has the commands.`);
    try {
      for await (const line of screen.input) if (!(await chat.#obey(line))) break;
    } finally {
      await chat.#close();
    }
  }

  async #close(): Promise<void> {
    clearInterval(this.#sampling);
    this.#screen.status('');
    this.#chat.close();
    await this.#media.close();
    await this.#room.leave();
    this.#screen.close();
  }

  /** @returns false when that was the end */
  async #obey(line: string): Promise<boolean> {
    const command = parseCommand(line);
    switch (command.kind) {
      case 'nothing':
        break;
      case 'say':
        this.#try(() => this.#showText(this.#chat.say(command.text)));
        break;
      case 'send':
        await this.#send(command.path).catch((error: unknown) => this.#note(messageOf(error)));
        break;
      case 'accept':
        this.#withTransfer(command.number, isOffer, (found) => void this.#accept(found));
        break;
      case 'refuse':
        this.#withTransfer(command.number, isOffer, ({ transfer }) => transfer.cancel());
        break;
      case 'cancel':
        this.#withTransfer(
          command.number,
          () => true,
          ({ transfer }) => transfer.cancel(),
        );
        break;
      case 'name':
        this.#chat.name = command.name;
        this.#note(`you are ${this.#chat.name}`);
        break;
      case 'people':
        this.#showPeople();
        break;
      case 'stats':
        await this.#sample();
        this.#showStats();
        break;
      case 'help':
        for (const help of COMMANDS_HELP) this.#note(help);
        break;
      case 'wrong':
        this.#note(command.message);
        break;
      case 'quit':
        return false;
      default:
        command satisfies never;
    }
    return true;
  }

  // What happens in the room

  #show(event: ChatEvent<RoomPeer>): void {
    switch (event.kind) {
      case 'joined':
        this.#note(`${event.peer.name} is here (${event.peer.client})`);
        this.#media.record(event.peer.roomPeer.connection, event.peer.id, event.peer.name);
        break;
      case 'left':
        this.#note(`${event.peer.name} has left`);
        this.#samples.delete(event.peer.id);
        void this.#media.end(event.peer.id);
        break;
      case 'changed':
        break;
      case 'text':
        this.#showText(event.message);
        break;
      case 'offer': {
        const { number } = this.#number(event.transfer, event.peer.name);
        const { name, size } = event.transfer;
        this.#note(`${event.peer.name} offers ${name}, ${formatBytes(size)}: /accept ${number} or /refuse ${number}`);
        break;
      }
      case 'transfer':
        this.#follow(event.transfer);
        break;
      default:
        event satisfies never;
    }
  }

  #showText({ peerId, name, sentAt, text }: ChatText): void {
    const time = new Date(sentAt).toTimeString().slice(0, 'hh:mm'.length);
    const who = this.#screen.style(peerId === null ? 'bold' : 'cyan', name);
    const [first = '', ...others] = text.split('\n');
    this.#screen.print(`${this.#screen.style('dim', time)} ${who}: ${first}`);
    for (const line of others) this.#screen.print(`      ${line}`);
  }

  #showPeople(): void {
    this.#note(`${this.#chat.name} (you)`);
    for (const { name, client, media } of this.#chat.peers.values()) {
      const shows = [media.microphone && 'microphone', media.camera && 'camera', media.screen && 'screen'].filter(
        Boolean,
      );
      this.#note([name, `(${client})`, ...shows].join(' '));
    }
    for (const { url, state, lastError } of this.#room.trackers) {
      this.#note(`tracker ${url} ${state}${lastError === null ? '' : `: ${lastError}`}`);
    }
  }

  // Files

  async #send(path: string): Promise<void> {
    const file = await OpenFile.at(path);
    file.use(); // until it has been offered
    try {
      const transfers = this.#chat.offer(file);
      for (const transfer of transfers) {
        file.use();
        this.#sent.set(transfer, file);
        this.#number(transfer, this.#chat.peers.get(transfer.peerId)?.name ?? '');
      }
      this.#note(transfers.length === 0 ? 'nobody here takes files' : `offered ${file.name} to ${transfers.length}`);
    } finally {
      await file.release();
    }
  }

  async #accept({ transfer }: Numbered): Promise<void> {
    if (transfer.direction !== 'incoming') return;
    try {
      const file = await ReceivedFile.in(this.#options.downloadDirectory, transfer.name);
      this.#received.set(transfer, file);
      transfer.accept(file);
    } catch (error) {
      this.#note(messageOf(error));
    }
  }

  #follow(transfer: Transfer): void {
    const who = this.#transfers.get(transfer)?.who ?? '';
    if (transfer.state === 'complete') {
      const path = this.#received.get(transfer)?.path;
      const what = path === undefined ? `${who} has ${transfer.name}` : `${transfer.name} from ${who} is in ${path}`;
      this.#note(`${what}, SHA-256 ${transfer.sha256}`);
    } else if (transfer.state === 'ended') {
      this.#note(`${transfer.name}: ${transfer.reason}`);
    }
    if (transfer.state === 'complete' || transfer.state === 'ended') {
      this.#transfers.delete(transfer);
      this.#received.delete(transfer);
      void this.#sent.get(transfer)?.release();
      this.#sent.delete(transfer);
    }
    const active = [...this.#transfers.keys()].filter(({ state }) => state === 'active');
    this.#screen.status(active.map(formatProgress).join('   '));
  }

  #number(transfer: IncomingTransfer | OutgoingTransfer, who: string): Numbered {
    const numbered = { number: ++this.#lastNumber, transfer, who };
    this.#transfers.set(transfer, numbered);
    return numbered;
  }

  /** The one with that number, or the last one that fits. */
  #withTransfer(number: number | null, fits: (transfer: Transfer) => boolean, use: (found: Numbered) => void): void {
    const fitting = [...this.#transfers.values()].filter(({ transfer }) => fits(transfer));
    const found = number === null ? fitting.at(-1) : fitting.find((one) => one.number === number);
    if (found === undefined) this.#note(number === null ? 'there is no such file' : `there is no file ${number}`);
    else use(found);
  }

  // Connections

  async #sample(): Promise<void> {
    await Promise.all(
      [...this.#chat.peers.values()].map(async ({ id, roomPeer }) => {
        const report = await roomPeer.connection.getStats();
        if (this.#chat.peers.has(id)) this.#samples.set(id, takeSample(report, this.#samples.get(id) ?? null));
      }),
    );
  }

  #showStats(): void {
    if (this.#samples.size === 0) this.#note('there is nobody else here');
    for (const [id, sample] of this.#samples) {
      const name = this.#chat.peers.get(id)?.name ?? id.slice(0, 8);
      const trip = sample.roundTrip === null ? '–' : `${sample.roundTrip.toFixed(1)} ms`;
      const loss = sample.loss === null ? '' : `, loss ${(sample.loss * 100).toFixed(1)} %`;
      this.#note(`${name}: ↓ ${formatRate(sample.receiveRate)}, ↑ ${formatRate(sample.sendRate)}, ${trip}${loss}`);
      this.#note(`  ${sample.localCandidate} ↔ ${sample.remoteCandidate}`);
      this.#note(`  ${[...sample.codecs, sample.encryption].filter(Boolean).join(', ')}`);
    }
  }

  /** What trackers say comes from the network too: nothing in it may move the cursor. */
  #note(line: string): void {
    this.#screen.print(this.#screen.style('dim', line.replace(/\p{Cc}/gu, ' ')));
  }

  #try(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#note(messageOf(error));
    }
  }
}

function isOffer({ direction, state }: Transfer): boolean {
  return direction === 'incoming' && state === 'offered';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
