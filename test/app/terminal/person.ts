/** Somebody at a terminal, and what they play. */
import { expect } from 'vitest';
import type { Screen } from '../../../src/app/terminal/screen.ts';
import { TerminalChat, type TerminalChatOptions } from '../../../src/app/terminal/terminal-chat.ts';
import { RTCPeerConnection } from '../../../src/index.ts';
import { MediaFileWriter, opusSilenceFrames, testMedia } from '../../../src/media/index.ts';

export class LoopbackConnection extends RTCPeerConnection {
  constructor(configuration?: ConstructorParameters<typeof RTCPeerConnection>[0]) {
    super(configuration, { loopback: true, interfaceFilter: ({ internal }) => internal });
  }
}

/** A terminal whose person is the test. */
export class Person {
  readonly lines: string[] = [];
  readonly statuses: string[] = [];
  readonly done: Promise<void>;
  #type: (line: string | null) => void = () => {};

  constructor(options: TerminalChatOptions) {
    const typed = new ReadableStream<string>({
      start: (controller) => {
        this.#type = (line) => (line === null ? controller.close() : controller.enqueue(line));
      },
    });
    const screen: Screen = {
      width: 80,
      print: (line) => this.lines.push(line),
      status: (line) => this.statuses.push(line),
      style: (_style, text) => text,
      input: typed,
      close: () => {},
    };
    this.done = TerminalChat.run(options, screen);
  }

  type(line: string): void {
    this.#type(line);
  }

  leave(): Promise<void> {
    this.#type(null);
    return this.done;
  }

  sees(pattern: RegExp): Promise<void> {
    return expect.poll(() => this.lines.join('\n'), { timeout: 10_000, interval: 20 }).toMatch(pattern);
  }
}

/** Two seconds of silence and of a picture. */
export async function writeClip(path: string): Promise<void> {
  const writer = new MediaFileWriter({ target: path });
  const picture = testMedia('video', { durationMs: 2000 });
  const video = writer.addTrack(picture.codec);
  const audio = writer.addTrack({ mimeType: 'audio/opus', clockRate: 48_000, channels: 2 });
  for await (const frame of picture.frames()) video.write(frame);
  for (const frame of opusSilenceFrames({ durationMs: 2000 })) audio.write(frame);
  await writer.finalize();
}
