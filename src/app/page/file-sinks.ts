/** Where received files go in a browser: to disk as they come, where it lets pages do that, and otherwise into a Blob. */
import type { FileSink, FileSource } from '../protocol/index.ts';

/** Larger files are streamed to disk, where that is possible: it costs a dialogue. */
const STREAM_FROM_BYTES = 64 * 1024 * 1024;
/** Bound: a file that has to fit into the browser's memory. */
const MAX_MEMORY_BYTES = 1024 ** 3;
/** Types that keep their name: pictures that a page can show and that can do nothing. An SVG or HTML file could. */
const SHOWN_TYPES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif']);
/** Chunks are gathered into Blobs of this size, which browsers keep outside of the page's heap. */
const PART_BYTES = 4 * 1024 * 1024;

/** Chromium's; in no library of types yet. */
type SavePicker = (options: { suggestedName: string }) => Promise<FileSystemFileHandle>;
const savePicker: SavePicker | undefined = Reflect.get(globalThis, 'showSaveFilePicker')?.bind(globalThis);

/** The largest file this browser can take. */
export const MAX_FILE_BYTES: number = savePicker === undefined ? MAX_MEMORY_BYTES : 16 * 1024 ** 3;

/** `blob` is the whole file after `close`; `null` when it is on disk already. */
export type PageSink = FileSink & { readonly blob: Blob | null };

/** Called from a click: the dialogue of a large file needs one. @returns null when the user closed the dialogue */
export async function openSink(name: string, size: number, mediaType: string): Promise<PageSink | null> {
  if (savePicker === undefined || size < STREAM_FROM_BYTES) return new MemorySink(mediaType);
  try {
    const handle = await savePicker({ suggestedName: name });
    const stream = await handle.createWritable();
    return {
      blob: null,
      write: (bytes) => stream.write(bytes as Uint8Array<ArrayBuffer>),
      close: () => stream.close(),
      abort: () => stream.abort(), // what was there before stays
    };
  } catch (error) {
    if ((error as DOMException).name === 'AbortError') return null;
    throw error;
  }
}

class MemorySink implements PageSink {
  readonly #mediaType: string;
  readonly #parts: Blob[] = [];
  #pending: Uint8Array<ArrayBuffer>[] = [];
  #pendingBytes = 0;
  #blob: Blob | null = null;

  constructor(mediaType: string) {
    this.#mediaType = SHOWN_TYPES.has(mediaType) ? mediaType : 'application/octet-stream';
  }

  get blob(): Blob | null {
    return this.#blob;
  }

  write(bytes: Uint8Array): void {
    this.#pending.push(bytes as Uint8Array<ArrayBuffer>);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes >= PART_BYTES) this.#gather();
  }

  close(): void {
    this.#gather();
    this.#blob = new Blob(this.#parts, { type: this.#mediaType });
  }

  abort(): void {
    this.#pending = [];
    this.#parts.length = 0;
  }

  #gather(): void {
    this.#parts.push(new Blob(this.#pending));
    this.#pending = [];
    this.#pendingBytes = 0;
  }
}

export function sourceOf(file: File): FileSource {
  return {
    name: file.name,
    size: file.size,
    mediaType: file.type,
    read: async (offset, length) => new Uint8Array(await file.slice(offset, offset + length).arrayBuffer()),
  };
}
