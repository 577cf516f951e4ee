/** The bytes of a file from its beginning on, wherever it is. */
import type { MediaFileSource } from './media-file.ts';

/** Read at once from a path. */
const CHUNK_LENGTH = 65_536;

/** A source whose first bytes are known. `open` may be called again, except for streams. */
export type OpenedSource = { readonly head: Uint8Array; open(): AsyncIterable<Uint8Array> };

/** Looks at the first `length` bytes; fewer where there are not as many. */
export async function openSource(source: MediaFileSource, length: number): Promise<OpenedSource> {
  if (source instanceof ReadableStream) {
    const { head, stream } = await peek(source, length);
    return { head, open: () => readStream(stream) };
  }
  const open = () => readBytes(source);
  let head = new Uint8Array(0);
  for await (const chunk of open()) {
    head = append(head, chunk);
    if (head.length >= length) break;
  }
  return { head: head.subarray(0, length), open };
}

/** The same stream again, its first bytes looked at. */
export async function peek(
  source: ReadableStream<Uint8Array>,
  length: number,
): Promise<{ head: Uint8Array; stream: ReadableStream<Uint8Array> }> {
  const reader = source.getReader();
  let head = new Uint8Array(0);
  let isDone = false;
  while (head.length < length && !isDone) {
    const { done, value } = await reader.read();
    isDone = done;
    if (value !== undefined) head = append(head, value);
  }
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        if (head.length > 0) controller.enqueue(head);
        if (isDone) controller.close();
      },
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return { head: head.subarray(0, length), stream };
}

/** The path that a `file:` URL stands for. */
export async function pathOf(place: string | URL): Promise<string> {
  if (typeof place === 'string') return place;
  const { fileURLToPath } = await import('node:url');
  return fileURLToPath(place);
}

async function* readBytes(source: string | URL | Blob | Uint8Array): AsyncGenerator<Uint8Array> {
  if (source instanceof Uint8Array) {
    yield source;
  } else if (source instanceof Blob) {
    yield* readStream(source.stream());
  } else {
    const { open } = await import('node:fs/promises');
    const file = await open(source);
    try {
      for (;;) {
        const { bytesRead, buffer } = await file.read(new Uint8Array(CHUNK_LENGTH));
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }
}

/** Streams are not iterable everywhere. */
async function* readStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}

function append(head: Uint8Array<ArrayBuffer>, chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(head.length + chunk.length);
  joined.set(head);
  joined.set(chunk, head.length);
  return joined;
}
