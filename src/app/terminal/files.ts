/** Files of this machine, as the chat sends and receives them. */
import { constants, type FileHandle, link, mkdir, open, unlink } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { FileSink, FileSource } from '../protocol/index.ts';

/** A file to send, open until `close`. */
export class OpenFile implements FileSource {
  readonly name: string;
  readonly size: number;
  readonly #handle: FileHandle;
  #users = 0;

  private constructor(name: string, size: number, handle: FileHandle) {
    this.name = name;
    this.size = size;
    this.#handle = handle;
  }

  /** @throws Error when there is no such file, or it is none */
  static async at(path: string): Promise<OpenFile> {
    const handle = await open(path, constants.O_RDONLY);
    const stats = await handle.stat();
    if (stats.isFile()) return new OpenFile(basename(path), stats.size, handle);
    await handle.close();
    throw new Error(`${path} is no file`);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const { bytesRead } = await this.#handle.read(bytes, 0, length, offset);
    return bytes.subarray(0, bytesRead); // too few end the transfer: the file is not what it was
  }

  /** Transfers share it; the last one closes it. */
  use(): void {
    this.#users++;
  }

  async release(): Promise<void> {
    this.#users--;
    if (this.#users <= 0) await this.#handle.close();
  }
}

const PART_SUFFIX = '.part';
const MAX_COPIES = 1000;

/**
 * A file that is being received into a directory. Until it is complete and checked it is called `name.part`; then it gets
 * its name, or `name (2)` and so on where that is taken: nothing is ever overwritten.
 */
export class ReceivedFile implements FileSink {
  readonly #directory: string;
  readonly #name: string;
  readonly #part: string;
  readonly #handle: FileHandle;
  #path = '';

  private constructor(directory: string, name: string, part: string, handle: FileHandle) {
    this.#directory = directory;
    this.#name = name;
    this.#part = part;
    this.#handle = handle;
  }

  /** @param name cleaned, as the protocol hands it out. @throws Error when the directory cannot be written to */
  static async in(directory: string, name: string): Promise<ReceivedFile> {
    await mkdir(directory, { recursive: true });
    for (const candidate of candidates(`${name}${PART_SUFFIX}`)) {
      const part = join(directory, candidate);
      const handle = await open(part, 'wx').catch(unlessTaken);
      if (handle !== null) return new ReceivedFile(directory, name, part, handle);
    }
    throw new Error(`${directory} has too many files called ${name}`);
  }

  /** Where it is, once it is complete. */
  get path(): string {
    return this.#path;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#handle.writeFile(bytes);
  }

  async close(): Promise<void> {
    await this.#handle.close();
    for (const candidate of candidates(this.#name)) {
      const path = join(this.#directory, candidate);
      if ((await link(this.#part, path).then(() => path, unlessTaken)) === null) continue;
      await unlink(this.#part);
      this.#path = path;
      return;
    }
    throw new Error(`${this.#directory} has too many files called ${this.#name}`);
  }

  async abort(): Promise<void> {
    await this.#handle.close();
    await unlink(this.#part);
  }
}

/** `a.png`, `a (2).png`, `a (3).png` … */
function* candidates(name: string): Generator<string> {
  const extension = extname(name);
  const stem = name.slice(0, name.length - extension.length);
  yield name;
  for (let copy = 2; copy <= MAX_COPIES; copy++) yield `${stem} (${copy})${extension}`;
}

function unlessTaken(error: NodeJS.ErrnoException): null {
  if (error.code === 'EEXIST') return null;
  throw error;
}
