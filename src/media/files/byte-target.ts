/** Where the bytes of a file that we write ourselves go. */
import { concatBytes } from '../../binary/bytes.ts';

export interface ByteTarget {
  write(bytes: Uint8Array): Promise<void>;
  /** Writes over the beginning, where the target can; it has been written before. */
  patchStart(bytes: Uint8Array): Promise<void>;
  /** All the bytes, where they were kept in memory. */
  close(): Promise<Uint8Array | null>;
}

export function memoryTarget(): ByteTarget {
  const parts: Uint8Array[] = [];
  return {
    write: async (bytes) => void parts.push(bytes.slice()),
    patchStart: async (bytes) => parts[0]!.set(bytes),
    close: async () => concatBytes(...parts),
  };
}

export async function fileTarget(path: string | URL): Promise<ByteTarget> {
  const { open } = await import('node:fs/promises');
  const file = await open(path, 'w');
  return {
    write: async (bytes) => void (await file.writev([bytes])),
    patchStart: async (bytes) => void (await file.write(bytes, 0, bytes.length, 0)),
    close: async () => {
      await file.close();
      return null;
    },
  };
}

/** A stream only goes on: what would be patched stays as it was. */
export function streamTarget(stream: WritableStream<Uint8Array>): ByteTarget {
  const writer = stream.getWriter();
  return {
    write: (bytes) => writer.write(bytes),
    patchStart: async () => {},
    close: async () => {
      await writer.close();
      return null;
    },
  };
}
